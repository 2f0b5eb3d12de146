"""Honest ledgers, over which forgeries are made, and what whoever broke into the process that wrote them would have seen.

Each is written by irkit itself, through its own doors: `Ledger`, the engine that plays a drill, the writer of bags. Nothing
here is made by hand; that is the forger's trade (`tests.forgery.forger`).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irkit.ledger import Ledger
from irkit.ledger.clock import Clock, SystemClock
from irkit.ledger.export import entries_of, record_bag, stored
from irkit.ledger.note import SessionKey
from irkit.ledger.note import parse as parse_note
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.timestamp import answer_to, request_for
from irkit.report import bag, redact, withheld
from irkit.report.folder import Folder
from irkit.report.view import Hidden, shown
from tests.engine import play
from tests.ledger.authority import OPENSSL, Authority

RULES = b"""
basis: GDPR art. 15(4)
by: Ada Counsel
withhold:
  - names: [person.name]
  - names: [request.url, response.body]
    kinds: [request]
  - kinds: [decision]
    whole: true
    basis: attorney-client
"""


@dataclass
class Loot:
    """Private keys: of sessions by their key identifier, of people by fingerprint."""

    sessions: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    people: dict[str, Throwaway] = field(default_factory=dict)


@dataclass
class Honest:
    """A ledger that must verify. `loot` are all keys that signed in it, `given` the files a reader may have from elsewhere.

    `given`: "signers" (allowed_signers with everybody), "expect" (the newest note), "tsa-ca", "against" (this very ledger).
    """

    name: str
    path: Path
    loot: Loot
    given: dict[str, Path]


@contextlib.contextmanager
def overheard(loot: Loot) -> Iterator[None]:
    """Keys that are made meanwhile also go into `loot`, as malware in the process would take them."""
    session, person = SessionKey.__init__, Throwaway.__init__

    def made_session(self: SessionKey, origin: str) -> None:
        session(self, origin)
        assert self._key is not None
        loot.sessions[self.key_id] = self._key

    def made_person(self: Throwaway) -> None:
        person(self)
        loot.people[self.fingerprint] = self

    with mock.patch.object(SessionKey, "__init__", made_session), mock.patch.object(Throwaway, "__init__", made_person):
        yield


# -- what is written ---------------------------------------------------------------------------------------------

def new(folder: Path, mode: str, clock: Clock | None = None, **policy: object) -> Ledger:
    return Ledger.create(folder, mode=mode, version="0.3.0", code_hash="c0de" * 16, policy=policy, clock=clock or SystemClock())


def work(ledger: Ledger, run: str = "r1", steps: int = 3, large: int = 80_000) -> None:
    """A short run: it sends, keeps what came back (first an answer of `large` bytes), decides, and is closed."""
    ledger.append("run.opened", {"runbook": "zendesk_agent_compromise"}, {"subject.email": "dana@example.org"}, run=run)
    for number in range(1, steps + 1):
        step = f"step_{number}"
        ledger.append("step.started", {"action": "zendesk.suspend_user"}, run=run, step=step)
        sending = ledger.append("request.sending", {"effect": "irreversible", "method": "PUT"},
                                {"request.url": f"https://ex.zendesk.com/api/v2/users/{number}", "request.body": b'{"n":1}'},
                                run=run, step=step)
        ledger.append("request.answer", {"status": 200, "ms": 41 + number},
                      {"response.body": '{"suspended": true}' if number > 1 else "log " * (large // 4)}, run=run, step=step,
                      ref=sending.seq, by="copied")
        ledger.append("step.done", {"outcome": "ok"}, run=run, step=step)
    ledger.append("decision", {"choice": "notify"}, {"decision.reason": "Personal data left the tenant."}, by="human", run=run)
    ledger.keep("export.csv", b"ticket,reporter\n1,eve\n", media_type="text/csv", run=run)
    ledger.append("note", None, {"text": "Saw a Tor exit."}, by="human", run=run)
    ledger.append("run.closed", run=run)


def live(folder: Path) -> None:
    """Two endorsed sessions, one after the other, in live mode: values, artefacts, custody, a label, an amendment."""
    maria, wei = Throwaway(), Throwaway()
    with new(folder, "live") as ledger:
        ledger.start_session("Maria Ortiz", signer=maria)
        work(ledger)
        ledger.end_session()
        ledger.start_session("Wei Chen", signer=wei)
        decided = next(entry for entry in ledger.entries() if entry.kind == "decision")
        ledger.append("amended", None, {"text": "The number of tickets was 412."}, by="human", ref=decided.seq)
        ledger.append("label.set", {"label": "privilege"}, {"label.basis": "attorney-client"}, ref=decided.seq)
        offered = ledger.append_signed("custody.offered", wei, None, {"custody.to": "Ada Counsel", "custody.title": "Analyst"})
        ledger.append_signed("custody.accepted", maria, None, {"custody.from": "Wei Chen"}, ref=offered.seq)
        work(ledger, "r2", 1)
        ledger.end_session()


def tested(folder: Path) -> None:
    """Test mode: two endorsed sessions, and a third that nobody endorsed and that only notes."""
    with new(folder, "test") as ledger:
        for run, who in (("r1", "Maria"), ("r2", "Wei")):
            ledger.start_session(who, signer=Throwaway())
            work(ledger, run, 2)
            ledger.end_session()
        ledger.start_session("Maria")
        ledger.append("note", None, {"text": "He rang back."}, by="human")
        ledger.end_session()


def crash(folder: Path) -> None:
    """A session was killed above its last note; the next one adopts what it left."""
    maria = Throwaway()
    with new(folder, "live") as ledger:
        ledger.start_session("Maria Ortiz", signer=maria)
        work(ledger, "r1", 1)
        ledger.append("run.opened", run="r2")
        ledger.append("request.sending", {"effect": "reversible"}, {"request.url": "https://x"}, run="r2", step="s")
    with Ledger.open(folder) as ledger:
        ledger.start_session("Maria Ortiz", signer=maria)
        ledger.append("run.resumed", run="r2")
        ledger.append("step.unknown", run="r2", step="s")
        ledger.append("run.closed", run="r2")
        ledger.end_session()


def interleaved(folder: Path) -> None:
    """Two processes write at once, each under its own session."""
    with new(folder, "live") as one, Ledger.open(folder) as other:
        one.start_session("Maria Ortiz", signer=Throwaway())
        other.start_session("Wei Chen", signer=Throwaway())
        one.append("run.opened", run="r1")
        for number in range(6):
            one.append("request.sending", {"effect": "reversible"}, {"request.url": f"https://x/{number}"}, run="r1", step="s")
            other.append("note", None, {"text": f"watching {number}"}, by="human")
            if number % 2:
                one.append("step.done", {"outcome": "ok"}, run="r1", step="s")
                other.append("decision", {"choice": "wait"}, by="human")
        one.end_session()
        other.append("note", None, {"text": "Maria left."}, by="human")
        other.end_session()


def held(folder: Path) -> None:
    """Values erased before a hold, and a hold that stands."""
    with new(folder, "live") as ledger:
        ledger.start_session("Maria Ortiz", signer=Throwaway())
        work(ledger, "r1", 1)
        noted = next(entry for entry in ledger.entries() if entry.kind == "note")
        ledger.append("erased", {"of": noted.seq, "digests": list(noted.sd)}, {"erase.basis": "GDPR art. 17"})
        ledger.append("hold.placed", None, {"hold.reason": "litigation", "hold.by": "Ada"}, by="human")
        ledger.append("note", None, {"text": "Kept from here on."}, by="human")
        ledger.end_session()
    _rows_of(folder, "DELETE FROM disclosures WHERE seq = ?", noted.seq)


def pages(ledger: Ledger, count: int, **data: object) -> None:
    """A collection: so many answers, one after another."""
    for number in range(count):
        ledger.append_soon("request.answer", {"status": 200, "ms": 41, "action": "zendesk.collect_audit_log", **data},
                           {"request.url": f"https://ex.zendesk.com/api/v2/audit_logs?page={number}",
                            "response.headers": {"x-request-id": f"{number:08x}-FRA"}}, run="r1", step="audit_log")


def collected(folder: Path) -> None:
    """A collection that two sessions share; a decision was taken in the middle of it. The vendor's clock is this machine's."""
    maria, wei = Throwaway(), Throwaway()
    with new(folder, "live") as ledger:
        for who, signer, begun in (("Maria Ortiz", maria, "run.opened"), ("Wei Chen", wei, "run.resumed")):
            ledger.start_session(who, signer=signer)
            ledger.append(begun, {"runbook": "zendesk_agent_compromise"}, run="r1")
            ledger.append("step.started", {"action": "zendesk.collect_audit_log"}, run="r1", step="audit_log")
            pages(ledger, 20, date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
            ledger.append("decision", {"choice": "go on"}, {"decision.reason": "It is large."}, by="human", run="r1")
            pages(ledger, 20, date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
            ledger.append("step.done", {"outcome": "ok"}, run="r1", step="audit_log")
            ledger.end_session()


def sealed(folder: Path) -> None:
    """Sealed with a person's key; a hold and a hand-over of custody came after."""
    maria = Throwaway()
    with new(folder, "live") as ledger:
        ledger.start_session("Maria Ortiz", signer=maria)
        work(ledger, "r1", 1)
        ledger.append_signed("sealed", maria)
        ledger.append("hold.placed", None, {"hold.reason": "litigation"}, by="human")
        ledger.append_signed("custody.offered", maria, None, {"custody.to": "Ada Counsel"})
        ledger.end_session()


def drill(folder: Path) -> None:
    """A small runbook, played in a world by the engine."""
    played = play.Play(folder, play.book(play.AGENT, play.SESSIONS, play.SUSPEND, play.END),
                       {"suspend": "yes", "end_sessions": {"type": "phrase"}})
    assert played.walk().paused is None


def weekend_export(folder: Path) -> None:
    """The scenario that a newcomer plays, as shipped, played to its end by its own answers."""
    from tests.drill.test_shipped import Played
    assert folder.name == "weekend_export"
    Played(folder.name, folder.parent).ledger.close()


def stamped(folder: Path, *authorities: Authority, clock: Clock | None = None) -> None:
    """Two notes were time-stamped by every authority; entries lie below, between and above."""
    with new(folder, "live", clock) as ledger:
        ledger.start_session("Maria Ortiz", signer=Throwaway())
        work(ledger, "r1", 1)
        pages(ledger, 10)
        _stamp(ledger, *authorities)
        pages(ledger, 10)
        work(ledger, "r2", 1)
        pages(ledger, 10)
        _stamp(ledger, *authorities)
        pages(ledger, 10)
        ledger.append("note", None, {"text": "Went home."}, by="human")
        ledger.end_session()


def sealed_and_stamped(folder: Path, *authorities: Authority) -> None:
    """The policy wants the seal stamped by two authorities, and so it is."""
    maria = Throwaway()
    with new(folder, "live", seal_tokens=2) as ledger:
        ledger.start_session("Maria Ortiz", signer=maria)
        work(ledger, "r1", 1)
        ledger.append_signed("sealed", maria)
        _stamp(ledger, *authorities)
        ledger.end_session()


def _stamp(ledger: Ledger, *authorities: Authority) -> None:
    note = ledger.note()
    assert note is not None
    for authority in authorities:
        asked = request_for(note)
        raw = authority.answer(asked)
        ledger.add_token(raw, answer_to(asked, raw), note, f"http://{authority.name.lower()}.example/tsr")


def _rows_of(folder: Path, statement: str, *values: object) -> None:
    """What `irkit` does when it erases: the guard rails down, one statement."""
    import sqlite3
    with contextlib.closing(sqlite3.connect(folder / "ledger.db", isolation_level=None)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute(statement, values)


# -- bags --------------------------------------------------------------------------------------------------------

def exported(folder: Path, target: Path, rules: bytes = b"", signer: Throwaway | None = None) -> None:
    """A bag of an incident, as `irkit ledger export` makes it."""
    with Ledger.open(folder) as ledger, Folder(target) as into:
        ledger.start_session("Maria Ortiz", signer=signer)
        chosen = redact.read(rules, "rules.yaml") if rules else None
        with into.file(bag.WITHHELD) as listing, into.file(bag.PRIVILEGE_LOG) as log:
            listed = withheld.nothing(log) if chosen is None else withheld.write(
                entries_of(stored(ledger)), chosen, listing, log, at="2026-11-20T18:00:00Z", by="Maria", mode=ledger.mode)
        start = ledger.size
        end = record_bag(ledger, {"withheld_sha256": listed.sha256, "signed": signer is not None}, {}).seq + 1
        rows = shown(stored(ledger, end), lambda entry: chosen.hide(entry) if chosen and entry.seq < start else Hidden())
        bag.write(into, bag.Source(rows, ledger.tokens, ledger.open_artefact, folder.name, ledger.origin, ledger.mode), signer)
        ledger.end_session()


# -- the shelf ---------------------------------------------------------------------------------------------------

FOLDERS: dict[str, Callable[[Path], None]] = {
    one.__name__: one for one in (live, tested, crash, interleaved, held, collected, sealed, drill, weekend_export)}
STAMPED: dict[str, Callable[..., None]] = {"stamped": stamped, "sealed and stamped": sealed_and_stamped}
BAGS = {f"bag of {name}": name for name in ("live", "interleaved", "held", "collected", "sealed", "drill", "weekend_export")}
NAMES = (*FOLDERS, *BAGS, "redacted", *((*STAMPED, "bag of stamped") if OPENSSL else ()))


class Shelf:
    """Makes each ledger when it is first asked for, once. The folders under `top` are never changed after that."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self._authorities = contextlib.ExitStack()

    @functools.cache  # noqa: B019  (one shelf a process)
    def __getitem__(self, name: str) -> Honest:
        loot, path = Loot(), self.top / name.replace(" ", "-")
        given: dict[str, Path] = {}
        with overheard(loot):
            if name in FOLDERS:
                FOLDERS[name](path)
            elif name in STAMPED:
                one, other = (self._authorities.enter_context(Authority(known)) for known in ("First", "Second"))
                STAMPED[name](path, one, other)
                given["tsa-ca"] = self.top / f"{path.name}.pem"
                given["tsa-ca"].write_bytes(one.ca.read_bytes() + other.ca.read_bytes())
            else:
                self._bag(BAGS.get(name, name.removeprefix("bag of ") if "of" in name else "live"), path, loot, given,
                          RULES if name == "redacted" else b"")
        return Honest(name, path, loot, given | self._kept(name, path, loot))

    def _bag(self, of: str, path: Path, loot: Loot, given: dict[str, Path], rules: bytes) -> None:
        """From a copy of the folder, so that what stands on the shelf stays as it is."""
        import shutil
        origin = self[of]
        loot.sessions.update(origin.loot.sessions)
        loot.people.update(origin.loot.people)
        given |= {key: file for key, file in origin.given.items() if key == "tsa-ca"}
        copy = path.with_name(path.name + "-source")
        shutil.copytree(origin.path, copy)
        exported(copy, path, rules, Throwaway())

    def _kept(self, name: str, path: Path, loot: Loot) -> dict[str, Path]:
        signers, expect = self.top / f"{path.name}.signers", self.top / f"{path.name}.note"
        signers.write_text("".join(f"person{n}@example.org {person.public}\n" for n, person in enumerate(loot.people.values())))
        expect.write_bytes(newest_note(path))
        return {"signers": signers, "expect": expect, "against": path}

    def close(self) -> None:
        self._authorities.close()


def newest_note(path: Path) -> bytes:
    """The one over the most entries, of a folder or of a bag."""
    if (path / "ledger.db").exists():
        with Ledger.open(path, write=False) as ledger:
            newest = ledger.note()
        assert newest is not None
        return newest
    return max((file.read_bytes() for file in (path / "data/checkpoints").iterdir()), key=lambda raw: parse_note(raw).size)
