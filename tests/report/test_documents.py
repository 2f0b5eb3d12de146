"""The documents of a bag: what they say, that they never claim too much, and that their commands work."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from irkit.errors import IrkitError
from irkit.ledger import KINDS, Ledger
from irkit.ledger.export import stored
from irkit.ledger.sshsig import Throwaway
from irkit.report.documents import STEPS, Step, foundation
from irkit.report.exporting import Export
from irkit.report.facts import Facts, Ranges
from irkit.report.folder import Folder
from irkit.report.glossary import KINDS as GLOSSARY
from irkit.report.view import shown
from irkit.report.words import md, tick
from tests.report.incident import HOSTILE, bagged, build, lines, rules

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The payload of a bag."""
    bagged(build(tmp_path / "evidence" / "INC-1"), tmp_path / "bag", recipient="Ada")
    return tmp_path / "bag" / "data"


# -- certification -----------------------------------------------------------------------------------------------

def test_the_certification_names_exact_entries_by_class(data: Path) -> None:
    """Every entry stands in the list of its own class, with counts, version and code hash."""
    text = (data / "certification_902.md").read_text()
    listed = {name: _numbers(re.search(rf"^- {name}: (.*)$", text, re.M)) for name in ("machine", "copied", "human")}
    for row in lines(data / "ledger.jsonl"):
        assert [name for name, numbers in listed.items() if row["seq"] in numbers] == [row["by"]]
    assert "c0de" * 16 in text
    assert f"| **human** | {len(listed['human'])} |" in text


def _numbers(found: re.Match[str] | None) -> set[int]:
    assert found
    spans = [part.split("-") for part in found[1].split(", ") if part != "none"]
    return {number for span in spans for number in range(int(span[0]), int(span[-1]) + 1)}


def test_the_certification_states_its_gaps(data: Path) -> None:
    """No self-test, no hash at the source, no time-stamp: each is said, not passed over."""
    text = (data / "certification_902.md").read_text()
    assert text.count("**Gap:**") == 2
    assert "No time-stamp authority stamped this ledger" in text
    assert "when a thing was seen (`observed_at`): 1. From then to the record: median" in text
    assert "Incidents in the folder this one was exported from: 1 live" in text


def test_no_document_claims_too_much(data: Path) -> None:
    """Neither that a court takes the record, nor that a read log proves an absence, nor that a label makes privilege."""
    for path in data.glob("*.md"):
        text = path.read_text().lower()
        assert not re.search(r"admissib|court-proof|tamper-?proof|unalterable|irrefutab|guarantee|legally binding", text), path
        assert not re.search(r"proves? (that )?(nobody|no one|nothing was)", text), path


def test_what_others_wrote_is_no_markup(tmp_path: Path) -> None:
    """A hostile name breaks neither a table nor a heading, and carries no HTML."""
    folder = build(tmp_path / "evidence" / "INC-1")
    with Ledger.open(folder) as ledger, Folder(tmp_path / "bag") as into:
        signer = Throwaway()
        ledger.start_session(f"Eve\n# {HOSTILE}", signer=signer)
        Export(ledger, signer.fingerprint, signer).bag(into)
        ledger.end_session()
    text = (tmp_path / "bag/data/VERIFY.md").read_text()
    assert "<script>" not in text
    assert "\x1b" not in text
    assert not any(line.startswith("# =HYPER") for line in text.splitlines())
    assert "Eve \\# =HYPERLINK" in text


def test_markdown_is_escaped() -> None:
    """Characters that mean something in Markdown mean themselves."""
    assert md("a|b *c* <i> `d`\n# e") == "a\\|b \\*c\\* &lt;i&gt; \\`d\\` \\# e"
    assert tick("a`b|c\nd") == "`a'b/c d`"


# -- foundation --------------------------------------------------------------------------------------------------

def test_each_of_the_eleven_steps_points_somewhere(data: Path) -> None:
    """Entries that are in the bag, and tests that are in this repository."""
    text = (data / "foundation.md").read_text()
    parts = re.split(r"^## ", text, flags=re.M)[1:12]
    assert [int(part.split(".")[0]) for part in parts] == list(range(1, 12))
    assert all(re.search(r"^- Entries `[a-z.]+`: \d", part, re.M) for part in parts)
    assert all((ROOT / name).is_file() for name in re.findall(r"^- Test `([^`]+)`$", text, re.M))


def test_a_step_without_a_pointer_stops_the_generator(tmp_path: Path) -> None:
    """It is named by its number: of a ledger that nobody exported the sixth, and any that nothing was recorded for."""
    facts = Facts("INC-1")
    with Ledger.open(build(tmp_path / "INC-1"), write=False) as ledger:
        for row in shown(stored(ledger)):
            facts.add(row)
    with pytest.raises(IrkitError, match="step 6 "):
        foundation(facts)
    with pytest.raises(IrkitError, match="step 5 "):
        foundation(facts, (*STEPS[:4], Step("Something nobody recorded.", ("approval",))))


def test_every_kind_is_explained() -> None:
    """The glossary has each kind that there is, and no other."""
    assert GLOSSARY.keys() == KINDS


def test_ranges_of_very_many_entries_stay_short() -> None:
    """A list is cut and says by how much; what follows on is one span."""
    ranges = Ranges()
    for number in (0, 1, 2, 4, 7, 8):
        ranges.add(number)
    assert str(ranges) == "0-2, 4, 7-8"
    for number in range(10, 3000, 2):
        ranges.add(number)
    assert "more" in str(ranges)
    assert len(str(ranges)) < 3000


# -- VERIFY.md ---------------------------------------------------------------------------------------------------

def commands(data: Path, heading: str) -> list[str]:
    """The shell blocks under a heading."""
    part = re.split(r"^## ", (data / "VERIFY.md").read_text().split(f"## {heading}\n", 1)[1], flags=re.M)[0]
    return re.findall(r"```sh\n(.*?)```", part, re.S)


def run(data: Path, command: str) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=data.parent, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def needs(*tools: str) -> pytest.MarkDecorator:
    missing = [tool for tool in tools if not shutil.which(tool)]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} not installed")


@needs("sha256sum", "jq", "openssl")
@pytest.mark.parametrize("redacted", [False, True])
def test_the_chain_and_the_values_check_as_written(tmp_path: Path, redacted: bool) -> None:
    """The shell loops print the head that is announced, and nothing for the values; of a redacted bag too."""
    text = "basis: x\nwithhold:\n  - {kinds: [decision, note], whole: true}\n  - {names: [result]}\n"
    chosen = rules(text) if redacted else None
    made = bagged(build(tmp_path / "evidence" / "INC-1"), tmp_path / "bag", rules=chosen)
    data = tmp_path / "bag/data"
    (chain,) = commands(data, "Chain and numbering")
    announced = f"{made.lines} entries, head {made.head}"
    assert run(data, chain).strip() == announced
    assert announced in (data / "VERIFY.md").read_text()
    (values,) = commands(data, "Values")
    assert run(data, values) == ""
    (withheld,) = commands(data, "What is withheld")
    first, second = run(data, withheld).splitlines()
    assert first.split()[0] == second


@needs("jq", "sha256sum")
def test_the_chain_loop_finds_a_changed_line(data: Path) -> None:
    """The line after the changed one does not follow."""
    path = data / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"effect":"reversible"', b'"effect":"irreversible"'))
    assert "does not follow" in run(data, commands(data, "Chain and numbering")[0])


@needs("openssl")
def test_the_note_verifies_with_openssl_as_written(data: Path) -> None:
    """The key is taken from its verifier key, the signature from the note."""
    (command,) = commands(data, "Checkpoint over the lines")
    assert "Signature Verified Successfully" in run(data, command)


@needs("ssh-keygen", "jq", "sha256sum")
def test_the_people_verify_with_ssh_keygen_as_written(data: Path) -> None:
    """Each endorsement and the export itself, once the keys stand in an allowed signers file."""
    keys = [path.read_text().strip() for path in sorted((data / "keys").glob("*.pub"))]
    (data.parent / "allowed_signers").write_text("".join(f'PRINCIPAL namespaces="irkit-*" {key}\n' for key in keys))
    found = commands(data, "People")
    assert len(found) == 4
    for command in found:
        assert "Good " in run(data, command), command


def test_verify_md_names_the_program_by_its_hash(data: Path) -> None:
    """The SHA-256 of verify.py as it lies in the bag is the one that the document gives for the release."""
    import hashlib
    assert hashlib.sha256((data / "verify.py").read_bytes()).hexdigest() in (data / "VERIFY.md").read_text()
