"""The bag: an incident as a folder that anybody can check, in BagIt 1.0 (RFC 8493) with a signed tag manifest.

Written in one pass over the lines a recipient sees, in memory that does not grow with them. What is derived (timeline, graph,
tables, documents) sees those lines alone; files that only withheld values name are left out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import resources
from typing import BinaryIO, NamedTuple

from msgspec import Struct, field

from irkit import __version__
from irkit.errors import LedgerError
from irkit.ledger import sshsig
from irkit.ledger.bag import MANIFEST, SIGNATURE, TAG_MANIFEST
from irkit.ledger.database import Noted
from irkit.ledger.entry import canonical
from irkit.ledger.sshsig import Signer
from irkit.ledger.texts import export_text, namespace
from irkit.report.case import Case
from irkit.report.checking import verify_md
from irkit.report.documents import certification, foundation
from irkit.report.facts import Facts
from irkit.report.folder import Folder
from irkit.report.tables import Custody, Deadlines
from irkit.report.timesketch import Timesketch
from irkit.report.view import Shown
from irkit.report.words import mark, one_line

WITHHELD, PRIVILEGE_LOG = "data/withheld.jsonl", "data/privilege_log.csv"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_EACH = 20_000                   # entries between two reports of progress

Say = Callable[[str], None]


class Source(Struct, frozen=True):
    """What goes into a bag. `rows` end with the `exported` entry and the note over it, and are read once."""

    rows: Iterable[Shown | Noted]
    tokens: Callable[[], Iterable[tuple[str, int, str, bytes]]]
    open_artefact: Callable[[str], BinaryIO]
    incident: str
    origin: str
    mode: str
    incidents: Mapping[str, int] = field(default_factory=dict)
    withheld_values: int = 0
    say: Say = lambda _: None


class Bag(NamedTuple):
    """A bag as written. `head` is the leaf of its last line."""

    lines: int
    head: str
    timesketch_lines: int
    files: int
    octets: int
    signed: bool


def verifier() -> bytes:
    """verify.py as this irkit ships it."""
    return resources.files("irkit.report").joinpath("verify.py").read_bytes()


def write(folder: Folder, source: Source, signer: Signer | None) -> Bag:
    """Write everything into `folder`, which holds withheld.jsonl and privilege_log.csv already, and publish it.

    Raises LedgerError when an artefact is missing or changed, CredentialError when the key does not sign.
    """
    facts = Facts(source.incident, source.incidents, source.withheld_values)
    keys, timeline = _lines(folder, source, facts)
    _proofs(folder, source, facts, keys)
    source.say(f"{len(facts.artefacts):,} artefacts")
    _artefacts(folder, source, facts)
    _documents(folder, facts, signed=signer is not None)
    payload = dict(folder.files)
    _tags(folder, source, facts)
    if signer is not None:
        text = export_text(source.origin, facts.lines, facts.tree.root(), folder.files[TAG_MANIFEST].sha256)
        folder.put(SIGNATURE, signer.sign(namespace("export", source.mode), text))
    folder.publish()
    return Bag(facts.lines, facts.leaf, timeline, len(payload), sum(file.size for file in payload.values()), signer is not None)


# -- payload -----------------------------------------------------------------------------------------------------

def _lines(folder: Folder, source: Source, facts: Facts) -> tuple[dict[bytes, None], int]:
    """The one pass: lines, values, notes, and everything derived. Returns the public keys met, and the timeline's lines."""
    keys: dict[bytes, None] = {}
    with contextlib.ExitStack() as files:
        lines, values, timeline, graph, custody, deadlines = (files.enter_context(folder.file(f"data/{name}")) for name in (
            "ledger.jsonl", "disclosures.jsonl", "timeline.timesketch.jsonl", "case.jsonld", "custody.csv", "deadlines.csv"))
        sketch = Timesketch(timeline, incident=source.incident, mode=source.mode)
        case = Case(graph, incident=source.incident, origin=source.origin, mode=source.mode, version=__version__)
        clocks = Deadlines(deadlines, source.mode)
        derived = (sketch, case, clocks, Custody(custody, source.mode))
        for row in source.rows:
            facts.add(row)
            if isinstance(row, Noted):
                folder.put(f"data/checkpoints/{row.size}-{row.key_id}.note", row.note)
                continue
            lines.raw(line_of(row))
            for one in row.disclosures:
                values.write(canonical({"body": one.body, "digest": one.digest, "seq": row.seq}) + "\n")
            for sink in derived:
                sink.add(row)
            keys.update(dict.fromkeys(_keys(row)))
            if row.seq and row.seq % _EACH == 0:
                source.say(f"{row.seq:,} entries")
        case.close()
        clocks.close()
    return keys, sketch.count


def line_of(row: Shown) -> bytes:
    """The exact bytes of a line of ledger.jsonl."""
    if row.entry is None:
        return canonical({"withheld": {"leaf": row.leaf, "seq": row.seq}}).encode() + b"\n"
    return row.entry.line + b"\n"


def _keys(row: Shown) -> Iterator[bytes]:
    """Public keys of the people whose signatures stand in a line."""
    data = row.entry.data if row.entry else {}
    for name in ("endorsement", "signature"):
        if isinstance(armored := data.get(name), str):
            with contextlib.suppress(ValueError):
                yield sshsig.parse(armored).key


def _proofs(folder: Folder, source: Source, facts: Facts, keys: Iterable[bytes]) -> None:
    """Time-stamps that an entry of the bag names, and public keys."""
    named = {token.sha256 for token in facts.tokens}
    for sha256, _, _, raw in source.tokens():
        if sha256 in named:
            folder.put(f"data/timestamps/{sha256}.tsr", raw)
    folder.put("data/keys/sessions.txt", "".join(f"{session.vkey}\n" for session in facts.sessions))
    for number, key in enumerate(keys, 1):
        folder.put(f"data/keys/{number}.pub", sshsig.public_line(key) + "\n")


def _artefacts(folder: Folder, source: Source, facts: Facts) -> None:
    for sha256 in facts.artefacts:
        _keep(folder, source, sha256, f"data/artifacts/{sha256}")
    for run in facts.runs:
        for name in ("runbook", "scenario"):
            sha256, title = str(run.data.get(f"{name}_sha256", "")), str(run.data.get(name, ""))
            if sha256 in facts.artefacts and _NAME.fullmatch(title):
                path = f"data/runbooks/{title}.yaml"
                taken = folder.files.get(path)
                if taken is not None and taken.sha256 != sha256:
                    path = f"data/runbooks/{title}-{sha256[:12]}.yaml"
                _keep(folder, source, sha256, path)


def _keep(folder: Folder, source: Source, sha256: str, path: str) -> None:
    if folder.copy(path, source.open_artefact(sha256)).sha256 != sha256:
        raise LedgerError(f"the artefact {sha256} changed while it was copied", next=f"irkit ledger verify {source.incident}")


def _documents(folder: Folder, facts: Facts, *, signed: bool) -> None:
    program = folder.put("data/verify.py", verifier())
    folder.put("data/certification_902.md", certification(facts))
    folder.put("data/foundation.md", foundation(facts))
    folder.put("data/VERIFY.md", verify_md(facts, verifier_sha256=program.sha256, withheld_sha256=folder.files[WITHHELD].sha256,
                                          signed=signed))


# -- tags --------------------------------------------------------------------------------------------------------

def _tags(folder: Folder, source: Source, facts: Facts) -> None:
    payload = dict(folder.files)
    info = {
        "Bag-Software-Agent": f"irkit {__version__}",
        "Bagging-Date": facts.last.at[:10],
        "External-Description": f"{mark(source.mode)}ledger of an incident, kept by irkit",
        "External-Identifier": source.origin,
        "Internal-Sender-Identifier": one_line(source.incident),
        "Payload-Oxum": f"{sum(file.size for file in payload.values())}.{len(payload)}",
    }
    tags = ("bagit.txt", "bag-info.txt", MANIFEST)
    folder.put(tags[0], "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
    folder.put(tags[1], "".join(f"{name}: {value}\n" for name, value in info.items()))
    folder.put(tags[2], "".join(f"{file.sha256}  {path}\n" for path, file in sorted(payload.items())))
    folder.put(TAG_MANIFEST, "".join(f"{folder.files[path].sha256}  {path}\n" for path in sorted(tags)))
