"""The options that every command takes: where they may stand, and what they win over."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.cli import cli
from irkit.cli.options import Settings
from irkit.ledger import Ledger
from tests.cli.rig import Capsys, irkit
from tests.cli.test_completion import offered

PLACES = [("{}", "ledger", "show"), ("ledger", "{}", "show"), ("ledger", "show", "{}")]


def holding(root: str, mode: str) -> Path:
    """A folder with INC-1, which is told from others of that name by its mode."""
    Ledger.create(Path(root, "INC-1").absolute(), mode=mode, version="1", code_hash="0" * 64).close()
    return Path(root).absolute()


def configured(mode: str) -> Path:
    """An irkit.toml whose evidence folder holds an INC-1 of that mode."""
    path = Path(f"{mode}.toml").absolute()
    path.write_text(f'evidence = "{holding(f"{mode}s", mode)}"\n')
    return path


def placed(words: tuple[str, ...], *flag: str) -> list[str]:
    return [one for word in words for one in (flag if word == "{}" else (word,))]


def shown(capsys: Capsys, *words: str) -> str:
    """The mode of the INC-1 that `irkit ledger show` finds."""
    ran = irkit(capsys, *words, "INC-1", "--json")
    assert ran.code == 0, ran.err
    return str(ran.json[0]["data"]["mode"])


@pytest.mark.parametrize("words", PLACES)
def test_a_flag_wins_over_the_environment(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    """Wherever it stands: before the command, after its group, after its name. Without one the environment counts."""
    monkeypatch.setenv("IRKIT_EVIDENCE", str(holding("named", "live")))
    assert shown(capsys, *placed(words)) == "live"
    assert shown(capsys, *placed(words, "--evidence", str(holding("given", "drill")))) == "drill"


@pytest.mark.parametrize("words", PLACES)
def test_a_configuration_given_wins_over_the_environments(capsys: Capsys, monkeypatch: pytest.MonkeyPatch,
                                                          words: tuple[str, ...]) -> None:
    """--config, as --evidence."""
    monkeypatch.setenv("IRKIT_CONFIG", str(configured("live")))
    assert shown(capsys, *placed(words)) == "live"
    assert shown(capsys, *placed(words, "--config", str(configured("drill")))) == "drill"


@pytest.mark.parametrize("words", PLACES)
def test_a_flag_is_not_refused_for_what_the_environment_names(capsys: Capsys, monkeypatch: pytest.MonkeyPatch,
                                                              words: tuple[str, ...]) -> None:
    """A variable left over from another day, which names what cannot be used, stands in no flag's way."""
    Path("file").touch()
    monkeypatch.setenv("IRKIT_EVIDENCE", "file")
    monkeypatch.setenv("IRKIT_CONFIG", ".")
    given = ("--evidence", str(holding("given", "drill")), "--config", str(configured("live")))
    assert shown(capsys, *placed(words, *given)) == "drill"


@pytest.mark.parametrize(("variable", "value", "told"), [
    ("IRKIT_EVIDENCE", "file", "file is a file, and incidents are kept in a folder"),
    ("IRKIT_CONFIG", "gone.toml", "there is no configuration file gone.toml")])
def test_an_environment_that_names_nonsense_is_said(capsys: Capsys, monkeypatch: pytest.MonkeyPatch, variable: str, value: str,
                                                    told: str) -> None:
    """And not passed over for another folder, in which nothing would be found."""
    Path("file").touch()
    monkeypatch.setenv(variable, value)
    ran = irkit(capsys, "incident", "list")
    assert (ran.code, told in ran.words) == (2 if variable == "IRKIT_EVIDENCE" else 1, True), ran.err


def test_a_configuration_that_the_environment_names_can_be_made(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """irkit connect writes it where it is not there yet."""
    monkeypatch.setenv("IRKIT_CONFIG", "new.toml")
    ran = irkit(capsys, "connect", "zendesk", "--sign-in", "token", "--credential", "env:T", "--set", "subdomain=acme")
    assert (ran.code, Path("new.toml").is_file()) == (0, True), ran.err


@pytest.mark.parametrize("variable", ["IRKIT_RUNBOOKS", "IRKIT_EVIDENCE"])
@pytest.mark.parametrize("words", PLACES)
def test_what_is_completed_follows_the_flag(monkeypatch: pytest.MonkeyPatch, variable: str, words: tuple[str, ...]) -> None:
    """Incidents are offered from the folder that was given, wherever that stands on the half-typed line, and whether or not
    the environment names another."""
    Path("named").mkdir()
    monkeypatch.setenv(variable, "named")
    assert offered(*placed(words, "--evidence", str(holding("given", "drill")))) == ["INC-1"]


@pytest.mark.parametrize("words", PLACES)
def test_flags_without_a_value_count_wherever_they_stand(words: tuple[str, ...]) -> None:
    """--plain and --debug, before and after the command's name; neither brings the other along."""
    root = holding("given", "drill")
    for flag in ("plain", "debug"):
        settings = Settings(evidence=root)
        cli.main([*placed(words, f"--{flag}"), "INC-1"], standalone_mode=False, obj=settings)
        assert (settings.plain, settings.debug) == (flag == "plain", flag == "debug")
