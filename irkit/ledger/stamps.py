"""The time-stamp tokens of a ledger under verification: which count, what they prove, and which entries they belie.

| mechanism | what must agree |
|---|---|
| token     | each anchor.timestamp has its token, over a note of this ledger, and says of it what the token says |
| time      | no entry's window ends before it begins |
| clock     | an entry's `at` lies in its window: else the machine's clock was wrong, and the entries are flagged |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from irkit.ledger import timestamp
from irkit.ledger.assurance import Anchor
from irkit.ledger.finding import CONTRADICTED, FLAGGED, MISSING, NOT_CHECKED, Finding
from irkit.ledger.source import Found, Source
from irkit.ledger.sshsig import CannotCheck
from irkit.ledger.timestamp import Token

_NONE = timedelta()


class _Stamp(NamedTuple):
    token: Token
    note: bytes
    size: int
    counts: bool


class Stamps:
    """Reads the tokens first, then hears of each entry in order."""

    def __init__(self, ca: Path | None, found: Found) -> None:
        self._ca, self._found = ca, found
        self._stamps: dict[str, _Stamp] = {}
        self._unread: set[str] = set()
        self._anchors: list[Anchor] = []
        self._named: set[str] = set()
        self._floor: datetime | None = None
        self._upper: list[tuple[int, datetime]] = []           # (size, latest), latest falling: the bound of all below size
        self._wrong: list[tuple[int, timedelta]] = []          # first and last entry outside their window, and the widest
        self._outside = 0

    def read(self, source: Source) -> None:
        """Read every token, and find the note it is over."""
        tokens = list(source.tokens())
        notes = {hashlib.sha256(note).digest(): note for note in source.notes()} if tokens else {}
        for name, raw in tokens:
            self._token(name, raw, notes)
        for stamp in sorted((s for s in self._stamps.values() if s.counts), key=lambda s: -s.size):
            latest = timestamp.upper(stamp.token)
            if not self._upper or latest < self._upper[-1][1]:
                self._upper.append((stamp.size, latest))

    def _token(self, name: str, raw: bytes, notes: Mapping[bytes, bytes]) -> None:
        if hashlib.sha256(raw).hexdigest() != name:
            self._say(None, f"a token filed under {name[:64]} has other bytes", "It was changed or moved.")
            return
        try:
            token = timestamp.read(raw)
        except ValueError as error:
            self._unread.add(name)
            self._say(None, f"the token {name[:12]} cannot be read: {error}",
                      "It was damaged, or is of a kind not known here.", NOT_CHECKED)
            return
        note = notes.get(token.imprint)
        if note is None:
            self._say(None, f"the token {name[:12]} is over no note of this ledger",
                      "It was brought in from elsewhere, or the note was removed.")
            return
        self._stamps[name] = _Stamp(token, note, int(note.split(b"\n")[1]), self._counts(name, raw, note))

    def _counts(self, name: str, raw: bytes, note: bytes) -> bool:
        """Whether the token's time is taken: without --tsa-ca every one is, and the report says that none is proven."""
        if self._ca is None:
            return True
        try:
            checked = timestamp.verify(raw, note, self._ca)
        except CannotCheck as error:
            self._say(None, f"the token {name[:12]} could not be checked", error.what, NOT_CHECKED)
            return False
        if not checked.ok:
            self._say(None, f"the token {name[:12]} does not verify",
                      "It was changed, or is of an authority that is not trusted.", CONTRADICTED, checked.words)
        elif checked.refused or checked.facts:
            self._say(None, f"the token {name[:12]}: {checked.words}", "It counts.", FLAGGED, *checked.facts)
        return checked.ok

    def _say(self, entry: int | None, what: str, meaning: str, level: str = CONTRADICTED, *detail: str,
             mechanism: str = "token") -> None:
        self._found(Finding(entry, mechanism, what, meaning, detail, level))

    # -- entries -------------------------------------------------------------------------------------------------

    def entry(self, seq: int, fields: Mapping[str, Any]) -> None:
        if fields["kind"] == "anchor.timestamp":
            self._anchor(seq, fields.get("data", {}))
        if self._upper or self._floor is not None:
            self._window(seq, fields["at"])

    def stretch(self, first: int, earliest: str, latest: str) -> bool:
        """The same of entries from `first` on that name no token, with times between those two. False where one is news.

        What is not too late for the first of them is not too late for any: the bounds of later ones are later.
        """
        low, high = datetime.fromisoformat(earliest), datetime.fromisoformat(latest)
        return (self._floor or low) <= low and high <= (self._ceiling(first) or high)

    def _ceiling(self, seq: int) -> datetime | None:
        """The latest moment at which that entry, or a later one that is under the same notes, can have been written."""
        while self._upper and self._upper[-1][0] <= seq:
            self._upper.pop()
        return self._upper[-1][1] if self._upper else None

    def _anchor(self, seq: int, data: Mapping[str, Any]) -> None:
        name = str(data.get("token_sha256"))
        stamp = self._stamps.get(name)
        if stamp is None:
            if name not in self._unread:
                self._say(seq, f"the token that entry {seq} names is not there", "It was removed.", MISSING,
                          f"SHA-256 {name[:64]}")
            return
        self._named.add(name)
        says = {"note_sha256": hashlib.sha256(stamp.note).hexdigest(), "size": stamp.size, **stamp.token.says}
        told = {name: data.get(name) for name in says}
        if told | {"gen_time": _time(told["gen_time"])} != says | {"gen_time": stamp.token.gen_time}:
            self._say(seq, f"entry {seq} says of its token what the token does not say", "One of the two was replaced.")
        elif stamp.counts:
            earliest, latest = timestamp.lower(stamp.token), timestamp.upper(stamp.token)
            self._anchors.append(Anchor(seq, stamp.size, earliest, latest, str(data.get("authority", ""))))
            self._floor = earliest if self._floor is None else max(self._floor, earliest)

    def _window(self, seq: int, at: str) -> None:
        ceiling, floor = self._ceiling(seq), self._floor
        if floor is not None and ceiling is not None and floor > ceiling:
            self._say(seq, f"entry {seq} was written after {floor:%H:%M:%S}Z and before {ceiling:%H:%M:%S}Z",
                      "Two tokens contradict each other.", mechanism="time")
            self._floor = None
            return
        said = _time(at)
        if said is None:
            return
        late = max(said - ceiling, _NONE) if ceiling is not None else _NONE
        early = min(said - floor, _NONE) if floor is not None else _NONE
        if off := late or early:
            self._outside += 1
            self._wrong = [*self._wrong[:1], (seq, off)]

    def end(self) -> list[Anchor]:
        """The anchors that count, in order. Reports tokens that no entry names, and entries outside their window."""
        for name in sorted(self._stamps.keys() - self._named):
            self._say(None, f"the token {name[:12]} belongs to no entry", "It was added, or its entry was removed.")
        if self._wrong:
            first, (last, off) = self._wrong[0][0], self._wrong[-1]
            self._say(first, f"{self._outside} entries, {first} to {last}, say a time outside their window, "
                      f"by {off.total_seconds():+.1f} s", "The machine's clock was wrong, or was set.", FLAGGED,
                      mechanism="clock")
        return self._anchors


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except ValueError:
        return None
