"""What the documents of a bag state about its ledger, gathered in one pass over the lines a recipient sees.

Counts, ranges and numbers of entries; of what people and vendors wrote only names, where they are shown.
"""

from __future__ import annotations

import base64
import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from irkit.ledger import Entry
from irkit.ledger.database import Noted
from irkit.ledger.tree import Tree
from irkit.report.view import Shown, artefacts_of

CLASSES = ("machine", "copied", "human")
MOST = 400                       # ranges of entries listed of one class


class Ranges:
    """Numbers of entries as "0-4, 7, 9-12". Of very many, the first ones and how many more."""

    def __init__(self) -> None:
        self.count = 0
        self._spans: list[list[int]] = []
        self._more = 0
        self._last = -2

    def add(self, number: int) -> None:
        self.count += 1
        if number == self._last + 1 and self._spans and not self._more:
            self._spans[-1][1] = number
        elif len(self._spans) < MOST:
            self._spans.append([number, number])
        else:
            self._more += 1
        self._last = number

    def __str__(self) -> str:
        text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in self._spans)
        return (text or "none") + (f" and {self._more:,} more" if self._more else "")

    def __bool__(self) -> bool:
        return self.count > 0


@dataclass
class Session:
    """A session.start as the documents name it. `root` is that of the tree before it, in base64."""

    seq: int
    who: str
    name: str | None
    at: str
    vkey: str
    endorsement: str
    root: str
    irkit: str


class Token(NamedTuple):
    """An anchor.timestamp: which note it is over, and what the authority stated."""

    seq: int
    size: int
    key_id: str
    sha256: str
    gen_time: str
    accuracy_us: int | None
    authority: str


class Lag(NamedTuple):
    """Seconds between when a thing was seen and when it was recorded."""

    entries: int
    p50: float
    p95: float
    most: float


@dataclass
class Facts:
    """Feed every row to `add`. `exports`, `runs` and the like are entries as shown."""

    incident: str
    incidents: Mapping[str, int] = field(default_factory=dict)      # mode -> how many incidents stand under the evidence root
    withheld_values: int = 0
    lines: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    by: dict[str, Ranges] = field(default_factory=lambda: {name: Ranges() for name in CLASSES})
    of: dict[str, Ranges] = field(default_factory=dict)             # kind -> its entries
    leaf: str = ""                                                  # of the last line
    withheld: Ranges = field(default_factory=Ranges)                # lines
    genesis: Mapping[str, Any] = field(default_factory=dict)
    origin: str = ""
    mode: str = ""
    sessions: list[Session] = field(default_factory=list)
    runs: list[Entry] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    exports: list[Entry] = field(default_factory=list)
    artefacts: dict[str, None] = field(default_factory=dict)        # SHA-256 of those that shown values name, in order
    notes: int = 0
    last_note: tuple[int, str] = (0, "")
    widest: tuple[int, int, int] = (0, 0, 0)                        # entries between two notes: how many, from, to
    tree: Tree = field(default_factory=Tree)
    _lags: array[float] = field(default_factory=lambda: array("d"))

    def add(self, row: Shown | Noted) -> None:
        if isinstance(row, Noted):
            self._note(row)
            return
        self.lines, self.leaf = row.seq + 1, row.leaf
        if row.entry is None:
            self.withheld.add(row.seq)
        else:
            self._entry(row.entry)
        self.tree.add(bytes.fromhex(row.leaf))

    @property
    def root(self) -> str:
        """Of all lines, in base64."""
        return base64.b64encode(self.tree.root()).decode()

    @property
    def hidden(self) -> bool:
        """Whether anything is withheld."""
        return bool(self.withheld or self.withheld_values)

    @property
    def last(self) -> Entry:
        """The `exported` entry that ends the bag."""
        return self.exports[-1]

    @property
    def gap(self) -> tuple[int, int, int]:
        """The most entries between two notes, or above the last one: how many, and the sizes of the two."""
        return max(self.widest, (self.lines - self.last_note[0], self.last_note[0], self.lines))

    @property
    def lag(self) -> Lag | None:
        """None where nobody said when a thing was seen."""
        if not self._lags:
            return None
        ordered = sorted(self._lags)
        return Lag(len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.95), ordered[-1])

    def find(self, *kinds: str) -> Iterator[tuple[str, Ranges]]:
        """The entries of those kinds that there are; "step" stands for all its kinds."""
        for kind, found in sorted(self.of.items()):
            if kind in kinds or kind.partition(".")[0] in kinds:
                yield kind, found

    def _entry(self, entry: Entry) -> None:
        self.kinds[entry.kind] += 1
        self.by[entry.by].add(entry.seq)
        self.of.setdefault(entry.kind, Ranges()).add(entry.seq)
        self.artefacts.update(dict.fromkeys(artefacts_of(entry)))
        self._lag(entry)
        data, shown = entry.data, entry.disclosed
        match entry.kind:
            case "genesis":
                self.genesis, self.origin, self.mode = data, entry.log, str(data.get("mode", ""))
            case "session.start":
                name = shown.get("person.name")
                self.sessions.append(Session(
                    entry.seq, entry.who, None if name is None else str(name), entry.at, str(data.get("vkey", "")),
                    str(data.get("endorsement", "")), base64.b64encode(self.tree.root()).decode(), str(data.get("irkit", ""))))
            case "run.opened":
                self.runs.append(entry)
            case "anchor.timestamp":
                accuracy = data.get("accuracy_us")
                self.tokens.append(Token(entry.seq, data.get("size", 0), str(data.get("key_id", "")),
                                         str(data.get("token_sha256", "")), str(data.get("gen_time", "")),
                                         accuracy if isinstance(accuracy, int) else None, str(data.get("authority", ""))))
            case "exported":
                self.exports.append(entry)

    def _lag(self, entry: Entry) -> None:
        if isinstance(seen := entry.disclosed.get("observed_at"), str):
            recorded = str(entry.data.get("drill_at") or entry.at)       # a drill's people look at the drill's own clock
            try:
                lag = datetime.fromisoformat(recorded) - datetime.fromisoformat(seen)
            except (ValueError, TypeError):                              # unreadable, or without a zone
                return
            self._lags.append(lag.total_seconds())

    def _note(self, note: Noted) -> None:
        before, size = self.last_note[0], int(note.size)
        self.notes += 1
        self.widest = max(self.widest, (size - before, before, size))
        self.last_note = size, str(note.key_id)


def _rank(ordered: list[float], share: float) -> float:
    """The nearest-rank percentile."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
