"""The rules that entries keep among themselves. One pass, in order, in memory that does not grow with the ledger.

| mechanism  | what must agree |
|---|---|
| bytes      | the line is in the profile of version 1, and re-serialises to itself |
| hash       | the stored leaf is the hash of the line |
| numbering  | entries are 0, 1, 2 …, each where its `seq` says |
| chain      | `prev` is the leaf of the entry before; genesis has 64 zeros |
| genesis    | entry 0 and no other is genesis; its mode and origin are in every `log` |
| session    | an entry stands in a session that is open, under that session's `who`; who sends holds the run |
| disclosure | every digest in `sd` has its value and every value its digest |
| artefact   | what entries list is there, with its size and, when verifying, its hash |
| withheld   | what an export withholds is listed, and is of a kind that may be withheld |

What signatures add stands in `irkit.ledger.attest`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from irkit.ledger import disclose
from irkit.ledger.approvals import ASKED
from irkit.ledger.attest import Attest, Signed
from irkit.ledger.database import Row
from irkit.ledger.entry import ACCEPTED, GENESIS, MODES, SENDING, known, leaf_hash, parse
from irkit.ledger.finding import CONTRADICTED, MISSING, NOT_CHECKED, Finding
from irkit.ledger.holding import Holding
from irkit.ledger.vouch import Stretch

_ARTEFACT = {CONTRADICTED: "The file was changed or replaced after it was kept.", MISSING: "The file was removed.",
             NOT_CHECKED: "Nothing is known about it."}

_LISTS = {"artefact.sha256", "artefact.size"}


def pseudonym(origin: str, name: str) -> str:
    """Who an unsigned session belongs to, in its entries: tells people apart within one ledger and nowhere else."""
    return "unsigned:" + hashlib.sha256(f"{origin}\n{name}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def short(digest: str) -> str:
    return f"{digest[:6]}..{digest[-4:]}" if len(digest) > 12 else digest


class Checker:
    """Takes rows in order and reports what does not agree.

    `artefact` says what is wrong with an artefact, given its SHA-256 and size: level and words, or two empty texts.
    `signed` hears of every person's signature that verifies. What stays known between rows: where the chain ends, the
    sessions, who holds each run, the artefacts met, and what signatures say (`attest`).
    """

    def __init__(self, found: Callable[[Finding], None], artefact: Callable[[str, int], tuple[str, str]], *,
                 strict: bool, signed: Callable[[Signed], None] = lambda _: None) -> None:
        self._found, self._artefact, self._strict = found, artefact, strict
        self.attest = Attest(self._report, signed)
        self.next = 0                              # the seq that is due
        self.leaf = bytes.fromhex(GENESIS)
        self.last: Mapping[str, Any] = {}          # the line before
        self.sessions: dict[int, str] = {}         # session -> who
        self.ended: set[int] = set()
        self.holding = Holding()
        self.artefacts: dict[str, int] = {}        # SHA-256 -> size
        self.disclosures = 0
        self._follows: set[str] = {GENESIS}        # what `prev` may be; empty when the entry before is missing
        self._lost: list[range] = []               # entries missing or unreadable: what stood on them is not blamed
        self._absent: dict[int, list[str]] = {}    # digests whose values are not there, until an entry says they were erased
        self._withheld = bytearray()               # one bit an entry: those of which only the leaf is there

    # -- one row -------------------------------------------------------------------------------------------------

    def feed(self, row: Row, vouched: bool = False) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
        """Check one row. Returns the line's fields and its disclosed values, or None when the line cannot be read.

        `vouched`: all that a row holds by itself was checked, and nothing found (`irkit.ledger.vouch`).
        """
        read: tuple[dict[str, Any], Mapping[str, Any]] | None
        if vouched:
            leaf, read = row.leaf, self._known(row)
        else:
            leaf = leaf_hash(row.line) if type(row.line) is bytes else b""
            read = self.read(row, leaf)
        if read is None or not read[0]["seq"] == row.seq == self.next:
            self._number(row.seq, read and read[0]["seq"])
        if read is None:
            self._lose(row.seq, row.seq + 1)
            self.attest.withheld(leaf)
            self._pass(row.seq, leaf, {leaf.hex(), _hex(row.leaf)} if leaf else set())
            return None
        fields, disclosed = read
        if self._follows and fields["prev"] not in self._follows:
            self._chain(row.seq, fields["prev"])
        self._belongs(row.seq, fields, disclosed)
        self.attest.entry(row.seq, fields, leaf)
        approvals = self.attest.approvals
        if fields["kind"] in (ASKED, SENDING) and (problem := approvals.content_problem(row.seq, fields, disclosed)):
            self._report(row.seq, "approval", f"entry {row.seq} {problem}", "What was sent is not what somebody agreed to.")
        self._go_past(row.seq, fields, leaf)
        if row.leaf != leaf:
            self._follows.add(_hex(row.leaf))
        if not vouched or fields["kind"] == "artefact.added":
            self._artefacts(row.seq, fields, disclosed)
        return read

    def _known(self, row: Row) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The same as `read`, for a row in which it would find nothing wrong."""
        bodies = row.bodies
        self.disclosures += len(bodies)
        return known(row.line), disclose.Disclosed(bodies, row.seq)

    def read(self, row: Row, leaf: bytes) -> tuple[dict[str, Any], Mapping[str, Any]] | None:
        """Check what a row holds by itself, without its place among others; `leaf` is the hash of its line."""
        seq = row.seq
        if not leaf:
            self._report(seq, "bytes", f"entry {seq} is stored as {type(row.line).__name__}, not as bytes", "It was changed.")
            return None
        if leaf != row.leaf:
            self._report(seq, "hash", f"entry {seq} is not what it was when it was written",
                         f"Entry {seq}, or its stored hash, was changed after it was written.",
                         f"it hashes to {short(leaf.hex())}, its stored hash is {_short_of(row.leaf)}")
        try:
            fields = parse(row.line, strict=self._strict)
        except ValueError as error:
            self._report(seq, "bytes", f"entry {seq} cannot be read: {error}", "It was changed, or not written by irkit.")
            return None
        return fields, self._disclosures(seq, fields.get("sd", []), row)

    def fits(self, stretch: Stretch) -> bool:
        """Whether nothing is to be said of a stretch that comes next. What is to be said before it, then was."""
        fits = (stretch.first == self.next and stretch.prev in self._follows and stretch.log == self.attest.origin
                and stretch.session not in self.ended and self.sessions.get(stretch.session) == stretch.who
                and self.attest.fits(stretch.rows))
        if fits:
            self.attest.end()
        return fits

    def go_along(self, stretch: Stretch, rows: Sequence[Row]) -> None:
        """Go past a stretch that fits, and its rows."""
        self.attest.tree.extend([row.leaf for row in rows])
        self.disclosures += stretch.values
        last = rows[-1]
        self.last = known(last.line)
        self._pass(last.seq, last.leaf, {last.leaf.hex()})

    def withhold(self, seq: int, leaf: bytes) -> None:
        """Go past an entry of which an export shows the leaf alone."""
        self._number(seq, None)
        if seq == 0:
            self._report(0, "withheld", "genesis is withheld", "It never may be: mode, origin and policy stand in it.")
        self._withheld += b"\0" * (seq // 8 + 1 - len(self._withheld))
        self._withheld[seq // 8] |= 1 << seq % 8
        self.attest.withheld(leaf)
        self._pass(seq, leaf, {leaf.hex()})

    def end(self) -> None:
        """Nothing comes after this: report what no later entry explained."""
        self.attest.end()
        for seq, digests in self._absent.items():
            left = sorted(set(digests) - self.attest.erased.get(seq, set()))
            if left:
                values, are = ("1 value", "is") if len(left) == 1 else (f"{len(left)} values", "are")
                self._report(seq, "disclosure", f"{values} of entry {seq} {are} missing",
                             "They were removed. Nothing in the ledger gives a ground.",
                             *(f"digest {short(digest)}" for digest in left[:3]), level=MISSING)
        self._absent.clear()

    def take(self, seq: int, fields: Mapping[str, Any], leaf: bytes) -> None:
        """Go past an entry that is known to be good."""
        self.attest.take(seq, fields, leaf)
        self._go_past(seq, fields, leaf)

    def _go_past(self, seq: int, fields: Mapping[str, Any], leaf: bytes) -> None:
        kind, self.last = fields["kind"], fields
        self.holding.take(seq, fields)
        if kind == "session.start":
            self.sessions[seq] = fields.get("who", "")
        elif kind == "session.end":
            self.ended.add(fields.get("session", 0))
        self._pass(seq, leaf, {leaf.hex()})

    def orphan(self, seq: Any, digest: Any) -> None:
        """A stored disclosure that no entry asks for."""
        entry = seq if type(seq) is int else None
        self._report(entry, "disclosure", f"a stored value for entry {seq!r} belongs to no entry",
                     "It was added, or its entry was removed.", f"its digest is {_short_of(digest)}")

    def _pass(self, seq: int, leaf: bytes, follows: set[str]) -> None:
        self.next, self.leaf, self._follows = seq + 1, leaf, follows

    def _lose(self, start: int, end: int) -> None:
        if len(self._lost) < 1000:
            self._lost.append(range(start, end))

    def _report(self, entry: int | None, mechanism: str, what: str, meaning: str, *detail: str,
                level: str = CONTRADICTED) -> None:
        self._found(Finding(entry, mechanism, what, meaning, detail, level))

    # -- the rules -----------------------------------------------------------------------------------------------

    def _number(self, seq: int, said: int | None) -> None:
        if said is not None and said != seq:
            self._report(seq, "numbering", f"entry {seq} calls itself {said}", "Entries were moved, removed or inserted.")
        if seq < self.next:
            self._report(seq, "numbering", f"there is an entry {seq} before entry {self.next}", "It was inserted.")
            self._follows = set()
            self.attest.lost()
        elif seq > self.next:
            lost = f"entry {self.next} is" if seq == self.next + 1 else f"entries {self.next} to {seq - 1} are"
            self._report(self.next, "numbering", f"{lost} missing", "Entries were removed.", level=MISSING)
            self._lose(self.next, seq)
            self.attest.lost()
            self._follows = set()

    def _chain(self, seq: int, prev: str) -> None:
        before = seq - 1
        if seq == 0:
            self._report(0, "chain", "entry 0 does not begin a ledger", "Entries before it were removed.",
                         f"it follows {short(prev)}")
            return
        self._report(seq, "chain", f"entry {seq} does not follow from entry {before}",
                     f"{before} or {seq} was changed after it was written.",
                     f"{before} hashes to {short(self.leaf.hex())}, {seq} says {short(prev)}")

    def _belongs(self, seq: int, fields: Mapping[str, Any], disclosed: Mapping[str, Any]) -> None:
        kind, session = fields["kind"], fields.get("session")
        if kind == "genesis" or seq == 0:
            self._genesis(seq, fields)
            return
        if self.attest.origin and fields["log"] != self.attest.origin:
            self._report(seq, "genesis", f"entry {seq} belongs to another ledger", "It was brought in from elsewhere.",
                         f"it says {fields['log'][:60]}, genesis says {self.attest.origin[:60]}")
        if kind == "session.start":
            problem = self._start(seq, fields, disclosed)
        elif session is None:
            problem = "stands in no session"
        elif session not in self.sessions and self._is_withheld(session):
            problem = f"stands in session {session}, whose start is withheld; it never may be"
        elif session not in self.sessions:
            problem = "" if any(session in lost for lost in self._lost) else f"names session {session}, which has not started"
        elif session in self.ended:
            problem = f"stands in session {session}, which has ended"
        elif fields.get("who", "") != self.sessions[session]:
            problem = f"is under another person than its session {session}"
        elif self._lost or self._withheld:
            problem = ""                           # who held a run is known only where every entry is
        elif kind == SENDING and self.holding.holders.get(fields.get("run", "")) != session:
            problem = f"sends for run {fields.get('run', '')!r}, which session {session} does not hold"
        elif kind == ACCEPTED and not self.holding.accepts(fields):
            problem = f"accepts a hand-over of run {fields.get('run', '')!r} that is not on offer"
        else:
            problem = ""
        if problem:
            self._report(seq, "session", f"entry {seq} {problem}", "It was not written by the process it claims.")

    def _start(self, seq: int, fields: Mapping[str, Any], disclosed: Mapping[str, Any]) -> str:
        if fields.get("session") != seq:
            return "starts a session and does not name itself as it"
        name, who = disclosed.get("person.name"), fields.get("who", "")
        origin = self.attest.origin
        if origin and isinstance(name, str) and who.startswith("unsigned:") and who != pseudonym(origin, name):
            return "is under a pseudonym that is not its person's"
        return ""

    def _genesis(self, seq: int, fields: Mapping[str, Any]) -> None:
        if seq != 0 or fields["kind"] != "genesis":
            what = "is a second genesis" if seq else "is no genesis"
            self._report(seq, "genesis", f"entry {seq} {what}", "Another ledger was put in its place or joined to it.")
            return
        data, log = fields.get("data", {}), fields["log"].split("/")
        if len(log) != 3 or log[0] != "irkit" or log[1] not in MODES or log[1] != data.get("mode") \
                or data.get("origin") != fields["log"]:
            self._report(0, "genesis", "genesis does not agree with itself on mode and origin", "It was changed.",
                         f"mode {data.get('mode')!r}, origin {data.get('origin')!r}, log {fields['log'][:60]!r}")

    def _is_withheld(self, seq: Any) -> bool:
        return type(seq) is int and 0 <= seq // 8 < len(self._withheld) and bool(self._withheld[seq // 8] >> seq % 8 & 1)

    def _disclosures(self, seq: int, asked: list[str], row: Row) -> Mapping[str, Any]:
        """The disclosed values that agree with `sd`. What does not is reported.

        Unless `strict`, values whose digests all agree are not decoded here: few of them are ever read.
        """
        bodies = row.bodies
        try:
            if disclose.hashed(bodies) == asked == row.digests == sorted(set(asked)):
                values = disclose.read_all(bodies) if self._strict else disclose.Disclosed(bodies, seq)
                if not self._strict or not disclose.clashing(tuple(values)):
                    self.disclosures += len(bodies)
                    return values
        except (ValueError, TypeError, AttributeError):
            pass                                   # said below, value by value
        return self._decoded(seq, asked, row.disclosures, row.withheld)

    def _decoded(self, seq: int, asked: list[str], rows: list[tuple[Any, Any, Any]],
                 withheld: Collection[str]) -> dict[str, Any]:
        """The same, one value at a time."""
        values: dict[str, Any] = {}
        left = set(asked)
        if sorted(left) != asked:
            self._report(seq, "disclosure", f"entry {seq} lists digests twice or out of order", "It was not written by irkit.")
        for _, digest, body in rows:
            try:
                good = disclose.digest_of(body) == digest and digest in left
                name, value = disclose.read(body, strict=self._strict) if good else ("", None)
            except (ValueError, AttributeError, TypeError):
                good = False
            if good and name not in values:
                left.remove(digest)
                values[name] = value
            else:
                self._blame(seq, digest, body, left)
                left.discard(digest)
        if left := left.difference(withheld):
            self._absent[seq] = sorted(left)
        if clash := disclose.clashing(tuple(values)):
            self._report(seq, "disclosure", f"entry {seq} has a value with the malformed name {clash!r}",
                         "It was not written by irkit.")
        self.disclosures += len(values)
        return values

    def _blame(self, seq: int, digest: Any, body: Any, left: set[str]) -> None:
        """Say what is wrong with one stored value."""
        try:
            matches = disclose.digest_of(body) == digest
        except (ValueError, AttributeError):
            matches = False
        problem = ("does not match its digest" if not matches else "is malformed, or has the name of another" if digest in left
                   else "is not asked for by the entry")
        self._report(seq, "disclosure", f"a value of entry {seq} {problem}",
                     "The value was changed, added or copied after the entry was written.",
                     f"its digest is {_short_of(digest)}")

    def _artefacts(self, seq: int, fields: Mapping[str, Any], disclosed: Mapping[str, Any]) -> None:
        listing = fields["kind"] == "artefact.added"
        if not listing and isinstance(disclosed, disclose.Disclosed) and not disclosed.may_name_artefacts():
            return
        named = [(value["artefact"], value["bytes"]) for value in disclosed.values()
                 if disclose.is_mark(value)]
        absent = len(disclosed) < len(fields.get("sd", ()))      # erased, withheld or missing: judged as values, not here
        if listing and (not absent or disclosed.keys() >= _LISTS):
            named.append((disclosed.get("artefact.sha256"), disclosed.get("artefact.size")))
        for sha256, size in named:
            if type(sha256) is not str or type(size) is not int:
                self._report(seq, "artefact", f"entry {seq} does not say which artefact it lists",
                             "A value was changed or removed.")
            elif self.artefacts.get(sha256) != size:
                self.artefacts[sha256] = size
                level, problem = self._artefact(sha256, size)
                if problem:
                    self._report(seq, "artefact", f"the artefact of entry {seq} {problem}", _ARTEFACT[level],
                                 f"artefact {sha256}", level=level)


def _hex(stored: Any) -> str:
    return stored.hex() if isinstance(stored, bytes) else ""


def _short_of(stored: Any) -> str:
    return short(stored.hex() if isinstance(stored, bytes) else str(stored))
