"""The ledger of one incident: create, open, append, read.

- Opening checks the chain, every value against its digest, and that artefacts are there, before anything can be appended.
- `append` returns when the entry is durable. Callers from many threads are committed together by whoever holds the lock:
  one transaction, one fdatasync; a single caller waits for nobody.
- The transaction is `BEGIN IMMEDIATE`. Inside it the tail is read, entries that other processes appended are checked and
  taken up, both clocks are read, and `request.sending` is refused unless this session holds the run.
- A failed append leaves nothing. Values too large for a line are artefacts, on the disk before their entry.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from irkit import __version__
from irkit.errors import IrkitError, LedgerError, NotTheHolder
from irkit.ledger import clock, database
from irkit.ledger.artefacts import FOLDER, Artefact, Artefacts, sync_folder
from irkit.ledger.check import Checker, pseudonym
from irkit.ledger.collect import Collector
from irkit.ledger.disclose import Disclosure, disclose, random_text
from irkit.ledger.entry import BY, HOLDING, KINDS, MAX_LINE, MODES, SENDING, VERSION, Entry, canonical, leaf_hash
from irkit.ledger.finding import Finding
from irkit.ledger.fit import fit_data
from irkit.ledger.postpone import Postponed
from irkit.ledger.trouble import explained, no_incident, verify_command

if TYPE_CHECKING:
    from sqlite_utils import Database

POLICY = {"authorities": 0, "endorse": True, "max_entries": 64, "seal_tokens": 0}
_CHUNK = 256                  # entries read at once
_CHECKED_BYTES = 8 << 20      # of lines, the most that the check on open hands on to the first reading
_INSERT_ENTRY = "INSERT INTO entries VALUES (?, ?, ?)"
_INSERT_DISCLOSURE = "INSERT INTO disclosures VALUES (?, ?, ?)"


@dataclass
class _Draft:
    """An entry on its way in, and what became of it."""

    fields: dict[str, Any]
    disclosures: Sequence[Disclosure] = ()
    entry: Entry | None = None
    error: BaseException | None = None
    placed: dict[str, Any] = field(default_factory=dict)      # the fields as written

    @property
    def done(self) -> bool:
        return self.entry is not None or self.error is not None


class Ledger:
    """An open incident. Usable from many threads; `close` it, or use it as a context manager."""

    def __init__(self, folder: Path, db: Database, *, write: bool) -> None:
        """Use `create` or `open`."""
        self.folder = folder
        self.session: int | None = None
        self._who = ""
        self._db, self._write = db, write
        self._artefacts = Artefacts(folder)
        self._turn = threading.Lock()                  # held by whoever commits or reads
        self._queue: deque[_Draft] = deque()
        self.postponed = Postponed()                   # run before the next append of its thread
        self._checked: list[Entry] | None = []         # what the check on open read, for the first call of `entries`
        self._checked_bytes = 0
        self._checker = Checker(self._refuse, self._artefact_problem, strict=False)

    # -- making and opening --------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, *, mode: str, version: str, code_hash: str, data: Mapping[str, Any] | None = None,
               disclose: Mapping[str, Any] | None = None) -> Ledger:
        """A new incident, whose genesis is entry 0. Raises IrkitError when the folder is there already.

        It appears under its name whole or not at all.
        """
        if mode not in MODES:
            raise ValueError(f"{mode!r} is no mode of a ledger")
        if folder.exists():
            raise IrkitError(f"there is already something called {folder.name}", where=str(folder), next="irkit incident list")
        with explained(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            making = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
            making.mkdir(mode=0o700)
            try:
                (making / FOLDER).mkdir(mode=0o700)
                database.create(making / database.NAME)
                with cls(making, database.open_writer(making / database.NAME), write=True) as ledger:
                    ledger._genesis(mode, {"version": version, "code_hash": code_hash, **(data or {})}, disclose or {})
                sync_folder(making)
                making.rename(folder)
                sync_folder(folder.parent)
            except BaseException:
                shutil.rmtree(making, ignore_errors=True)
                raise
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path, *, write: bool = True) -> Ledger:
        """An incident that is there, checked. `write=False` changes nothing on the disk.

        Raises LedgerError when the folder is no incident, or naming the first entry that does not verify.
        """
        path = folder / database.NAME
        if not path.is_file():
            raise no_incident(folder)
        with explained(folder):
            ledger = cls(folder, database.open_writer(path) if write else database.open_reader(path), write=write)
            try:
                ledger._check()
            except BaseException:
                ledger.close()
                raise
        return ledger

    def _genesis(self, mode: str, data: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        origin = self._checker.origin = f"irkit/{mode}/{secrets.token_hex(16)}"
        fields = _fields("genesis", {"mode": mode, "origin": origin, "policy": POLICY, **data}, "machine")
        self._submit([self._draft(fields, values)])

    def _check(self) -> None:
        with _snapshot(self._db):
            self._take_up(self._keep_checked)
        if self._checker.next == 0:
            raise LedgerError("the ledger has no entries", where=str(self.folder), next=verify_command(self.folder))

    @property
    def mode(self) -> str:
        """live, drill or test."""
        return self._checker.mode

    @property
    def origin(self) -> str:
        """`irkit/<mode>/<32 hex>`: the `log` of every entry."""
        return self._checker.origin

    # -- sessions ------------------------------------------------------------------------------------------------

    def start_session(self, who: str, *, data: Mapping[str, Any] | None = None) -> int:
        """Append session.start for the person of that name and write under it from now on. Returns its seq."""
        self._who = pseudonym(self.origin, who)
        fields = _fields("session.start", {"boot": clock.boot_id(), "irkit": __version__, **(data or {})}, "machine")
        entry = self._submit([self._draft(fields, {"person.name": who})])[0]
        self.session = entry.seq
        return entry.seq

    def end_session(self) -> None:
        """Append session.end, if a session is open."""
        if self.session is not None:
            self.append("session.end")
            self.session = None

    # -- appending -----------------------------------------------------------------------------------------------

    def append(self, kind: str, data: Mapping[str, Any] | None = None, disclose: Mapping[str, Any] | None = None, *,
               by: str = "machine", run: str | None = None, step: str | None = None, item: int | None = None,
               ref: int | None = None) -> Entry:
        """Append one entry; it is durable when this returns.

        `data` is structure that never needs to be withheld: keys of [a-z0-9_]; None is left out. `disclose` has dotted
        names and any values. Raises NotTheHolder for a request.sending of a run that another session took over,
        IrkitError when the disk refuses, LedgerError when the ledger is damaged; then nothing was appended.
        """
        fields = _fields(kind, data or {}, by, run=run, step=step, item=item, ref=ref)
        return self._submit([self._draft(fields, disclose or {})])[0]

    def _draft(self, fields: dict[str, Any], values: Mapping[str, Any]) -> _Draft:
        self._must_write()
        self.postponed.catch_up()
        with explained(self.folder):
            disclosures = disclose(values, lambda raw: self._artefacts.add(raw)[0])
        if disclosures:
            fields["sd"] = [disclosure.digest for disclosure in disclosures]
        return _Draft(fields, disclosures)

    def _must_write(self) -> None:
        if not self._write:
            raise IrkitError("this ledger was opened for reading", where=str(self.folder))

    def _submit(self, drafts: Sequence[_Draft]) -> list[Entry]:
        """Have the drafts committed, in order and in one transaction, by this thread or by one that is before it."""
        self._queue.extend(drafts)          # one call: drafts of one caller stay together
        with self._turn:
            if not drafts[-1].done:
                batch = [self._queue.popleft() for _ in range(len(self._queue))]
                self._commit(batch)
        for draft in drafts:
            if draft.error is not None:
                raise draft.error
        return [draft.entry for draft in drafts if draft.entry is not None]

    def _commit(self, batch: list[_Draft]) -> None:
        connection = self._db.conn
        try:
            with explained(self.folder):
                connection.execute("BEGIN IMMEDIATE")
                self._take_up()
                good = self._place(batch)
                connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            failure = error if isinstance(error, Exception) else IrkitError("an append was interrupted", where=str(self.folder))
            for draft in batch:
                draft.entry, draft.error = None, draft.error or failure
            if failure is not error:
                raise
            return
        for draft in good:
            assert draft.entry is not None
            self._checker.take(draft.entry.seq, draft.placed, bytes.fromhex(draft.entry.leaf))

    def _place(self, batch: list[_Draft]) -> list[_Draft]:
        """Write what can be written, inside the transaction. Returns those drafts; the others have their error."""
        seq, leaf, holders = self._checker.next, self._checker.leaf, dict(self._checker.holders)
        good, entries, disclosures = [], [], []
        for draft in batch:
            try:
                line = self._line(draft, seq, leaf, holders)
            except (ValueError, LedgerError) as error:
                draft.error = error
                continue
            leaf = leaf_hash(line)
            draft.entry = Entry.of(draft.placed, line, leaf, {d.name: d.value for d in draft.disclosures})
            entries.append((seq, line, leaf))
            disclosures += [(seq, d.digest, d.body) for d in draft.disclosures]
            good.append(draft)
            seq += 1
        self._db.conn.executemany(_INSERT_ENTRY, entries)
        self._db.conn.executemany(_INSERT_DISCLOSURE, disclosures)
        return good

    def _line(self, draft: _Draft, seq: int, leaf: bytes, holders: dict[str, int]) -> bytes:
        kind, run = draft.fields["kind"], draft.fields.get("run", "")
        session = seq if kind == "session.start" else self.session
        if session is None and kind != "genesis":
            raise LedgerError(f"{kind} cannot be appended outside a session", where=str(self.folder))
        if kind in HOLDING and run and session is not None:
            holders[run] = session
        if kind == SENDING and holders.get(run) != session:
            raise NotTheHolder(f"run {run!r} was taken over by another session; nothing is sent from here",
                               where=str(self.folder), next=f"irkit status {self.folder.name}")
        under = {} if session is None else {"session": session, "who": self._who}
        draft.placed = {**draft.fields, **under, "at": clock.now(), "log": self._checker.origin, "mono_ns": clock.mono_ns(),
                        "nonce": random_text(), "prev": leaf.hex(), "seq": seq, "v": VERSION}
        line = canonical(draft.placed).encode()
        if len(line) > MAX_LINE:
            raise LedgerError(f"the {kind} entry would have {len(line):,} bytes; {MAX_LINE:,} are the most",
                              where=str(self.folder))
        return line

    # -- artefacts -----------------------------------------------------------------------------------------------

    def keep(self, name: str, content: bytes | Path, *, media_type: str = "", redacted: bool = False, by: str = "copied",
             run: str | None = None, step: str | None = None, item: int | None = None) -> Artefact:
        """Keep bytes, or a copy of a file, as an artefact and list it. `redacted`: secrets were taken out of it before."""
        self._must_write()
        with explained(self.folder):
            sha256, size = self._artefacts.add(content)
        values = {"artefact.name": name, "artefact.sha256": sha256, "artefact.size": size}
        if media_type:
            values["artefact.media_type"] = media_type
        return self._list([values], {"redacted": redacted or None}, by, run=run, step=step, item=item)[0]

    def collector(self, name: str) -> Collector:
        """A collection to stream pages into. The caller keeps or discards it."""
        self._must_write()
        with explained(self.folder):
            return Collector(name, self._artefacts, self._list)

    def _list(self, artefacts: Sequence[Mapping[str, Any]], data: Mapping[str, Any], by: str, **place: Any) -> list[Artefact]:
        """Append artefact.added for files that are in their place, in one commit."""
        entries = self._submit([self._draft(_fields("artefact.added", data, by, **place), values) for values in artefacts])
        return [Artefact(a["artefact.sha256"], a["artefact.size"], a["artefact.name"], entry.seq)
                for a, entry in zip(artefacts, entries, strict=True)]

    # -- reading -------------------------------------------------------------------------------------------------

    def entries(self, after: int = -1) -> Iterator[Entry]:
        """Committed entries with seq > `after`, in order, those of other processes too; a stream that holds few at a time.

        Raises LedgerError at the first one that does not verify.
        """
        checked, self._checked = self._checked, None
        for entry in checked or ():
            if entry.seq > after:
                yield entry
                after = entry.seq
        while chunk := self._read(after):
            yield from chunk
            after = chunk[-1].seq

    def last(self) -> int:
        """The highest committed seq."""
        with self._turn, explained(self.folder):
            found: int = self._db.conn.execute("SELECT max(seq) FROM entries").fetchone()[0]
        return found

    def open_artefact(self, sha256: str) -> BinaryIO:
        """The bytes of an artefact. Raises LedgerError when it is missing."""
        return self._artefacts.open(sha256)

    def close(self) -> None:
        with self._turn:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, after: int) -> list[Entry]:
        with self._turn, explained(self.folder), _snapshot(self._db):
            self._take_up()
            if after >= self._checker.next - 1:
                return []
            rows = islice(database.scan(self._db.conn, after), _CHUNK)
            return [self._entry(row) for row in rows if isinstance(row, database.Row)]

    def _entry(self, row: database.Row) -> Entry:
        """One row again: it was checked in its place before."""
        leaf = leaf_hash(row.line)
        read = self._checker.read(row, leaf)
        assert read is not None                        # `_refuse` has raised
        return Entry.of(read[0], row.line, leaf, read[1])

    def _take_up(self, keep: Callable[[Entry], None] | None = None) -> None:
        """Check the rows that this ledger has not seen yet, inside the caller's transaction."""
        due = self._checker.next
        tail = self._db.conn.execute("SELECT seq, leaf FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        if tail == (due - 1, self._checker.leaf):
            return
        if due and (tail is None or tail[0] < due):
            self._refuse(Finding(due - 1, "chain", f"entry {due - 1} was changed or removed while the ledger was open", ""))
        for row in database.scan(self._db.conn, due - 1 if due else None):
            if not isinstance(row, database.Row):
                self._checker.orphan(row[0], row[1])
            elif (read := self._checker.feed(row)) is not None and keep is not None:
                keep(Entry.of(read[0], row.line, row.leaf, read[1]))

    def _keep_checked(self, entry: Entry) -> None:
        """Spare the first reading a second pass, unless it would take too much memory."""
        if self._checked is not None:
            self._checked_bytes += len(entry.line)
            self._checked.append(entry)
            if self._checked_bytes > _CHECKED_BYTES:
                self._checked = None

    def _refuse(self, finding: Finding) -> None:
        place = "the store" if finding.entry is None else f"entry {finding.entry}"
        raise LedgerError(f"{finding.what} ({finding.mechanism}); nothing is sent or appended while this is so",
                          where=f"{place} of {self.folder / database.NAME}", next=verify_command(self.folder))

    def _artefact_problem(self, sha256: str, size: int) -> tuple[str, str]:
        return self._artefacts.problem(sha256, size, whole=False)


@contextlib.contextmanager
def _snapshot(db: Database) -> Iterator[None]:
    db.conn.execute("BEGIN")
    try:
        yield
    finally:
        db.conn.execute("ROLLBACK")


def _fields(kind: str, data: Mapping[str, Any], by: str, **place: object) -> dict[str, Any]:
    """The fields of a line that its caller decides."""
    if kind not in KINDS or by not in BY:
        raise ValueError(f"an entry of kind {kind!r}, by {by!r}, is not known to this version")
    fields = {"by": by, "kind": kind, **{name: value for name, value in place.items() if value is not None}}
    return fields | {"data": structure} if (structure := fit_data(data)) else fields
