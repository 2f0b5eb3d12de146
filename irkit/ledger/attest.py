"""What signatures say about a ledger: notes over its tree, people's endorsements, and the rules that stand on them.

| mechanism   | what must agree |
|---|---|
| note        | a note is signed by its session's key while the session lasts; its sizes rise; a note that is named is there |
| root        | a note's root is that of the tree of its size |
| endorsement | the person's signature in session.start covers its key and the tree before it; `who` is that key |
| signature   | custody, approvals, hand-overs and the seal are signed over what they say and the tree before them |
| policy      | genesis names one, not below the floor of its mode; who sends was endorsed; notes come often enough |
| approval    | an answer is to a request that is open, by another key; what is sent on it is what was asked (`approvals`) |
| sealed      | after the seal come only the kinds that may |
| erased      | values were erased by an entry that says so, while no hold stood |
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from irkit.ledger import note, sshsig, texts
from irkit.ledger.approvals import ASKED, JUDGED, TAKEN, Approvals, signed_text
from irkit.ledger.entry import SENDING
from irkit.ledger.finding import CONTRADICTED, MISSING, NOT_CHECKED
from irkit.ledger.note import Note
from irkit.ledger.policy import FLOOR, NOTHING, Policy
from irkit.ledger.tree import Tree

AFTER_SEAL = frozenset({"session.start", "session.end", "checkpoint", "anchor.timestamp", "hold.placed", "hold.released",
                        "custody.offered", "custody.accepted", "label.set", "exported", "erased"})
_STEP = ("done", "asked", "accepted", "failed", "unknown", "skipped", "deferred", "by_hand", "unavailable", "not_needed",
         "undone")
NOTED = {f"step.{state}" for state in _STEP} | {
    "decision", "assessment", "determination", "run.paused", "run.closed", "session.end", "exported", "sealed", "hold.placed",
    "hold.released", "custody.offered", "custody.accepted", "handover.offered", "handover.accepted", "approval.given",
    "approval.refused", "label.set", "erased", "amended", "clock.observed"}


def is_noted(fields: Mapping[str, Any]) -> bool:
    """Whether a note is made with this entry. An item of a fan-out ends no step: its step's own end is noted."""
    return fields["kind"] in NOTED and "item" not in fields


class Report(Protocol):
    """How a finding is reported: see `Finding`."""

    def __call__(self, entry: int | None, mechanism: str, what: str, meaning: str, *detail: str,
                 level: str = CONTRADICTED) -> None: ...


@dataclass(slots=True)
class Keyed:
    """A session as far as signatures go. `endorsed` is the fingerprint of the person's key, empty where nobody signed."""

    seq: int
    key_id: str = ""
    public: bytes = b""
    endorsed: str = ""
    noted: int = 0                 # the size of its newest note
    ended: int | None = None
    boot: str = ""                 # within which its monotonic times can be compared


class Signed(NamedTuple):
    """A person's signature that verifies, for whoever is to say whether the key is trusted."""

    seq: int
    at: str
    fingerprint: str
    armored: str
    namespace: str
    text: bytes


class Attest:
    """Takes entries and notes in order: a note of size n after n entries."""

    def __init__(self, report: Report, signed: Callable[[Signed], None] = lambda _: None) -> None:
        self._report, self._signed = report, signed
        self.tree = Tree()
        self.policy = Policy()
        self.origin = self.mode = ""
        self.sessions: dict[int, Keyed] = {}
        self.newest: Note | None = None            # the newest note, whichever key signed it
        self.newest_sha256 = ""
        self.named = ""                            # SHA-256 of the note that the last checkpoint entry names
        self.sealed: int | None = None
        self.holds: set[int] = set()
        self.approvals = Approvals()
        self.erased: dict[int, set[str]] = {}      # entry -> digests of its values that were erased
        self.demanded = NOTHING
        self._keys: dict[str, Keyed] = {}
        self._seen: set[str] = set()               # SHA-256 of the notes of the newest size
        self._due = False                          # the newest entry is of a kind that is signed at once
        self._off = False                          # a root did not fit, or entries are missing: said once
        self._holes = False                        # entries are missing: what stood on them is not blamed

    @property
    def noted(self) -> int:
        """How many entries the newest note covers."""
        return self.newest.size if self.newest else 0

    @property
    def notes_at_the_end(self) -> int:
        """How many notes cover all the entries that there are."""
        return len(self._seen) if self.noted == self.tree.size else 0

    # -- entries -------------------------------------------------------------------------------------------------

    def entry(self, seq: int, fields: Mapping[str, Any], leaf: bytes) -> None:
        """Check an entry read from the store, then go past it."""
        if self._due:
            self.end()
        kind = fields["kind"]
        if self.sealed is not None and (kind not in AFTER_SEAL or (kind == "erased" and self.holds)):
            self._report(seq, "sealed", f"entry {seq} is {kind}, and the incident was sealed by entry {self.sealed}",
                         "It was added to a record that was closed.")
        if (check := _CHECKS.get(kind)) is not None:
            check(self, seq, fields)
        elif kind in texts.PURPOSES:
            self._signature(seq, fields)
        if kind in JUDGED and (problem := self.approvals.problem(fields, fields.get("who", ""))) and not self._holes:
            self._report(seq, "approval", f"entry {seq} {problem}", "Nobody agreed to it, or the record was changed.")
        self.take(seq, fields, leaf)
        self._due = is_noted(fields)
        self._often()

    def fits(self, count: int) -> bool:
        """Whether so many answers may come next of which nothing is to be said."""
        return self.sealed is None and self.tree.size + count - self.noted <= self._most()

    def take(self, seq: int, fields: Mapping[str, Any], leaf: bytes) -> None:
        """Go past an entry that is known to be good."""
        self.tree.add(leaf)
        if (kind := fields["kind"]) in TAKEN:
            self.approvals.take(seq, fields, leaf, self.tree.root() if kind == ASKED else b"")
        elif (take := _TAKES.get(kind)) is not None:
            take(self, seq, fields)

    def withheld(self, leaf: bytes) -> None:
        """Go past an entry of which only the leaf is known."""
        self.end()
        self.approvals.blind = True
        self.tree.add(leaf)
        self._often()

    def lost(self) -> None:
        """Entries are missing: no later root can be judged, and that they do not fit is no news."""
        self._off = self._holes = self.approvals.blind = True

    def end(self) -> None:
        """All notes over what was read so far have been read."""
        if self._due and self.noted < self.tree.size and not self._off:
            seq = self.tree.size - 1
            self._report(seq, "note", f"no note is over entry {seq}, which is of a kind that is signed at once",
                         "The note was removed, or the entry was changed by somebody without the session's key.", level=MISSING)
        self._due = False

    def _often(self) -> None:
        size, most = self.tree.size, self._most()
        if size - self.noted == most + 1 and not self._off:
            self._report(size - 1, "policy", f"entries {self.noted} to {size - 1} have no note; {most} may stand without",
                         "A note was removed, or the ledger was not written by irkit.")

    def _most(self) -> int:
        return min(self.policy.max_entries, self.demanded.max_entries)

    # -- rules of kinds ------------------------------------------------------------------------------------------

    def _genesis(self, seq: int, fields: Mapping[str, Any]) -> None:
        mode = fields["log"].split("/")[1] if fields["log"].count("/") == 2 else ""
        try:
            policy = Policy.of(fields.get("data", {}).get("policy"))
        except ValueError as error:
            self._report(seq, "policy", f"genesis names no policy that can be kept: {error}", "It was changed.")
            return
        if mode in FLOOR and not policy.at_least(FLOOR[mode]):
            self._report(seq, "policy", f"the policy in genesis is below what a {mode} ledger must keep",
                         "Another ledger, with weaker rules, was made in its place.")

    def _start(self, seq: int, fields: Mapping[str, Any]) -> None:
        data = fields.get("data", {})
        try:
            origin, key_id, _ = note.parse_vkey(_text(data, "vkey"))
            if origin != fields["log"] or key_id in self._keys:
                raise ValueError("it is a key of another ledger or session")
        except ValueError as error:
            self._report(seq, "note", f"session {seq} names no key of its own: {error}",
                         "It was changed, or not written by irkit.")
            return
        armored, who = data.get("endorsement"), fields.get("who", "")
        if armored is None:
            if not who.startswith("unsigned:"):
                self._report(seq, "endorsement", f"session {seq} claims the key {who[:60]} and bears no signature of it",
                             "The signature was removed, or somebody else's name was used.", level=MISSING)
            return
        self._verified(seq, fields, str(armored), "session", "endorsement", who,
                       texts.session_text(fields["log"], seq, data["vkey"], self.tree.root()))

    def _signature(self, seq: int, fields: Mapping[str, Any]) -> None:
        kind, data = fields["kind"], fields.get("data", {})
        if fields["log"] != self.origin or self.origin.count("/") != 2:
            return                                 # said already: it belongs to no ledger, or to another one
        if "signature" not in data:
            if kind in texts.MUST:
                self._report(seq, "signature", f"entry {seq}, {kind}, bears no signature", "It was removed, or never made.",
                             level=MISSING)
            return
        purpose = texts.PURPOSES[kind]
        if purpose != "approval":
            text = texts.entry_text(purpose, fields["log"], kind, seq, self.tree.root(), texts.content_hash(fields))
        elif (asked := self.approvals.asked.get(fields.get("ref", -1))) is not None:
            text = signed_text(fields, asked)
        else:
            return                                 # it answers no request, which is said of it as that
        self._verified(seq, fields, str(data["signature"]), purpose, "signature", data.get("key", ""), text)

    def _verified(self, seq: int, fields: Mapping[str, Any], armored: str, purpose: str, mechanism: str, who: str,
                  text: bytes) -> None:
        if self._holes:
            return
        name = texts.namespace(purpose, fields["log"].split("/")[1])
        try:
            fingerprint = sshsig.check(armored, name, text)
        except sshsig.CannotCheck as error:
            self._report(seq, mechanism, f"the signature of entry {seq} could not be checked: {error.what}",
                         "Nothing is known about it.", level=NOT_CHECKED)
            return
        except ValueError as error:
            self._report(seq, mechanism, f"the signature of entry {seq} does not verify: {error}",
                         "It was changed, made for something else, or what it covers was changed.")
            return
        if fingerprint != who:
            self._report(seq, mechanism, f"entry {seq} is signed by another key than it says", "Somebody else signed it.",
                         f"signed by {fingerprint}, it says {str(who)[:60]}")
            return
        self._signed(Signed(seq, fields["at"], fingerprint, armored, name, text))

    def _checkpoint(self, seq: int, fields: Mapping[str, Any]) -> None:
        data = fields.get("data", {})
        if data.get("note_sha256") not in self._seen and not self._holes:
            self._report(seq, "note", f"the note that entry {seq} names, over {data.get('size')} entries, is not there",
                         "A note was removed or replaced.", f"SHA-256 {str(data.get('note_sha256'))[:64]}", level=MISSING)

    def _endorsed(self, seq: int, fields: Mapping[str, Any]) -> None:
        session = self.sessions.get(fields.get("session", -1))
        if (self.policy.endorse or self.demanded.endorse) and session is not None and not session.endorsed \
                and texts.needs_endorsement(fields["kind"], fields.get("data", {})):
            self._report(seq, "policy", f"entry {seq} is {fields['kind']}, and nobody endorsed its session {session.seq}",
                         "The policy demands a person's signature for every session that changes something or takes it out.")

    def _seal(self, seq: int, fields: Mapping[str, Any]) -> None:
        data, root = fields.get("data", {}), base64.b64encode(self.tree.root()).decode()
        if (data.get("size"), data.get("root")) != (seq, root) and not self._holes:
            self._report(seq, "sealed", f"entry {seq} seals another tree than the one before it",
                         "Entries were changed, or the seal is of another ledger.")
        self._signature(seq, fields)

    def _erasing(self, seq: int, fields: Mapping[str, Any]) -> None:
        data = fields.get("data", {})
        self._endorsed(seq, fields)
        if self.holds:
            self._report(seq, "erased", f"entry {seq} erases while the hold of entry {min(self.holds)} stands",
                         "Values were destroyed that had to be kept.")
        if type(data.get("of")) is not int or not 0 <= data["of"] < seq or type(data.get("digests")) is not list:
            self._report(seq, "erased", f"entry {seq} does not say what it erases", "It was not written by irkit.")

    def _take_genesis(self, seq: int, fields: Mapping[str, Any]) -> None:
        if seq == 0:
            self.origin, self.mode = fields["log"], str(fields.get("data", {}).get("mode", ""))
            try:
                self.policy = Policy.of(fields["data"]["policy"])
            except (ValueError, KeyError):
                self.policy = Policy()

    def _take_start(self, seq: int, fields: Mapping[str, Any]) -> None:
        data = fields.get("data", {})
        keyed = self.sessions[seq] = Keyed(seq, boot=_text(data, "boot"))
        try:
            _, keyed.key_id, keyed.public = note.parse_vkey(_text(data, "vkey"))
        except ValueError:
            return
        keyed.endorsed = fields.get("who", "") if "endorsement" in data else ""
        self._keys.setdefault(keyed.key_id, keyed)

    def _take_end(self, seq: int, fields: Mapping[str, Any]) -> None:
        if (keyed := self.sessions.get(fields.get("session", -1))) is not None:
            keyed.ended = seq

    def _take_checkpoint(self, seq: int, fields: Mapping[str, Any]) -> None:
        self.named = str(fields.get("data", {}).get("note_sha256", ""))

    def _take_seal(self, seq: int, fields: Mapping[str, Any]) -> None:
        self.sealed = seq if self.sealed is None else self.sealed

    def _take_hold(self, seq: int, fields: Mapping[str, Any]) -> None:
        self.holds.add(seq)

    def _take_release(self, seq: int, fields: Mapping[str, Any]) -> None:
        self.holds.discard(fields.get("ref", -1))

    def _take_erased(self, seq: int, fields: Mapping[str, Any]) -> None:
        data = fields.get("data", {})
        if type(data.get("of")) is int and type(data.get("digests")) is list:
            self.erased.setdefault(data["of"], set()).update(map(str, data["digests"]))

    def signed_by(self, found: Note) -> bool:
        """Whether a note, from wherever it comes, is of one of the sessions met so far."""
        keyed = self._keys.get(found.key_id)
        return keyed is not None and note.valid(found, keyed.public)

    def session_of(self, found: Note) -> int:
        """The session whose key signed a note that was found good."""
        return self._keys[found.key_id].seq

    # -- notes ---------------------------------------------------------------------------------------------------

    def note(self, size: Any, key_id: Any, raw: Any) -> Note | None:
        """Check a stored note and go past it. Returns it when it is good."""
        try:
            found = note.parse(raw if isinstance(raw, bytes) else b"")
        except ValueError as error:
            self._report(None, "note", f"a stored note, filed under {size!r}, cannot be read: {error}", "It was changed.")
            return None
        if (found.size, found.key_id) != (size, key_id):
            place = size - 1 if type(size) is int and 0 < size <= self.tree.size else None
            self._report(place, "note", f"a note over {found.size} entries is filed under {size!r}, {key_id!r}",
                         "It was moved.")
        if found.sha256 in self._seen:
            return found
        if self._holes and (found.key_id not in self._keys or found.size > self.tree.size):
            return None
        if problem := self._note_problem(found):
            self._report(min(max(found.size - 1, 0), max(self.tree.size - 1, 0)), *problem)
            return None
        self.take_note(found)
        return found

    def take_note(self, found: Note) -> None:
        """Go past a note that is known to be good."""
        if self.newest is None or found.size != self.newest.size:
            self._seen.clear()
        self.newest, self.newest_sha256 = found, found.sha256
        self._seen.add(self.newest_sha256)
        self._keys[found.key_id].noted = found.size

    def _note_problem(self, found: Note) -> tuple[str, ...]:
        name = f"the note over {found.size} entries"
        keyed = self._keys.get(found.key_id)
        if self.origin not in ("", found.origin):
            return "note", f"{name} is of another ledger", "It was brought in from elsewhere.", f"it says {found.origin}"
        if found.size > self.tree.size:
            return "note", f"{name} covers more than the {self.tree.size} that are there", "Entries at the end were removed."
        if keyed is None or not note.valid(found, keyed.public):
            return "note", f"{name} is not signed by the key of any session", "It was made or changed by somebody else."
        if found.root != self.tree.root() and not self._off:
            self._off = True
            return "root", f"{name} does not fit them", "Entries before it were changed, removed or added."
        if found.size <= keyed.seq or (keyed.ended is not None and found.size > keyed.ended + 1):
            return "note", f"{name} was not made during session {keyed.seq}", "The session's key was used outside its time."
        if found.size <= keyed.noted:
            return "note", f"session {keyed.seq} signed {found.size} entries twice", "One of the two is of another history."
        return ()


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if type(value) is str else ""


_CHECKS: dict[str, Callable[[Attest, int, Mapping[str, Any]], None]] = {
    "genesis": Attest._genesis, "session.start": Attest._start, "checkpoint": Attest._checkpoint, SENDING: Attest._endorsed,
    "hold.released": Attest._endorsed, "exported": Attest._endorsed, "role.assigned": Attest._endorsed,
    "sealed": Attest._seal, "erased": Attest._erasing}
_TAKES: dict[str, Callable[[Attest, int, Mapping[str, Any]], None]] = {
    "genesis": Attest._take_genesis, "session.start": Attest._take_start, "session.end": Attest._take_end,
    "checkpoint": Attest._take_checkpoint, "sealed": Attest._take_seal, "hold.placed": Attest._take_hold,
    "hold.released": Attest._take_release, "erased": Attest._take_erased}
