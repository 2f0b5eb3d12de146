"""The ledger of one incident: create, open, append, read.

- Opening checks the chain, notes and endorsements, every value against its digest, and that artefacts are there, before
  anything can be appended.
- `append` returns when the entry is durable. Callers from many threads are committed together by whoever holds the lock:
  one transaction, one fdatasync; a single caller waits for nobody.
- The transaction is `BEGIN IMMEDIATE`. Inside it the tail is read, entries that other processes appended are checked and
  taken up, both clocks are read, and notes are made (see `irkit.ledger.append`).
- A failed append leaves nothing. Values too large for a line are artefacts, on the disk before their entry.
"""

from __future__ import annotations

import base64
import contextlib
import secrets
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec.structs import asdict

from irkit import __version__
from irkit.errors import IrkitError, NotApproved
from irkit.ledger import database, sshsig, texts
from irkit.ledger.append import Author, Commit, Draft, Moved, fields_of
from irkit.ledger.approvals import Answer, Asked, signed_text
from irkit.ledger.artefacts import FOLDER, Artefact, appear, must_be_free, sync_folder
from irkit.ledger.check import pseudonym
from irkit.ledger.checked import CheckedStore
from irkit.ledger.clock import Clock, SystemClock
from irkit.ledger.collect import Collector
from irkit.ledger.disclose import disclose
from irkit.ledger.entry import MODES, Entry
from irkit.ledger.note import SessionKey
from irkit.ledger.note import parse as parse_note
from irkit.ledger.policy import ROOM, Policy
from irkit.ledger.postpone import Postponed
from irkit.ledger.trouble import explained, no_incident

if TYPE_CHECKING:
    from sqlite_utils import Database

    from irkit.ledger.sshsig import Signer
    from irkit.ledger.timestamp import Token

_TRIES = 8                    # how often a signature is made again because somebody else appended meanwhile


class Ledger(CheckedStore):
    """An open incident. Usable from many threads; `close` it, or use it as a context manager."""

    def __init__(self, folder: Path, db: Database, *, write: bool, clock: Clock) -> None:
        """Use `create` or `open`."""
        super().__init__(folder, db)
        self._write = write
        self._author = Author(folder, clock)
        self._queue: deque[Draft] = deque()
        self.postponed = Postponed(self._submit)       # goes before the next append of its thread

    # -- making and opening --------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: Path, *, mode: str, version: str, code_hash: str, data: Mapping[str, Any] | None = None,
               disclose: Mapping[str, Any] | None = None, policy: Mapping[str, Any] | None = None,
               clock: Clock | None = None) -> Ledger:
        """A new incident, whose genesis is entry 0. Raises IrkitError when the folder is there already, or by then.

        `policy` can only raise what every ledger demands of itself (see `irkit.ledger.policy`). It appears under its name
        whole or not at all.
        """
        if mode not in MODES:
            raise ValueError(f"{mode!r} is no mode of a ledger")
        demands = asdict(Policy().raised(**(policy or {})))
        if demands["max_entries"] < ROOM:
            raise ValueError(f"max_entries is {demands['max_entries']}; {ROOM} are the least that can be kept")
        must_be_free(folder)
        with explained(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            making = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
            making.mkdir(mode=0o700)
            try:
                (making / FOLDER).mkdir(mode=0o700)
                database.create(making / database.NAME)
                db = database.open_writer(making / database.NAME)
                with cls(making, db, write=True, clock=clock or SystemClock()) as ledger:
                    ledger._genesis(mode, {"version": version, "code_hash": code_hash, "policy": demands, **(data or {})},
                                    disclose or {})
                sync_folder(making)
                appear(making, folder)
            except BaseException:
                shutil.rmtree(making, ignore_errors=True)
                raise
        return cls.open(folder, clock=clock)

    @classmethod
    def open(cls, folder: Path, *, write: bool = True, clock: Clock | None = None) -> Ledger:
        """An incident that is there, checked. `write=False` changes nothing on the disk.

        Raises LedgerError when the folder is no incident, or naming the first entry that does not verify.
        """
        path = folder / database.NAME
        if not path.is_file():
            raise no_incident(folder)
        with explained(folder):
            db = database.open_writer(path) if write else database.open_reader(path)
            ledger = cls(folder, db, write=write, clock=clock or SystemClock())
            try:
                ledger._check()
            except BaseException:
                ledger.close()
                raise
        return ledger

    def _genesis(self, mode: str, data: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        origin = self._checker.attest.origin = f"irkit/{mode}/{secrets.token_hex(16)}"
        fields = fields_of("genesis", {"mode": mode, "origin": origin, **data}, "machine")
        self._submit([self._draft(fields, values)])

    @property
    def session(self) -> int | None:
        """The seq of the session.start that this process writes under."""
        return self._author.session

    @property
    def endorsed(self) -> bool:
        """Whether a person's key signed for this process's session."""
        keyed = self._checker.attest.sessions.get(-1 if self.session is None else self.session)
        return bool(keyed and keyed.endorsed)

    # -- sessions ------------------------------------------------------------------------------------------------

    def start_session(self, who: str, *, signer: Signer | None = None, data: Mapping[str, Any] | None = None) -> int:
        """Append session.start for the person of that name and write under it from now on. Returns its seq.

        With `signer` that person's SSH key endorses the session's own key and all that came before. Raises CredentialError
        when it does not sign.
        """
        key = SessionKey(self.origin)
        under = signer.fingerprint if signer else pseudonym(self.origin, who)
        more = {"boot": self._author.clock.boot(), "irkit": __version__, "vkey": key.vkey, **(data or {})}

        def draft(size: int, root: bytes) -> Draft:
            name = texts.namespace("session", self.mode)
            signed = {"endorsement": signer.sign(name, texts.session_text(self.origin, size, key.vkey, root))} if signer else {}
            made = self._draft(fields_of("session.start", more | signed, "machine", who=under), {"person.name": who})
            made.key, made.size = key, size if signer else None
            return made

        return self._over_the_tree(draft).seq

    def end_session(self) -> None:
        """Append session.end, if a session is open; its key signs that and is forgotten."""
        if self.session is not None:
            self.append("session.end")

    # -- appending -----------------------------------------------------------------------------------------------

    def append(self, kind: str, data: Mapping[str, Any] | None = None, disclose: Mapping[str, Any] | None = None, *,
               by: str = "machine", run: str | None = None, step: str | None = None, item: int | None = None,
               ref: int | None = None, also: Callable[[sqlite3.Connection], None] | None = None,
               held_by: int | None = None) -> Entry:
        """Append one entry; it is durable when this returns. `also` is done in the same transaction.

        `data` is structure that never needs to be withheld: keys of [a-z0-9_]; None is left out. `disclose` has dotted
        names and any values. Raises ValueError for a kind that must be signed, NotTheHolder for a request.sending of a run
        that another session took over, and where `held_by` does not hold the run; IrkitError when the disk refuses, LedgerError
        when the ledger is damaged; then nothing was appended.
        """
        if kind in texts.MUST:
            raise ValueError(f"an entry of kind {kind!r} must bear a signature: see append_signed")
        fields = fields_of(kind, data or {}, by, run=run, step=step, item=item, ref=ref)
        draft = self._draft(fields, disclose or {})
        draft.also, draft.held_by = also, held_by
        return self._submit([draft])[0]

    def append_soon(self, kind: str, data: Mapping[str, Any] | None = None, disclose: Mapping[str, Any] | None = None, *,
                    by: str = "machine", run: str | None = None, step: str | None = None, item: int | None = None,
                    ref: int | None = None) -> None:
        """The same, durable within moments, or with whatever this thread appends next: for reads, which repeat harmlessly."""
        fields = fields_of(kind, data or {}, by, run=run, step=step, item=item, ref=ref)
        self.postponed.hold(self._made(fields, disclose or {}))

    def append_signed(self, kind: str, signer: Signer, data: Mapping[str, Any] | None = None,
                      disclose: Mapping[str, Any] | None = None, *, by: str = "human", run: str | None = None,
                      step: str | None = None, ref: int | None = None, held_by: int | None = None) -> Entry:
        """Append an entry that holds a person's signature over what it says and over the tree before it.

        Raises ValueError for a kind that bears none, CredentialError when the key does not sign; otherwise as `append`.
        """
        purpose = texts.PURPOSES.get(kind)
        if purpose is None:
            raise ValueError(f"an entry of kind {kind!r} bears no signature")
        if purpose == "approval":
            raise ValueError(f"an entry of kind {kind!r} is signed over what it answers: see append_answer")

        def draft(size: int, root: bytes) -> Draft:
            own = {"size": size, "root": base64.b64encode(root).decode()} if kind == "sealed" else {}
            says = {**(data or {}), **own, "key": signer.fingerprint}
            made = self._draft(fields_of(kind, says, by, run=run, step=step, ref=ref), disclose or {})
            text = texts.entry_text(purpose, self.origin, kind, size, root, texts.content_hash(made.fields))
            made.fields["data"]["signature"] = signer.sign(texts.namespace(purpose, self.mode), text)
            made.size, made.held_by = size, held_by
            return made

        return self._over_the_tree(draft)

    def append_answer(self, answer: Answer) -> Entry:
        """Append a signed answer to a request for approval, made here or elsewhere (see `irkit.ledger.approvals`).

        Raises NotApproved when it was not signed by the key it names for this very request, or that request cannot be
        answered any more; then nothing was appended.
        """
        self._must_write()
        fields = {name: value for name, value in answer.fields.items() if name not in ("who", "session")}
        asked = self.requests.get(fields.get("ref", -1))
        try:
            if asked is None:
                raise ValueError("it answers no request of this ledger")
            if fields["data"].get("request") != asked.leaf.hex():
                raise NotApproved(f"this answer is to another request than that of entry {asked.seq}", why="other_requests",
                                  where=str(self.folder))
            name = texts.namespace("approval", self.mode)
            if sshsig.check(fields["data"]["signature"], name, signed_text(fields, asked)) != fields["data"]["key"]:
                raise ValueError("another key signed it than it says")
        except ValueError as error:
            raise NotApproved(f"this answer is not what somebody signed for this request: {error}", why="forged",
                              where=str(self.folder)) from None
        return self._submit([Draft(fields, answer.disclosures)])[0]

    @property
    def requests(self) -> Mapping[int, Asked]:
        """The requests for approval, as far as entries were taken up."""
        return self._checker.attest.approvals.asked

    def _over_the_tree(self, draft: Callable[[int, bytes], Draft]) -> Entry:
        """Append what is signed over the tree as it stands; again, when somebody appended while it was being signed."""
        self._must_write()
        self.postponed.catch_up()             # or it would move the tail after the person signed
        for _ in range(_TRIES):
            with self._turn:
                self._commit([], Commit.name)
                attest = self._checker.attest
                size, root = attest.tree.size, attest.tree.root()
            with contextlib.suppress(Moved):
                return self._submit([draft(size, root)])[0]
        raise IrkitError(f"others appended to the ledger each time while it was being signed ({_TRIES} times)",
                         where=str(self.folder), next="try again")

    def note(self) -> bytes | None:
        """Have a note over all there is, and return the newest one. None before the first session."""
        self.postponed.catch_up()
        with self._turn:
            if self.session is not None:
                self._commit([], Commit.note)
            newest = self._checker.attest.newest
        return newest.raw if newest else None

    def add_token(self, raw: bytes, token: Token, note: bytes, authority: str) -> Entry:
        """Append anchor.timestamp and keep the authority's answer, in one transaction."""
        of = parse_note(note)
        data = {"authority": authority, "token_sha256": token.sha256, "note_sha256": of.sha256, "size": of.size,
                "key_id": of.key_id, **token.says}
        draft = self._draft(fields_of("anchor.timestamp", data, "copied"), {})
        draft.token = (token.sha256, of.size, of.key_id, raw)
        return self._submit([draft])[0]

    def leave_wal(self) -> bool:
        """Give up the write-ahead log: a sealed incident is one file at rest. False while another process has it open."""
        with self._turn, explained(self.folder):
            return database.leave_wal(self._db)

    def rewrite(self) -> bool:
        """Have nothing of deleted values left in the store's files. False while another process reads them."""
        with self._turn, explained(self.folder):
            return database.rewrite(self._db)

    def _draft(self, fields: dict[str, Any], values: Mapping[str, Any]) -> Draft:
        self.postponed.catch_up()
        return self._made(fields, values)

    def _made(self, fields: dict[str, Any], values: Mapping[str, Any]) -> Draft:
        self._must_write()
        with explained(self.folder):
            disclosures = disclose(values, lambda raw: self._artefacts.add(raw)[0])
        if disclosures:
            fields["sd"] = [disclosure.digest for disclosure in disclosures]
        return Draft(fields, disclosures)

    def _must_write(self) -> None:
        if not self._write:
            raise IrkitError("this ledger was opened for reading", where=str(self.folder))

    def _submit(self, drafts: Sequence[Draft]) -> list[Entry]:
        """Have the drafts committed, in order and in one transaction, by this thread or by one that is before it."""
        self._queue.extend(drafts)          # one call: drafts of one caller stay together
        with self._turn:
            if not drafts[-1].done:
                self._commit([self._queue.popleft() for _ in range(len(self._queue))])
        for draft in drafts:
            if draft.error is not None:
                raise draft.error
        return [draft.entry for draft in drafts if draft.entry is not None]

    def _commit(self, batch: list[Draft], then: Callable[[Commit], None] = lambda _: None) -> None:
        connection = self._db.conn
        try:
            with explained(self.folder):
                connection.execute("BEGIN IMMEDIATE")
                self._take_up()
                commit = Commit(self._checker, self._author)
                for draft in batch:
                    commit.add(draft)
                then(commit)
                commit.write(connection)
                connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            failure = error if isinstance(error, Exception) else IrkitError("an append was interrupted", where=str(self.folder))
            for draft in batch:
                draft.entry, draft.error = None, draft.error or failure
            if failure is not error or not batch:
                raise
            return
        for entry in commit.take():
            self._remember(entry)

    # -- artefacts -----------------------------------------------------------------------------------------------

    def keep(self, name: str, content: bytes | Path | BinaryIO, *, media_type: str = "", redacted: bool = False,
             by: str = "copied", run: str | None = None, step: str | None = None, item: int | None = None) -> Artefact:
        """Keep bytes, a copy of a file, or a stream, as an artefact and list it. `redacted`: secrets were taken out before."""
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
        entries = self._submit([self._draft(fields_of("artefact.added", data, by, **place), values) for values in artefacts])
        return [Artefact(a["artefact.sha256"], a["artefact.size"], a["artefact.name"], entry.seq)
                for a, entry in zip(artefacts, entries, strict=True)]
