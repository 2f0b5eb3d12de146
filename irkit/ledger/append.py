"""One transaction of appends: drafts become lines, and notes are made where they are due.

- Both clocks are read for each entry; where the wall clock jumped since the one before, `clock.stepped` says so first, also
  when another process of the same boot wrote that one.
- A note follows each entry of the kinds in `attest.NOTED`, and comes before more entries than the policy allows stand without
  one. The `checkpoint` entry that names the note before it stands directly before the entry that causes the new one.
- What a draft may not do is refused here, inside the transaction and in view of the drafts before it: sending for a run that
  another session holds, unendorsed, or without the approval it needs; writing after the seal or the end of the session.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from irkit.errors import CredentialError, LedgerError, NotApproved, NotTheHolder
from irkit.ledger import clock, texts
from irkit.ledger.approvals import ASKED, JUDGED, TAKEN, Approvals
from irkit.ledger.attest import AFTER_SEAL, is_noted
from irkit.ledger.check import Checker
from irkit.ledger.clock import Clock
from irkit.ledger.disclose import Disclosure, random_text
from irkit.ledger.entry import ACCEPTED, BY, KINDS, MAX_LINE, SENDING, VERSION, Entry, canonical_bytes, leaf_hash
from irkit.ledger.fit import fit_data
from irkit.ledger.holding import NOBODY
from irkit.ledger.note import Note, SessionKey
from irkit.ledger.policy import ROOM

_INSERT_ENTRY = "INSERT INTO entries VALUES (?, ?, ?)"
_INSERT_DISCLOSURE = "INSERT INTO disclosures VALUES (?, ?, ?)"
_INSERT_NOTE = "INSERT INTO checkpoints VALUES (?, ?, ?)"
_INSERT_STAMP = "INSERT INTO tokens VALUES (?, ?, ?, ?)"


class Moved(Exception):
    """The tree that a signature was made over has grown meanwhile."""


@dataclass
class Draft:
    """An entry on its way in, and what became of it.

    `size`: the tree it was signed over, which must still be the tree before it. `key`: the key of the session it starts.
    `token`: a row of the table of tokens that belongs to it. `also`: what else is done in the transaction. `held_by`: the
    session that its run must be held by, or nobody (-1).
    """

    fields: dict[str, Any]
    disclosures: Sequence[Disclosure] = ()
    size: int | None = None
    key: SessionKey | None = None
    token: tuple[str, int, str, bytes] | None = None
    also: Callable[[sqlite3.Connection], None] | None = None
    held_by: int | None = None
    entry: Entry | None = None
    error: BaseException | None = None
    placed: dict[str, Any] = field(default_factory=dict)      # the fields as written, and the hash of their line
    leaf: bytes = b""

    @property
    def done(self) -> bool:
        return self.entry is not None or self.error is not None


@dataclass
class Author:
    """Under what a process writes: its session, that session's person and key, and the last reading of both clocks.

    `owed`: the reading before a jump of the wall clock that came before its session, so that no entry says so yet.
    """

    folder: Path
    clock: Clock
    session: int | None = None
    who: str = ""
    key: SessionKey | None = None
    read: tuple[int, int] | None = None
    owed: tuple[int, int] | None = None

    @functools.cached_property
    def boot(self) -> str:
        return self.clock.boot()


class Commit:
    """Takes drafts in order, then writes them. Nothing of the ledger's own state changes before `take`."""

    def __init__(self, checker: Checker, author: Author) -> None:
        attest = checker.attest
        self._checker, self._author, self._attest = checker, author, attest
        self._session, self._who, self._key = author.session, author.who, author.key
        self._seq, self._leaf, self._holding = checker.next, checker.leaf, checker.holding.copy()
        self._sealed, self._holds = attest.sealed, set(attest.holds)
        self._tree, self._noted = attest.tree.copy(), attest.noted
        self._unnamed = attest.newest if attest.newest_sha256 != attest.named else None
        self._read, self._owed = self._before(), author.owed
        self._approvals: Approvals | None = None       # with what was placed, once a later draft is judged by that
        self._unjudged: list[tuple[int, Mapping[str, Any], bytes, bytes]] = []
        self._placed: list[Draft | Note] = []

    def add(self, draft: Draft) -> None:
        """Place a draft, with what belongs before and after it; or give it its error."""
        due = False
        try:
            self._permit(draft)
            reading = self._step()
            self._approve(draft, reading[0])
            due = is_noted(draft.fields) or self._seq + ROOM - self._noted > self._attest.policy.max_entries
            if due:
                self.name(reading)
            if draft.size is not None and draft.size != self._seq:
                raise Moved
            self._place(draft, reading)
        except (ValueError, LedgerError, CredentialError, NotApproved, Moved) as error:
            draft.error = error
        if due:                        # whatever became of the draft: what came before it counts as well
            self.note()

    def name(self, reading: tuple[int, int] | None = None) -> None:
        """Name the newest note in an entry of its own, unless one does."""
        if (note := self._unnamed) is not None and self._session is not None:
            data = {"key_id": note.key_id, "note_sha256": note.sha256, "size": note.size}
            self._place(Draft(fields_of("checkpoint", data, "machine")), reading or self._now())
            self._unnamed = None

    def note(self) -> None:
        """Sign the tree as it stands, unless that was done."""
        if self._key is not None and self._seq > self._noted:
            self.name()                # not yet done where a session starts: nobody could, before it
            self._unnamed = self._key.sign(self._tree.size, self._tree.root())
            self._placed.append(self._unnamed)
            self._noted = self._unnamed.size

    def write(self, connection: sqlite3.Connection) -> None:
        drafts = [one for one in self._placed if isinstance(one, Draft)]
        lines = [(one.entry.seq, one.entry.line, one.leaf) for one in drafts if one.entry is not None]
        connection.executemany(_INSERT_ENTRY, lines)
        connection.executemany(_INSERT_DISCLOSURE, [(line[0], digest, body) for line, one in zip(lines, drafts, strict=True)
                                                    for digest, body, _, _ in one.disclosures])
        for note in self._placed:
            if isinstance(note, Note):
                connection.execute(_INSERT_NOTE, (note.size, note.key_id, note.raw))
        for one in drafts:
            if one.token is not None:
                connection.execute(_INSERT_STAMP, one.token)
            if one.also is not None:
                one.also(connection)

    def take(self) -> list[Entry]:
        """It is committed: the ledger stands where this leaves it. Returns what was written, in order."""
        for one in self._placed:
            if isinstance(one, Note):
                self._attest.take_note(one)
            elif one.entry is not None:
                self._checker.take(one.entry.seq, one.placed, one.leaf)
        author, key = self._author, self._key if self._session is not None else None
        if author.key is not None and author.key is not key:
            author.key.erase()
        author.session, author.who, author.key, author.read, author.owed = self._session, self._who, key, self._read, self._owed
        return [one.entry for one in self._placed if isinstance(one, Draft) and one.entry is not None]

    # -- one entry -----------------------------------------------------------------------------------------------

    def _permit(self, draft: Draft) -> None:
        kind, folder = draft.fields["kind"], self._author.folder
        if self._session is None and kind not in ("genesis", "session.start"):
            raise LedgerError(f"{kind} cannot be appended outside a session", where=str(folder))
        if self._sealed is not None and kind not in AFTER_SEAL:
            raise LedgerError(f"the incident is sealed since entry {self._sealed}: {kind} cannot be added to it",
                              where=str(folder), next="more work is a new incident: irkit run RUNBOOK")
        if kind == "erased" and self._holds:
            raise LedgerError("nothing is erased while a hold stands", where=f"entry {min(self._holds)} of {folder}",
                              next=f"irkit hold release {folder.name}")
        if kind == "hold.released" and draft.fields.get("ref") not in self._holds:
            raise LedgerError(f"entry {draft.fields.get('ref')} is no hold that stands", where=str(folder),
                              next=f"irkit hold list {folder.name}")
        self._held(draft)
        keyed = self._attest.sessions.get(-1 if self._session is None else self._session)
        if self._attest.policy.endorse and not (keyed and keyed.endorsed) \
                and texts.needs_endorsement(kind, draft.fields.get("data", {})):
            raise CredentialError(f"nobody's key endorsed this session, and the ledger's policy demands that for {kind}",
                                  where=str(folder), next="irkit key show")

    def _approve(self, draft: Draft, wall_ns: int) -> None:
        """Refuse an answer, or a send, that a second person's agreement does not cover at the very time it will bear."""
        if draft.fields["kind"] not in JUDGED:
            return
        folder, now = self._author.folder, datetime.fromisoformat(clock.text(wall_ns))
        if problem := self._agreed().problem(draft.fields, self._who, now):
            raise NotApproved(f"this {problem}; nothing was sent or recorded as agreed", where=str(folder),
                              next=f"irkit status {folder.name}")

    def _agreed(self) -> Approvals:
        """What was asked and agreed to up to here, in this transaction too."""
        if self._unjudged:
            self._approvals = self._approvals or self._attest.approvals.copy()
            for placed in self._unjudged:
                self._approvals.take(*placed)
            self._unjudged.clear()
        return self._approvals or self._attest.approvals

    def _held(self, draft: Draft) -> None:
        """Sending is for the session that holds the run; of several who take it over from the same one, the first has it."""
        kind, run, folder = draft.fields["kind"], draft.fields.get("run", ""), self._author.folder
        holder = self._holding.holders.get(run)
        if kind == SENDING and run in self._holding.probes:
            raise LedgerError(f"run {run!r} is a probe: nothing is sent in it", where=str(folder),
                              next=f"irkit status {folder.name}")
        if kind == SENDING and holder != self._session:
            by = "packed to be moved" if holder == NOBODY else "taken over by another session"
            raise NotTheHolder(f"run {run!r} was {by}; nothing is sent from here", where=str(folder),
                               next=f"irkit status {folder.name}")
        if draft.held_by is not None and holder != draft.held_by:
            raise NotTheHolder(f"somebody else took run {run!r} over meanwhile; {kind} was not recorded", where=str(folder),
                               next=f"irkit resume {folder.name}")
        if kind == ACCEPTED and not self._holding.accepts(draft.fields):
            raise LedgerError(f"the offer of entry {draft.fields.get('ref')} is not open: it was accepted, or another one came "
                              "after it", where=str(folder), next=f"irkit resume {folder.name}")

    def _before(self) -> tuple[int, int] | None:
        """Both clocks at the entry before, where it was written in this boot; else at this process's own last one."""
        last, author = self._checker.last, self._author
        if last.get("session", author.session) == author.session:
            return author.read
        keyed = self._attest.sessions.get(last["session"])
        comparable = keyed is not None and keyed.boot and keyed.boot == author.boot
        return (comparable and clock.read(last["at"], last["mono_ns"])) or author.read

    def _step(self) -> tuple[int, int]:
        """Read both clocks. Where the wall clock jumped an entry says so, while any may; after the seal it may not."""
        before, self._read = self._owed or self._read, self._now()
        moved = clock.step_ms(before, self._read) if before is not None else 0
        self._owed = before if moved and self._session is None else None
        if moved and self._session is not None and self._sealed is None:
            self._place(Draft(fields_of("clock.stepped", {"step_ms": moved}, "machine")), self._read)
        return self._read

    def _now(self) -> tuple[int, int]:
        return self._author.clock.wall_ns(), self._author.clock.mono_ns()

    def _place(self, draft: Draft, reading: tuple[int, int]) -> None:
        kind, seq = draft.fields["kind"], self._seq
        session = seq if kind == "session.start" else self._session
        under = {} if session is None else {"session": session, "who": self._who}
        draft.placed = {**under, **draft.fields, "at": clock.text(reading[0]), "log": self._attest.origin,
                        "mono_ns": str(reading[1]), "nonce": random_text(), "prev": self._leaf.hex(), "seq": seq, "v": VERSION}
        if kind == "session.start" and self._noted < seq != 1:
            draft.placed["data"] = {**draft.fields["data"], "adopts": {"from": self._noted, "to": seq - 1}}
        line = canonical_bytes(draft.placed)
        if len(line) > MAX_LINE:
            raise LedgerError(f"the {kind} entry would have {len(line):,} bytes; {MAX_LINE:,} are the most",
                              where=str(self._author.folder))
        self._leaf = draft.leaf = leaf_hash(line)
        self._tree.add(self._leaf)
        draft.entry = Entry.of(draft.placed, line, self._leaf, {d.name: d.value for d in draft.disclosures})
        self._seq += 1
        self._placed.append(draft)
        self._remember(draft, draft.entry)

    def _remember(self, draft: Draft, entry: Entry) -> None:
        """What later drafts of the same transaction are judged by."""
        if entry.kind in TAKEN:
            root = self._tree.root() if entry.kind == ASKED else b""
            self._unjudged.append((entry.seq, draft.placed, self._leaf, root))
        self._holding.take(entry.seq, draft.placed)
        if entry.kind == "session.start":
            self._session, self._who, self._key = entry.seq, entry.who, draft.key
        elif entry.kind == "session.end":
            self._session = None               # its key signs once more, and is erased when this is committed
        elif entry.kind == "sealed":
            self._sealed = entry.seq
        elif entry.kind == "hold.placed":
            self._holds.add(entry.seq)
        elif entry.kind == "hold.released":
            self._holds.discard(-1 if entry.ref is None else entry.ref)


def fields_of(kind: str, data: Mapping[str, Any], by: str, **place: object) -> dict[str, Any]:
    """The fields of a line that its caller decides. Raises ValueError for a kind that is not known."""
    if kind not in KINDS or by not in BY:
        raise ValueError(f"an entry of kind {kind!r}, by {by!r}, is not known to this version")
    fields = {"by": by, "kind": kind, **{name: value for name, value in place.items() if value is not None}}
    return fields | {"data": structure} if (structure := fit_data(data)) else fields
