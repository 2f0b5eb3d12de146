"""Which session may send for a run, and which offer of a hand-over is open. Checked when read, and when appended.

The latest run.opened, run.resumed or handover.accepted of a run names its holder by standing in that session. A run.paused that
says `packed` leaves it to nobody: the folder was packed to be moved, and whoever goes on, here or there, takes it up anew.
An acceptance refers to the latest offer of its run, once. A run that was opened as a probe is nobody's to send for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irkit.ledger.entry import HOLDING

NOBODY = -1


def gives_up(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether an entry leaves its run without a holder."""
    return kind == "run.paused" and data.get("packed") is True


@dataclass
class Holding:
    """What the entries so far say: run -> the session that may send for it, run -> its open offer, which runs are probes."""

    holders: dict[str, int] = field(default_factory=dict)
    offers: dict[str, int] = field(default_factory=dict)
    probes: set[str] = field(default_factory=set)

    def take(self, seq: int, fields: Mapping[str, Any]) -> None:
        """Go past an entry."""
        kind, run = fields["kind"], fields.get("run")
        if run is None:
            return
        if kind in HOLDING:
            self.holders[run] = fields.get("session", 0)
        elif gives_up(kind, fields.get("data", {})):
            self.holders[run] = NOBODY
        if kind == "run.opened" and fields.get("data", {}).get("mode") == "probe":
            self.probes.add(run)
        if kind == "handover.offered":
            self.offers[run] = seq
        elif kind == "handover.accepted":
            self.offers.pop(run, None)

    def accepts(self, fields: Mapping[str, Any]) -> bool:
        """Whether an acceptance refers to the offer that is open."""
        return fields.get("ref") is not None and self.offers.get(fields.get("run", "")) == fields["ref"]

    def copy(self) -> Holding:
        return Holding(dict(self.holders), dict(self.offers), set(self.probes))
