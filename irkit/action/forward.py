"""What a connector may offer beside actions: to take ledger entries as they are made, and to say which of them are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from irkit.action.declare import Steps


class Line(Struct, frozen=True):
    """A ledger entry as it leaves: its canonical line, whose hash anybody can make again, and its values only where asked.

    `leaf` is SHA-256(0x00 || line) in hexadecimal, the same in the ledger.
    """

    seq: int
    at: datetime
    leaf: str
    text: str
    disclosed: Mapping[str, Any] | None = None

    @property
    def event(self) -> dict[str, Any]:
        """How it looks at the receiver. The line is a text, so that no receiver writes it anew."""
        return {"irkit_seq": self.seq, "irkit_leaf": self.leaf, "line": self.text,
                **({} if self.disclosed is None else {"disclosed": dict(self.disclosed)})}


class Forward(Struct, frozen=True):
    """How a connector takes entries. `send(lines, origin)` sends one batch, and returns what to ask with whether it is stored:
    "" where nobody will say. `stored(handles, origin)` says which are; None: the system never says.
    """

    send: Callable[[Sequence[Line], str], Steps[str]]
    stored: Callable[[Sequence[str], str], Steps[frozenset[str]]] | None = None
    most_bytes: int = 500_000
    most_lines: int = 64
