"""The incident as a CASE/UCO graph (JSON-LD, CASE 1.x on UCO 1.x): actions, files with hashes, provenance, custody.

One node at a time is written, so memory does not grow with the ledger. Identifiers are UUIDv5 of the ledger's origin and an
entry's number: the same ledger gives the same graph, and two exports of it can be joined.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from irkit.ledger import Entry
from irkit.report.tables import items_of
from irkit.report.view import Shown
from irkit.report.words import mark, one_line, what

CONTEXT = {
    "kb": "urn:irkit:kb:",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-role": "https://ontology.unifiedcyberontology.org/uco/role/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "uco-vocabulary": "https://ontology.unifiedcyberontology.org/uco/vocabulary/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:irkit:ledger")
_NO_ACTION = frozenset({"genesis", "session.end", "checkpoint", "inject"})      # bookkeeping, and a drill's cards
_CUSTODY = frozenset({"custody.offered", "custody.accepted"})
_LONGEST = 2_000                     # characters of a description


class Out(Protocol):
    def write(self, text: str, /) -> object: ...


class Case:
    """Takes lines in order and writes their nodes; `close` ends the document. `count` is the number of nodes."""

    def __init__(self, out: Out, *, incident: str, origin: str, mode: str, version: str) -> None:
        self._out, self._incident, self._origin, self._mode = out, incident, origin, mode
        self._people: dict[int, str] = {}               # session -> node of its person
        self._files: dict[str, str] = {}                # SHA-256 -> node of the file
        self._records: list[str] = []
        self._written: set[str] = set()
        self._acted = bytearray()                       # for each line, whether it has an action to refer to
        self.count = 0
        self._tool = self._id("tool", "irkit")
        out.write('{"@context": ' + json.dumps(CONTEXT) + ',\n"@graph": [')
        self._node(self._tool, "uco-tool:Tool", {"uco-core:name": "irkit", "uco-tool:version": version})

    def add(self, row: Shown) -> None:
        entry = row.entry
        self._acted.append(entry is not None and entry.kind not in _NO_ACTION)
        if entry is None:
            return
        if entry.kind == "session.start":
            self._person(entry)
        results = [self._file(entry)] if entry.kind == "artefact.added" and "artefact.sha256" in entry.disclosed else []
        handled = self._handled(entry) if entry.kind in _CUSTODY else []
        if entry.kind not in _NO_ACTION:
            self._action(entry, results, handled)
        if results or handled:
            self._record(entry, results or handled)

    def close(self) -> None:
        self._node(self._id("investigation", "0"), "case-investigation:Investigation", {
            "uco-core:name": f"{mark(self._mode)}{self._incident}",
            "uco-core:description": f"{mark(self._mode)}incident recorded by irkit in the ledger {self._origin}. "
                                    "The exhibit is the ledger; this graph is derived from it.",
            "case-investigation:focus": "drill" if self._mode == "drill" else "account compromise",
            "uco-core:object": _refs([self._tool, *sorted(set(self._people.values())), *self._files.values(), *self._records])})
        self._out.write("\n]}\n")

    # -- nodes ---------------------------------------------------------------------------------------------------

    def _person(self, entry: Entry) -> None:
        name = entry.disclosed.get("person.name")
        node = self._people[entry.seq] = self._id("identity", entry.who)
        if node not in self._written:
            self._written.add(node)
            self._node(node, "uco-identity:Identity", {
                "uco-core:name": one_line(name) if name is not None else "name withheld",
                "uco-core:description": f"{mark(self._mode)}signs as {entry.who}" if not entry.who.startswith("unsigned:")
                else f"{mark(self._mode)}{entry.who}: no key of this person signed"})

    def _file(self, entry: Entry) -> str:
        shown = entry.disclosed
        sha256 = str(shown["artefact.sha256"])
        node = self._id("file", f"{entry.seq}")
        self._files[sha256] = node
        hashed = {"@id": self._id("hash", f"{entry.seq}"), "@type": "uco-types:Hash",
                  "uco-types:hashMethod": "SHA256",
                  "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": sha256}}
        content: dict[str, Any] = {"@id": self._id("content", f"{entry.seq}"), "@type": "uco-observable:ContentDataFacet",
                                   "uco-observable:hash": hashed}
        facet: dict[str, Any] = {"@id": self._id("facet", f"{entry.seq}"), "@type": "uco-observable:FileFacet"}
        if isinstance(size := shown.get("artefact.size"), int):
            facet["uco-observable:sizeInBytes"] = content["uco-observable:sizeInBytes"] = size
        if (name := shown.get("artefact.name")) is not None:
            facet["uco-observable:fileName"] = one_line(name)
        if (media := shown.get("artefact.media_type")) is not None:
            content["uco-observable:mimeType"] = one_line(media)
        self._node(node, "uco-observable:File", {"uco-core:hasFacet": [facet, content]})
        return node

    def _handled(self, entry: Entry) -> list[str]:
        """Nodes of the files that a custody entry hands over."""
        named = (str(item.get("sha256", "")) for item in items_of(entry))
        return [self._files[sha256] for sha256 in named if sha256 in self._files]

    def _action(self, entry: Entry, results: list[str], handled: list[str]) -> None:
        told = one_line(what(entry))
        words = told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"
        fields: dict[str, Any] = {
            "uco-core:name": f"{mark(self._mode)}entry {entry.seq}: {entry.kind}",
            "uco-core:description": f"{mark(self._mode)}{entry.kind}{': ' if words else ''}{words} "
                                    f"(by {entry.by}; leaf {entry.leaf})",
            "uco-action:startTime": _time(entry.at), "uco-action:endTime": _time(entry.at),
            "uco-action:instrument": {"@id": self._tool}}
        if (person := self._people.get(entry.session)) is not None:
            fields["uco-action:performer"] = {"@id": person}
        if results:
            fields["uco-action:result"] = _refs(results)
        if handled:
            fields["uco-action:object"] = _refs(handled)
        if entry.ref is not None and entry.ref < entry.seq and self._acted[entry.ref]:
            fields["case-investigation:wasInformedBy"] = {"@id": self._id("action", f"{entry.ref}")}
        self._node(self._id("action", f"{entry.seq}"), "case-investigation:InvestigativeAction", fields)

    def _record(self, entry: Entry, files: list[str]) -> None:
        """Evidence enters, or changes hands."""
        node = self._id("provenance", f"{entry.seq}")
        self._records.append(node)
        custody = {"custody.offered": "custody offered", "custody.accepted": "custody accepted"}
        self._node(node, "case-investigation:ProvenanceRecord", {
            "case-investigation:exhibitNumber": f"{self._incident}-{entry.seq}",
            "uco-core:objectCreatedTime": _time(entry.at),
            "uco-core:description": f"{mark(self._mode)}{custody.get(entry.kind, 'collected')} in entry {entry.seq}",
            "uco-core:object": _refs([*files, self._id("action", f"{entry.seq}")])})

    def _node(self, node: str, kind: str, fields: Mapping[str, Any]) -> None:
        text = json.dumps({"@id": node, "@type": kind, **fields}, sort_keys=True)
        self._out.write(("," if self.count else "") + "\n" + text)
        self.count += 1

    def _id(self, kind: str, what: str) -> str:
        return f"kb:{kind}-{uuid.uuid5(_NAMESPACE, f'{self._origin}/{kind}/{what}')}"


def _time(at: str) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": at}


def _refs(nodes: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": node} for node in nodes]
