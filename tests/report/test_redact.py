"""Redaction: what rules withhold, that nothing of it leaks, and that the rest still verifies."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from irkit.errors import IrkitError, LedgerError, RunbookError, UsageError
from irkit.ledger import Ledger
from irkit.ledger.export import entries_of, stored
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.verify import verify
from irkit.report.elsewhere import standing
from irkit.report.exporting import Export, Nowhere, list_withheld
from irkit.report.folder import Folder
from irkit.report.reveal import Revealed, compare, reveal
from tests.report.incident import DANA, HOSTILE, RUNBOOK, bagged, build, holding, lines, rules

BASIS = "basis: GDPR art. 15(4)\nby: Ada Counsel\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "evidence" / "INC-1")


def told(error: RunbookError) -> str:
    return "\n".join(error.diagnostics())


def refused(folder: Path, text: str) -> str:
    """What is said of rules that do not fit the ledger."""
    with Ledger.open(folder, write=False) as ledger, pytest.raises(RunbookError) as found:
        list_withheld(ledger, rules(BASIS + text), Nowhere(), Nowhere())
    return told(found.value)


def seqs(folder: Path, kind: str) -> list[int]:
    with Ledger.open(folder, write=False) as ledger:
        return [entry.seq for entry in ledger.entries() if entry.kind == kind]


ALL = BASIS + """withhold:
  - names: [person.name, "inputs.*", "request.*", "response.*", "artefact.*", result, text, observed_at]
"""


def test_no_withheld_value_stands_anywhere_in_the_bag(folder: Path, tmp_path: Path) -> None:
    """Not in lines, values, timeline, graph, tables, documents, files or runbooks; not escaped, not in base64 either."""
    with Ledger.open(folder, write=False) as ledger:
        values = [one.value for row in entries_of(stored(ledger)) for one in row.disclosures]
    secrets = [text for value in values for text in _texts(value) if len(text) > 5]
    assert {DANA, HOSTILE, "Maria Lead"} <= set(secrets)
    bagged(folder, tmp_path / "whole")
    assert list(holding(tmp_path / "whole", DANA))                 # the search finds what is there
    bagged(folder, tmp_path / "bag", rules=rules(ALL))
    found = {secret: places for secret in {*secrets, RUNBOOK.decode()} if (places := list(holding(tmp_path / "bag", secret)))}
    # run.opened names the runbook's hash in its line: structure, which only withholding the line takes out
    assert set(found) <= {hashlib.sha256(RUNBOOK).hexdigest()}, found
    assert not (tmp_path / "bag/data/runbooks").exists()
    assert not (tmp_path / "bag/data/artifacts").exists()
    assert verify(tmp_path / "bag").exit_code == 0


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []


def test_an_entry_withheld_whole_leaves_its_leaf_alone(folder: Path, tmp_path: Path) -> None:
    """Chain, notes and signatures still verify; the line, its values and its time are gone."""
    (seq,) = seqs(folder, "decision")
    chosen = rules(BASIS + "withhold:\n  - kinds: [decision]\n    whole: true\n    basis: attorney-client")
    bagged(folder, tmp_path / "bag", rules=chosen)
    line = lines(tmp_path / "bag/data/ledger.jsonl")[seq]
    with Ledger.open(folder, write=False) as ledger:
        entry = next(entry for entry in ledger.entries() if entry.seq == seq)
    assert line == {"withheld": {"leaf": entry.leaf, "seq": seq}}
    (row,) = lines(tmp_path / "bag/data/withheld.jsonl")
    assert {**row, "at": ""} == {"at": "", "basis": "attorney-client", "by": "Ada Counsel", "leaf": entry.leaf, "seq": seq}
    assert not list(holding(tmp_path / "bag", "counsel said so"))
    assert verify(tmp_path / "bag").exit_code == 0


def test_the_list_is_in_the_exported_entry(folder: Path, tmp_path: Path) -> None:
    """Its hash stands in the last line, so that a stranger cannot add to it; rows are sorted."""
    bagged(folder, tmp_path / "bag", rules=rules(ALL))
    raw = (tmp_path / "bag/data/withheld.jsonl").read_bytes()
    last: Any = lines(tmp_path / "bag/data/ledger.jsonl")[-1]
    assert last["data"]["withheld_sha256"] == hashlib.sha256(raw).hexdigest()
    rows: list[Any] = lines(tmp_path / "bag/data/withheld.jsonl")
    assert rows == sorted(rows, key=lambda row: (row["seq"], row.get("digest", "")))
    (tmp_path / "bag/data/withheld.jsonl").write_bytes(raw.replace(b"Ada Counsel", b"Eve Counsel"))
    assert verify(tmp_path / "bag").exit_code == 5


def test_the_privilege_log_names_basis_and_kind_and_no_content(folder: Path, tmp_path: Path) -> None:
    """One row for each thing withheld: who asserts it, on what basis, when, and what kind of thing it is."""
    bagged(folder, tmp_path / "bag", rules=rules(BASIS + "withhold:\n  - names: [text]\n"))
    with (tmp_path / "bag/data/privilege_log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (seq,) = seqs(folder, "note")
    assert [(row["entry"], row["withheld"], row["kind_of_entry"], row["basis"], row["asserted_by"]) for row in rows] == [
        (str(seq), "value text", "note", "GDPR art. 15(4)", "Ada Counsel")]
    assert HOSTILE not in (tmp_path / "bag/data/privilege_log.csv").read_text()


def test_labels_choose_values_or_whole_entries(folder: Path, tmp_path: Path) -> None:
    """label.set marks an entry later: the values it names, or all of it; the entry itself is unchanged."""
    (note,), (decision,) = seqs(folder, "note"), seqs(folder, "decision")
    with Ledger.open(folder) as ledger:
        ledger.start_session("Ada Counsel", signer=Throwaway())
        ledger.append("label.set", {"label": "privilege"}, {"label.by": "Ada", "label.fields": ["text"]}, ref=note)
        ledger.append("label.set", {"label": "privilege"}, {"label.by": "Ada"}, ref=decision)
        ledger.append("label.set", {"label": "personal"}, {"label.by": "Ada"}, ref=note)
        ledger.end_session()
    bagged(folder, tmp_path / "bag", rules=rules(BASIS + "withhold:\n  - labels: [privilege]\n"))
    found: list[Any] = lines(tmp_path / "bag/data/withheld.jsonl")
    assert [(row["seq"], "leaf" in row) for row in found] == [(decision, True), (note, False)]
    assert verify(tmp_path / "bag").exit_code == 0


def test_names_kinds_steps_and_entries_narrow_each_other(folder: Path, tmp_path: Path) -> None:
    """A rule withholds what all its selectors agree on; the first rule gives the basis."""
    text = BASIS + """withhold:
  - {names: ["request.*"], steps: [suspend], basis: first}
  - {names: [request.url, result], kinds: [request, step.done], basis: second}
"""
    bagged(folder, tmp_path / "bag", rules=rules(text))
    found: list[Any] = lines(tmp_path / "bag/data/withheld.jsonl")
    assert sorted(row["basis"] for row in found) == ["first"] * 4 + ["second"]


def test_a_line_that_everything_hangs_on_is_never_withheld(folder: Path) -> None:
    """By kind it is refused in the file; by number once the ledger is read. Both name the place with a caret."""
    with pytest.raises(RunbookError) as found:
        rules(BASIS + "withhold:\n  - kinds: [session.start]\n    whole: true\n")
    assert "rules.yaml:4:13" in told(found.value)
    assert "never withheld" in told(found.value)
    said = refused(folder, "withhold:\n  - entries: [0-3]\n    whole: true\n")
    assert "entry 0, genesis, which never is" in said
    assert "^" in said


def test_rules_that_match_nothing_are_refused(folder: Path) -> None:
    """A mistyped name would leave everything in."""
    said = refused(folder, "withhold:\n  - names: [person.nmae]\n  - names: [text]\n")
    assert "rules.yaml:4:5: this rule matches nothing" in said
    assert said.count("matches nothing") == 1


@pytest.mark.parametrize(("text", "words"), [
    ("withhold:\n  - names: [a]\n", "no basis"),
    (BASIS + "withhold:\n  - names: [Request.Body]\n", "is no name of a value"),
    (BASIS + "withhold:\n  - kinds: [requst]\n", "did you mean 'request'"),
    (BASIS + "withhold:\n  - entries: [12, 20-14]\n", "no span like 14-20"),
    (BASIS + "withhold:\n  - {names: [a], whole: true}\n", "take 'names' or 'whole' out"),
    (BASIS + "withhold:\n  - {whole: true}\n", "a rule says what it withholds"),
    (BASIS + "withhold:\n  - {nmaes: [a]}\n", "did you mean 'names'"),
    (BASIS + "withhold: []\n", "is empty"),
    (BASIS, "lacks the key 'withhold'"),
    ("withhold: [{names: [a], basis: x}]\nextra: 1\n", "unknown key 'extra'"),
])
def test_mistakes_in_a_file_have_a_place(text: str, words: str) -> None:
    """Each is printed with line, column and a caret, as a runbook's are."""
    with pytest.raises(RunbookError) as found:
        rules(text)
    assert words in told(found.value)
    assert "rules.yaml:" in told(found.value)


def test_what_others_append_meanwhile_does_not_slip_out(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note that comes between the list and the export is listed too, in a second try; without end it is given up."""
    import irkit.report.exporting as module
    listed, late = module.list_withheld, iter(["late secret one"])

    def interrupted(*args: Any, **more: Any) -> Any:
        found = listed(*args, **more)
        if text := next(late, ""):
            with Ledger.open(folder) as other:
                other.start_session("Sam")
                other.append("note", {}, {"text": text}, by="human")
                other.end_session()
        return found

    monkeypatch.setattr(module, "list_withheld", interrupted)
    chosen = rules(BASIS + "withhold:\n  - names: [text]\n")
    bagged(folder, tmp_path / "bag", rules=chosen)
    assert not list(holding(tmp_path / "bag", "late secret one"))
    assert verify(tmp_path / "bag").exit_code == 0
    late = iter([f"late secret {number}" for number in range(9)])
    with pytest.raises(IrkitError, match="nothing was written"):
        bagged(folder, tmp_path / "second", rules=chosen)
    assert not (tmp_path / "second").exists()


def test_what_still_stands_elsewhere_is_found(folder: Path) -> None:
    """An address withheld in the inputs and shown in a request and a result is named by place."""
    chosen = rules(BASIS + "withhold:\n  - names: [inputs.agent_email]\n")
    with Ledger.open(folder, write=False) as ledger:
        found = standing(lambda: entries_of(stored(ledger)), chosen.hide)
        assert {name: str(where) for name, where in found.items()} == {
            "request.body": str(seqs(folder, "request.sending")[0]), "result": str(seqs(folder, "step.done")[0])}
        assert not standing(lambda: entries_of(stored(ledger)), rules(ALL).hide)


def test_a_file_that_a_kept_value_names_stays(folder: Path, tmp_path: Path) -> None:
    """Only an artefact that nothing shown names is left out."""
    bagged(folder, tmp_path / "bag", rules=rules(BASIS + "withhold:\n  - names: [response.body]\n"))
    assert len(list((tmp_path / "bag/data/artifacts").iterdir())) == 2
    assert verify(tmp_path / "bag").exit_code == 0


def test_tables_and_timelines_can_be_redacted(folder: Path, tmp_path: Path) -> None:
    """The same rules hold for the forms that are not bags."""
    with Ledger.open(folder) as ledger, Folder(tmp_path / "tables") as into, (tmp_path / "sketch").open("w") as out:
        signer = Throwaway()
        ledger.start_session("Maria Lead", signer=signer)
        export = Export(ledger, signer.fingerprint, signer, rules=rules(ALL))
        export.timesketch(out)
        export.csv(into)
        ledger.end_session()
    assert not list(holding(tmp_path / "tables", DANA))
    assert not list(holding(tmp_path / "tables", "Maria Lead"))
    assert DANA not in (tmp_path / "sketch").read_text()
    assert len((tmp_path / "tables/privilege_log.csv").read_text().splitlines()) > 5


# -- revealing ---------------------------------------------------------------------------------------------------

def shown(folder: Path, seq: int, name: str = "") -> Revealed:
    with Ledger.open(folder, write=False) as ledger:
        return reveal(next(row for row in list(entries_of(stored(ledger))) if row.entry.seq == seq), name)


def test_a_withheld_value_is_shown_later(folder: Path, tmp_path: Path) -> None:
    """The disclosure hashes to the digest that the bag's line and its withheld list name."""
    (seq,) = seqs(folder, "note")
    bagged(folder, tmp_path / "bag", rules=rules(BASIS + "withhold:\n  - names: [text]\n"))
    found = shown(folder, seq, "text")
    digest = base64.urlsafe_b64encode(hashlib.sha256(found.file()).digest()).rstrip(b"=").decode()
    assert digest == found.digest
    line: Any = lines(tmp_path / "bag/data/ledger.jsonl")[seq]
    assert digest in line["sd"]
    assert HOSTILE in json.loads(base64.urlsafe_b64decode(found.file() + b"=="))
    assert "listed as withheld" in compare(found, tmp_path / "bag")


def test_a_withheld_line_is_shown_later(folder: Path, tmp_path: Path) -> None:
    """Its bytes hash to the leaf that stands in its place; its values come with it."""
    (seq,) = seqs(folder, "decision")
    bagged(folder, tmp_path / "bag", rules=rules(BASIS + "withhold:\n  - kinds: [decision]\n    whole: true\n"))
    found = shown(folder, seq)
    first, second = found.file().splitlines()
    assert hashlib.sha256(b"\0" + first).hexdigest() == found.digest
    assert json.loads(second)["seq"] == seq
    assert "withholds as entry" in compare(found, tmp_path / "bag")
    with pytest.raises(LedgerError, match="withholds the whole line"):
        compare(shown(folder, seq, "result"), tmp_path / "bag")


def test_a_value_of_another_ledger_does_not_fit(folder: Path, tmp_path: Path) -> None:
    """Value, line and number are compared; a name that is not there is named with those that are."""
    (seq,) = seqs(folder, "note")
    bagged(build(tmp_path / "evidence" / "INC-2"), tmp_path / "bag")
    for name in ("text", ""):
        with pytest.raises(LedgerError):
            compare(shown(folder, seq, name), tmp_path / "bag")
    with pytest.raises(UsageError, match="it has observed_at, text"):
        shown(folder, seq, "txt")


def test_a_bag_with_a_link_in_it_is_not_followed(folder: Path, tmp_path: Path) -> None:
    """The two files that are read must be regular files."""
    bagged(folder, tmp_path / "bag")
    path = tmp_path / "bag/data/ledger.jsonl"
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IrkitError, match="cannot be read"):
        compare(shown(folder, 0), tmp_path / "bag")
