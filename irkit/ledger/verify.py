"""Verify an incident's folder or a bag: one pass with fresh eyes, everything found, nothing changed.

What is checked stands in `irkit.ledger.check` and `irkit.ledger.attest`, what trust from outside adds in
`irkit.ledger.trust`, and what is proven about whom and when in `irkit.ledger.assurance`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from irkit.errors import UsageError
from irkit.ledger import bag, policy, spread
from irkit.ledger.assurance import Anchor, Assured, Attribution, Range, Windows, assured, authorities_over
from irkit.ledger.attest import Signed
from irkit.ledger.bag import BagSource
from irkit.ledger.check import Checker
from irkit.ledger.database import Noted, Orphan, Row
from irkit.ledger.dates import Dates
from irkit.ledger.finding import (
    ADOPTED,
    CONTRADICTED,
    FAILS,
    MISSING,
    NOT_CHECKED,
    PENDING,
    UNENDORSED,
    WITHHELD,
    Finding,
)
from irkit.ledger.source import Event, FolderSource, Trouble, Withheld
from irkit.ledger.sshsig import CannotCheck
from irkit.ledger.stamps import Stamps
from irkit.ledger.trust import Expected, Other, Trust, people
from irkit.ledger.vouch import Stretch

MOST_FINDINGS = 200


@dataclass
class Session:
    """A session as the report tells it. `person` as disclosed, `key` the person's fingerprint, `trusted` its principal."""

    seq: int
    person: str = ""
    key: str = ""
    trusted: str = ""


@dataclass
class Report:
    """What a verification found.

    `head` is the hex leaf of the last entry, `root` of the tree over all; `findings` are the first 200 of `problems`, of
    which `failures` are more than not checked; `remarks` the first 200 things said without being a problem. `ranges` are the
    entries by who is proven to have written them.
    """

    folder: Path
    mode: str = ""
    origin: str = ""
    entries: int = 0
    head: str = ""
    root: str = ""
    disclosures: int = 0
    artefacts: int = 0
    checkpoints: int = 0
    noted: int = 0
    tokens: int = 0
    authorities: list[str] = field(default_factory=list)
    sealed: int | None = None
    author_trusted: bool = False
    time_trusted: bool = False
    sessions: dict[int, Session] = field(default_factory=dict)
    ranges: list[Range] = field(default_factory=list)
    windows: Windows = field(default_factory=Windows)
    problems: int = 0
    failures: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sound(self) -> int:
        """How many entries, from 0 on, come before the first finding."""
        return min((f.entry if f.entry is not None else 0 for f in self.findings), default=self.entries)

    @property
    def exit_code(self) -> int:
        """5 when anything does not agree, else 1 when something could not be checked, else 0."""
        return 5 if self.failures else 1 if self.problems else 0

    def assured(self, most: int = 1 << 30) -> list[Assured]:
        """Who is proven to have written which entries, and when: the first `most` ranges."""
        return assured(self.ranges, self.windows, most)

    def add(self, finding: Finding) -> None:
        kept = self.findings if finding.level in FAILS | {NOT_CHECKED} else self.remarks
        if kept is self.findings:
            self.problems += 1
            self.failures += finding.level in FAILS
        if len(kept) < MOST_FINDINGS:
            kept.append(finding)


def open_source(path: Path) -> FolderSource | BagSource:
    """Raises LedgerError when there is neither an incident nor a bag, or a bag that must not be read."""
    return BagSource(path) if bag.is_bag(path) else FolderSource(path)


def verify(path: Path, trust: Trust | None = None, so_far: Callable[[int], object] = lambda _: None) -> Report:
    """Check everything, with what the reader knows from elsewhere. `so_far` hears now and then how many entries were taken.

    Raises LedgerError when `path` is no ledger, UsageError when a file of `trust` cannot be used; all else is a finding.
    """
    return _Verification(path, trust or Trust(), so_far).run()


class _Verification:
    def __init__(self, path: Path, trust: Trust, so_far: Callable[[int], object]) -> None:
        self._trust, self._path, self._so_far = trust, path, so_far
        self.report = Report(path)
        self._found = self.report.add
        self._signatures: list[Signed] = []
        self._attribution = Attribution()
        self._source: FolderSource | BagSource = open_source(path)
        self._checker = Checker(self._found, self._source.artefact, strict=True, signed=self._signatures.append)
        self._attest = self._checker.attest
        self._expected = Expected(trust.expect)
        self._stamps = Stamps(trust.tsa_ca, self._found)
        self._dates = Dates(self._found)
        self._other: Other | None = None
        self._last: Mapping[str, Any] = {}
        for given in filter(None, (trust.signers, trust.revoked, trust.tsa_ca)):
            if path.resolve() in given.resolve().parents:
                raise UsageError(f"{given} lies within what it is to vouch for", where=str(path),
                                 next="take it from whoever the key or the authority belongs to")
        if trust.policy is not None:
            self._attest.demanded = policy.NOTHING.raised(**policy.from_file(trust.policy))

    def run(self) -> Report:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._source)
            if self._trust.against is not None:
                copy = open_source(self._trust.against)
                stack.enter_context(copy)
                self._other = Other(copy)
            try:
                if isinstance(self._source, BagSource):
                    self._source.manifests(self._found)
                self._stamps.read(self._source)
                spread.each(self._source, self)
                self._end()
            except Trouble as trouble:
                place = self._checker.next if trouble.mechanism in ("store", "bytes") else None
                self._say(place, trouble.mechanism, trouble.what, trouble.meaning, (trouble.detail,) if trouble.detail else (),
                          trouble.level)
        return self.report

    def _say(self, entry: int | None, mechanism: str, what: str, meaning: str, detail: tuple[str, ...] = (),
             level: str = CONTRADICTED) -> None:
        self.report.add(Finding(entry, mechanism, what, meaning, detail, level))

    # -- the pass ------------------------------------------------------------------------------------------------

    def take(self, event: Event | Finding, vouched: bool) -> None:
        """Take what comes next; of a row, whether it is in order by itself is known when it is vouched for."""
        if isinstance(event, (Row, Withheld)):                # a union would be made anew for each entry
            self._take_entry(event, vouched)
        elif isinstance(event, Noted):
            self._take_note(event)
        elif isinstance(event, Orphan):
            self._checker.orphan(event.seq, event.digest)
        else:
            self._found(event)

    def go_along(self, stretch: Stretch, rows: Sequence[Row]) -> bool:
        """Take the rows of a stretch as one. False, and none of them is taken, where one has to be looked at by itself."""
        last = stretch.first + stretch.rows - 1
        if self._trust.expect or self._other is not None or not self._checker.fits(stretch) \
                or not self._stamps.stretch(stretch.first, stretch.earliest, stretch.latest):
            return False
        if stretch.seen is not None and not self._dates.stretch(*stretch.seen):
            return False
        self._checker.go_along(stretch, rows)
        self._attribution.entries(stretch.first, last, stretch.session)
        self._last = self._checker.last
        self.report.entries += stretch.rows
        self._so_far(self.report.entries)
        return True

    def _take_entry(self, event: Row | Withheld, vouched: bool) -> None:
        if self._trust.expect:
            self._expected.at(self._attest.tree.size, self._attest.tree.root, self._found)
        if isinstance(event, Withheld):
            self._checker.withhold(event.seq, event.leaf)
        elif (read := self._checker.feed(event, vouched)) is not None:
            self._entry(event, *read)
        self.report.entries += 1
        self._so_far(self.report.entries)
        if self._other is not None:
            self._other.entry(event.seq, self._checker.leaf, self._found)

    def _take_note(self, event: Noted) -> None:
        found = self._attest.note(*event)
        self.report.checkpoints += 1
        if found is not None:
            self._attribution.note(self._attest.session_of(found))

    def _entry(self, row: Row, fields: Mapping[str, Any], disclosed: Mapping[str, Any]) -> None:
        kind, seq = fields["kind"], row.seq
        if kind != "genesis":
            self._attribution.entries(seq, seq, fields.get("session", -1))
        if kind == "session.start":
            key = fields.get("who", "") if "endorsement" in fields.get("data", {}) else ""
            self.report.sessions[seq] = Session(seq, str(disclosed.get("person.name", "")), key)
        self._stamps.entry(seq, fields)
        self._dates.entry(seq, fields)
        self._last = fields

    # -- the whole -----------------------------------------------------------------------------------------------

    def _end(self) -> None:
        attest, report, size = self._attest, self.report, self._checker.next
        self._expected.at(attest.tree.size, attest.tree.root, self._found)
        self._expected.end(size, attest.origin, attest.signed_by, self._found)
        if self._other is not None:
            self._other.end(size, self._found)
        self._checker.end()
        if report.entries == 0:
            self._say(None, "genesis", "the ledger has no entries", "They were removed.")
        report.mode, report.origin, report.disclosures = attest.mode, attest.origin, self._checker.disclosures
        report.head, report.root = self._checker.leaf.hex(), attest.tree.root().hex()
        report.artefacts, report.noted, report.sealed = len(self._checker.artefacts), attest.noted, attest.sealed
        anchors = self._stamps.end()
        self._dates.end()
        report.windows, report.tokens = Windows(anchors), len(anchors)
        report.authorities = sorted({anchor.authority for anchor in anchors})
        report.ranges = self._attribution.ranges
        self._policy(anchors)
        self._people()
        self._remarks()
        if isinstance(self._source, BagSource):
            self._export(self._source)
        else:
            report.notes += self._source.left_over(set(self._checker.artefacts))

    def _policy(self, anchors: list[Anchor]) -> None:
        attest, size = self._attest, self._checker.next
        authorities = max(attest.policy.authorities, attest.demanded.authorities)
        over = [noted for noted, names in authorities_over(anchors, 0).items() if len(names) >= max(authorities, 1)]
        reach = max(over, default=0)
        if (anchors or authorities) and reach < size:
            self._say(reach, "time", f"entries {reach} to {size - 1} are not time-stamped yet",
                      "The last token may still come; one that was taken away would look the same.", level=PENDING)
        seal = max(attest.policy.seal_tokens, attest.demanded.seal_tokens)
        if attest.sealed is not None and seal:
            most = max((len(names) for names in authorities_over(anchors, attest.sealed).values()), default=0)
            if most < seal:
                self._say(attest.sealed, "policy", f"the seal is time-stamped by {most} of {seal} authorities",
                          "Sealing is not complete, or a token was removed.", level=MISSING)

    def _people(self) -> None:
        report, trust = self.report, self._trust
        report.author_trusted = trust.signers is not None
        report.time_trusted = trust.tsa_ca is not None and report.tokens > 0
        if trust.signers is not None:
            principals = people(self._signatures, trust, self._when, self._found)
            for session in report.sessions.values():
                session.trusted = principals.get(session.key, "")
        if trust.required and not (report.author_trusted and any(s.trusted for s in report.sessions.values())):
            self._say(None, "trust", "the author is not proven", "--require-trusted asks for --signers, and for a session "
                      "that one of them endorsed.")
        if trust.required and not report.time_trusted:
            self._say(None, "time", "the time is not proven", "--require-trusted asks for --tsa-ca, and for a token that "
                      "it vouches for.")

    def _when(self, signed: Signed) -> datetime:
        """The latest moment at which it can have been signed; where no token says, the moment it claims."""
        return self.report.windows.of(signed.seq)[1] or datetime.fromisoformat(signed.at)

    def _remarks(self) -> None:
        for one in self._attribution.adopted():
            if one.last < self._attest.noted or one.last < self._checker.next - 1:
                later = min((s.seq for s in self._attest.sessions.values() if s.seq > one.last), default=None)
                by = f"adopted by session {later}" if later is not None else "noted by another session"
                self._say(one.first, "note", f"entries {one.first} to {one.last} {by}", "Their author is not proven.",
                          level=ADOPTED)
        noted, size = self._attest.noted, self._checker.next
        if noted < size:
            self._say(noted, "note", f"entries {noted} to {size - 1} are not signed yet",
                      "Nothing shows that they are the last ones.", level=PENDING)
        for session in self.report.sessions.values():
            if not session.key:
                self._say(session.seq, "endorsement", f"session {session.seq} is endorsed by nobody's key",
                          "Its author is not proven; it may not send where the policy demands one.", level=UNENDORSED)

    def _export(self, source: BagSource) -> None:
        attest, size = self._attest, self._checker.next
        data, kind = self._last.get("data", {}), self._last.get("kind")
        if kind != "exported" or data.get("lines") != size or attest.noted != size:
            self._say(max(size - 1, 0), "export", "the bag does not end with its own export, under a note over all",
                      "Entries were removed or added, or the note was.")
            return
        if data.get("withheld_sha256") != source.withheld_sha256:
            self._say(size - 1, "withheld", "the list of what is withheld is not the one that was signed",
                      "Somebody other than the exporter changed it.")
        exporter = self.report.sessions.get(self._last.get("session", -1))
        if self._trust.signers is not None and source.withheld and not (exporter and exporter.trusted):
            self._say(size - 1, "trust", "nobody you named vouches for whoever chose what is withheld",
                      "Anybody can export a copy of a bag anew, with other things withheld.")
        if data.get("signed") and attest.origin.count("/") == 2:
            self._export_signature(source, size)
        for basis, count in sorted(source.withheld.items()):
            self._say(None, "withheld", f"{count} withheld: {basis}", "By the exporter, as the signed list says.",
                      level=WITHHELD)

    def _export_signature(self, source: BagSource, size: int) -> None:
        attest, who = self._attest, str(self._last.get("who", ""))
        try:
            problem = source.signature(attest.origin, size, attest.tree.root(), who)
        except CannotCheck as error:
            self._say(size - 1, "export", "the bag's signature could not be checked", error.what, level=NOT_CHECKED)
            return
        if problem:
            self._say(size - 1, "export", f"the signature of the bag's own files {problem}",
                      "Files beside the ledger were changed after the export.",
                                level=MISSING if problem == "is not there" else CONTRADICTED)
