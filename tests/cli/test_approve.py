"""`irkit approve`: a second person at their own terminal, or on a machine that never sees the evidence folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from irkit.cli import acting
from irkit.engine.gate import Question
from irkit.ledger import Entry, Ledger, keys
from irkit.ui.talk import Talk
from tests.cli.people import BOOK, Team, entries, verified
from tests.cli.rig import Capsys, Ran
from tests.forgery.judges import by_verify_py
from tests.ledger.approving import FAR, PAST, ask, begin

NAME, STEP = "INC-1", "end_sessions"


class Typist:
    """A terminal at which somebody types what a test says."""

    def __init__(self, typed: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.talk, self.typed, self.meanwhile = Talk(plain=True), typed, meanwhile
        self.asked: list[Question] = []

    def ask(self, question: Question, poll: Callable[[], Sequence[Any]]) -> str:
        self.asked.append(question)
        self.meanwhile()
        poll()
        return self.typed


@pytest.fixture
def team(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    return Team(capsys, tmp_path, monkeypatch)


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Typist]:
    def sit(typed: str, meanwhile: Callable[[], object] = lambda: None) -> Typist:
        typist = Typist(typed, meanwhile)
        monkeypatch.setattr(acting, "terminal", lambda _settings: typist)
        return typist
    return sit


def opened(team: Team, *numbers: int, expires: str = FAR, mode: str = "live", roles: tuple[str, ...] = ("lead",),
           name: str = NAME) -> Path:
    """An incident in which maria asks for sam's approval of a step."""
    signers = {who: keys.signer(str(path)) for who, path in team.keys.items()}
    people = {"people.p0": {"name": "Maria Lopez", "roles": ["lead"], "key": signers["maria"].fingerprint},
              "people.p1": {"name": "Sam Ng", "roles": list(roles), "key": signers["sam"].public}}
    folder = Path("evidence", name).absolute()
    with Ledger.create(folder, mode=mode, version="1", code_hash="0" * 64, disclose=people) as ledger:
        ledger.start_session("Maria Lopez", signer=signers["maria"])
        book = ledger.keep("mine.yaml", BOOK, run="r1")
        ledger.append("run.opened", {"runbook": "mine", "version": 1, "runbook_sha256": book.sha256, "mode": "live"}, run="r1")
        begin(ledger)
        ask(ledger, *(numbers or (7,)), expires=expires)
    return folder


def kinds(folder: Path) -> list[str]:
    return [entry.kind.removeprefix("approval.") for entry in entries(folder, "approval.")]


def turned_away(folder: Path, ran: Ran, why: str) -> Entry:
    """Exit 1, an entry that says why, nothing given, and a ledger that verifies."""
    assert ran.code == 1, ran.err
    assert "Nothing was approved or sent" in ran.words
    assert "given" not in kinds(folder)
    found = entries(folder, "approval.refused")[-1]
    assert (found.data["why"], "signature" in found.data) == (why, False)
    verified(folder)
    assert by_verify_py(folder, {}).code == 0
    return found


# -- at a terminal -----------------------------------------------------------------------------------------------

def test_what_is_approved_is_shown_before_it_is_signed(team: Team, types: Callable[..., Typist]) -> None:
    """The request that leaves, whom it affects, what was looked at, who asks and until when; then a typed phrase."""
    folder, typist = opened(team), types("APPROVE 1 SESSION")
    ran = team("sam", "approve", NAME, STEP)
    assert ran.code == 0, ran.err
    for words in ("by Maria Lopez, of lead", "DELETE https://ex.zendesk.com/api/v2/users/7/sessions", "user 7", "open: 7",
                  "[CANNOT BE UNDONE]", "Until"):
        assert words in ran.words
    assert typist.asked[0].phrase == "APPROVE 1 SESSION"
    given = entries(folder, "approval.given")[0]
    assert given.disclosed["approval.by"] == "Sam Ng"
    report = verified(folder, team.trust())
    assert report.author_trusted
    assert by_verify_py(folder, {"signers": team.signers}).code == 0


def test_of_many_the_number_is_typed_and_all_can_be_listed(team: Team, types: Callable[..., Typist]) -> None:
    """r shows each request with what was seen before it."""
    opened(team, 7, 8, 9)
    typist = types("APPROVE 3 SESSIONS")
    assert team("sam", "approve", NAME).code == 0
    assert sum(line.startswith("DELETE ") for line in typist.asked[0].more["r"]) == 3
    assert typist.asked[0].more["l"] == ["user 7", "user 8", "user 9"]


def test_another_word_approves_nothing(team: Team, types: Callable[..., Typist]) -> None:
    """It ends with exit 2, and the request still waits."""
    folder = opened(team)
    types("q")
    assert team("sam", "approve", NAME, STEP).code == 2
    assert kinds(folder) == ["asked"]


def test_without_a_terminal_nobody_approves(team: Team) -> None:
    """Exit 2; a refusal is possible, since it lets nothing out."""
    folder = opened(team)
    ran = team("sam", "approve", NAME, STEP)
    assert (ran.code, "typed out at a terminal" in ran.words) == (2, True)
    assert team("sam", "approve", NAME, STEP, "--refuse", "call first").code == 0
    refused, = entries(folder, "approval.refused")
    assert (refused.disclosed["approval.reason"], "signature" in refused.data) == ("call first", True)
    verified(folder)


def test_the_same_person_is_turned_away_on_record(team: Team, types: Callable[..., Typist]) -> None:
    """By their key, whatever they call themselves; and by their name, whatever key they hold."""
    folder = opened(team)
    types("APPROVE 1 SESSION")
    turned_away(folder, team("sam", "approve", NAME, STEP, config="maria"), "same_person")
    turned_away(folder, team("maria", "approve", NAME, STEP, config="sam"), "same_person")


def test_a_wrong_role_is_turned_away_on_record(team: Team, types: Callable[..., Typist]) -> None:
    """Genesis says who holds it."""
    folder = opened(team, roles=("legal",))
    types("APPROVE 1 SESSION")
    found = turned_away(folder, team("sam", "approve", NAME, STEP), "wrong_role")
    assert "held by Maria Lopez" in found.disclosed["approval.reason"]


def test_an_expired_request_is_turned_away_on_record(team: Team, types: Callable[..., Typist]) -> None:
    """It has to be asked again at the gate."""
    folder = opened(team, expires=PAST)
    types("APPROVE 1 SESSION")
    turned_away(folder, team("sam", "approve", NAME, STEP), "expired")


def test_a_request_that_is_replaced_while_it_is_read_is_not_signed(team: Team, types: Callable[..., Typist]) -> None:
    """The prompt watches the ledger."""
    folder = opened(team)

    def meanwhile() -> None:
        with Ledger.open(folder) as ledger:
            ledger.start_session("Maria Lopez")
            ask(ledger, 8)
            ledger.end_session()

    types("APPROVE 1 SESSION", meanwhile)
    ran = team("sam", "approve", NAME, STEP)
    assert (ran.code, "was replaced meanwhile; nothing was signed" in ran.words) == (1, True)
    assert kinds(folder) == ["asked", "asked"]


@pytest.mark.parametrize(("words", "said"), [
    ((), "say which incident"), ((NAME, "other"), "asks nobody for approval"), (("INC-9",), "there is no incident"),
    ((NAME, "--request", "x", "--grant", "y"), "choose one"), ((NAME, "--refuse", " "), "--refuse wants a reason"),
])
def test_wrong_words_are_told_with_the_next_command(team: Team, words: tuple[str, ...], said: str) -> None:
    """Exit 2, and nothing is recorded."""
    folder = opened(team)
    ran = team("sam", "approve", *words)
    assert (ran.code, said in ran.words, "next" in ran.err) == (2, True, True)
    assert kinds(folder) == ["asked"]


def test_a_test_incident_takes_throw_away_keys(team: Team, types: Callable[..., Typist], tmp_path: Path) -> None:
    """Where nobody is listed for the role anybody else may play it; nothing of it can pass as live."""
    folder = Path("evidence", "T").absolute()
    with Ledger.create(folder, mode="test", version="1", code_hash="0" * 64) as ledger:
        ledger.start_session("maria")
        book = ledger.keep("mine.yaml", BOOK, run="r1")
        ledger.append("run.opened", {"runbook": "mine", "version": 1, "runbook_sha256": book.sha256, "mode": "live"}, run="r1")
        begin(ledger)
        ask(ledger, 7)
    types("APPROVE 1 SESSION")
    (tmp_path / "sam" / "irkit.toml").write_text("")
    assert team("sam", "approve", "T").code == 0
    assert kinds(folder) == ["asked", "given"]
    verified(folder)


# -- elsewhere ---------------------------------------------------------------------------------------------------

def carried(team: Team, types: Callable[..., Typist], *refuse: str, numbers: tuple[int, ...] = (7,)) -> Path:
    """A request is written, and answered by sam elsewhere; the answer's file."""
    assert team("maria", "approve", NAME, STEP, "--request", "request.json").code == 0
    types(f"APPROVE {len(numbers)} SESSION{'S' if len(numbers) > 1 else ''}")
    ran = team("sam", "approve", "--request", "request.json", "--grant", "grant.json", *refuse)
    assert ran.code == 0, ran.err
    return Path("grant.json")


@pytest.mark.parametrize("numbers", [(7,), (7, 8, 9), tuple(range(900))], ids=["one", "three", "more than a line holds"])
def test_an_approval_travels_as_files(team: Team, types: Callable[..., Typist], numbers: tuple[int, ...]) -> None:
    """Asked here, signed on a machine without the folder, brought in here: the entry is the one that was signed."""
    folder = opened(team, *numbers)
    grant = carried(team, types, numbers=numbers)
    ran = team("maria", "approve", NAME, "--grant", str(grant))
    assert ran.code == 0, ran.err
    given = entries(folder, "approval.given")[0]
    assert (given.disclosed["approval.by"], given.data["key"]) == ("Sam Ng", keys.signer(str(team.keys["sam"])).fingerprint)
    verified(folder, team.trust())
    assert by_verify_py(folder, {"signers": team.signers}).code == 0


def test_the_files_can_be_read(team: Team, types: Callable[..., Typist]) -> None:
    """Plain JSON that begins with what it is; and a request alone is shown without signing."""
    opened(team)
    grant = carried(team, types)
    request = json.loads(Path("request.json").read_text())
    assert any("DELETE https://ex.zendesk.com/api/v2/users/7/sessions" in line for line in request["about"])
    assert "Sam Ng approves the request" in json.loads(grant.read_text())["about"][0]
    assert oct(Path("request.json").stat().st_mode & 0o777) == "0o600"
    ran = team("sam", "approve", "--request", "request.json")
    assert (ran.code, "DELETE https://ex.zendesk.com" in ran.out, "next" in ran.err) == (0, True, True)


def test_a_refusal_travels_too(team: Team, types: Callable[..., Typist]) -> None:
    """With its reason, signed."""
    folder = opened(team)
    assert team("maria", "approve", NAME, "--grant", str(carried(team, types, "--refuse", "call first"))).code == 0
    refused, = entries(folder, "approval.refused")
    assert (refused.disclosed["approval.reason"], "signature" in refused.data) == ("call first", True)


def test_an_answer_is_brought_in_once(team: Team, types: Callable[..., Typist]) -> None:
    """A second time it is a replay: refused, on record."""
    folder = opened(team)
    grant = carried(team, types)
    assert team("maria", "approve", NAME, "--grant", str(grant)).code == 0
    ran = team("maria", "approve", NAME, "--grant", str(grant))
    assert (ran.code, "was answered already" in ran.words) == (1, True)
    assert entries(folder, "approval.")[-1].data["why"] == "replayed"
    assert kinds(folder) == ["asked", "given", "refused"]
    verified(folder)


def test_an_answer_for_another_incident_or_request_is_refused(team: Team, types: Callable[..., Typist]) -> None:
    """Of another incident; and of a request that was replaced meanwhile."""
    folder = opened(team)
    grant = carried(team, types)
    other = opened(team, name="INC-2")
    turned_away(other, team("maria", "approve", "INC-2", "--grant", str(grant)), "other_requests")
    with Ledger.open(folder) as ledger:
        ledger.start_session("Maria Lopez")
        ask(ledger, 8)
        ledger.end_session()
    turned_away(folder, team("maria", "approve", NAME, "--grant", str(grant)), "replayed")


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


@pytest.mark.parametrize("change", [
    lambda f: f["entry"]["data"].update(key="SHA256:" + "A" * 43), lambda f: f["entry"]["data"].update(fingerprint="0" * 64),
    lambda f: f["entry"].update(step="other"), lambda f: f["entry"].update(kind="approval.refused"),
    lambda f: f["entry"]["data"].update(given_at="2026-01-01T00:00:00Z"), lambda f: f["entry"].pop("sd"),
    lambda f: f.update(disclosures=[]), lambda f: f["entry"].update(ref=1), lambda f: f["entry"].update(kind="request.sending"),
    lambda f: f["entry"]["data"].update(more="x"), lambda f: f["entry"]["data"].update(more=1.5),
    lambda f: f["entry"].update(who="SHA256:x"), lambda f: f["entry"].update(ref="4"), lambda f: f.update(entry=[]),
    lambda f: f["entry"]["data"].pop("signature"), lambda f: f.update(irkit="irkit/approval-request-v1"),
    lambda f: f.update(origin="irkit/live/x"),
])
def test_an_answer_that_was_changed_is_refused_on_record(team: Team, types: Callable[..., Typist],
                                                         change: Callable[[dict[str, Any]], object]) -> None:
    """Whatever was changed; nothing is approved."""
    folder = opened(team)
    grant = carried(team, types)
    changed(grant, change)
    ran = team("maria", "approve", NAME, "--grant", str(grant))
    assert entries(folder, "approval.")[-1].data["why"] in ("forged", "other_requests", "wrong_role")
    turned_away(folder, ran, entries(folder, "approval.")[-1].data["why"])


HOSTILE = {"not JSON": b"\x00\xff", "empty": b"", "a list": b"[]", "deep": b"[" * 200_000, "a number": b"1" * 10_000,
           "no such kind": b'{"irkit": 7}', "huge": b" " * ((32 << 20) + 1)}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_the_reason(team: Team, name: str) -> None:
    """As an answer on record; as a request there is no record to put it in."""
    folder = opened(team)
    Path("bad.json").write_bytes(HOSTILE[name])
    turned_away(folder, team("maria", "approve", NAME, "--grant", "bad.json"), "forged")
    ran = team("sam", "approve", "--request", "bad.json", "--grant", "grant.json")
    assert (ran.code, "bad.json" in ran.words, Path("grant.json").exists()) == (1, True, False)


@pytest.mark.parametrize("change", [
    lambda f: f.update(line=f["line"].replace("irreversible", "reversible")),
    lambda f: f.update(root="A" * 43 + "="), lambda f: f.update(disclosures=f["disclosures"][1:]),
    lambda f: f.update(root="AAAA"), lambda f: f.update(line=f["line"].replace("approval.asked", "approval.given")),
    lambda f: f.update(line="{}"), lambda f: f.update(artefacts={"x": "y"}), lambda f: f.update(disclosures=[1]),
])
def test_a_request_that_was_changed_comes_to_nothing(team: Team, types: Callable[..., Typist],
                                                     change: Callable[[dict[str, Any]], object]) -> None:
    """It is refused where it is read; or signed over what the ledger does not hold, and refused there."""
    folder = opened(team)
    assert team("maria", "approve", NAME, STEP, "--request", "request.json").code == 0
    changed(Path("request.json"), change)
    types("APPROVE 1 SESSION")
    ran = team("sam", "approve", "--request", "request.json", "--grant", "grant.json")
    if ran.code == 0:
        ran = team("maria", "approve", NAME, "--grant", "grant.json")
        why = entries(folder, "approval.refused")[-1].data["why"]
        assert why in ("forged", "other_requests")
        turned_away(folder, ran, why)
    assert "given" not in kinds(folder)


def test_a_requester_cannot_sign_elsewhere(team: Team, types: Callable[..., Typist]) -> None:
    """The file says whose key asked."""
    opened(team)
    assert team("maria", "approve", NAME, STEP, "--request", "request.json").code == 0
    types("APPROVE 1 SESSION")
    ran = team("sam", "approve", "--request", "request.json", "--grant", "grant.json", config="maria")
    assert (ran.code, "nobody approves their own" in ran.words) == (1, True)


def test_no_file_is_overwritten(team: Team, types: Callable[..., Typist]) -> None:
    """Neither a request nor an answer."""
    opened(team)
    carried(team, types)
    assert team("maria", "approve", NAME, STEP, "--request", "request.json").code == 2
    assert team("sam", "approve", "--request", "request.json", "--grant", "grant.json").code == 2
