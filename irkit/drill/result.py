"""What came of a drill: the lines that the scenario asks for, and those that every drill has. Kept in its ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from irkit.drill.injects import Cards
from irkit.drill.scenario import Scenario, Wrong
from irkit.drill.score import Score, Verdict, judge, lines, reached
from irkit.drill.standard import left_by, standard
from irkit.engine.state import RunState
from irkit.engine.values import rfc3339
from irkit.ledger import Entry, Ledger
from irkit.runbook import Runbook
from irkit.worlds import Fault, World

NAME = "score.json"            # of the artefact
SCHEMA = "irkit/score-v1"
GOOD = (Verdict.OK, Verdict.TIME)


class Result(Struct, frozen=True):
    """`asked`: a line for each rule of the scenario; `standard`: see `irkit.drill.standard`; `unplayed`: injects that never
    came, because they were held or because the team was through before; `unmet`: faults that no request met, or fewer than
    they say, as "zendesk GET /api/v2/audit_logs"."""

    asked: Sequence[Score]
    standard: Sequence[Score]
    unplayed: Sequence[str] = ()
    unmet: Sequence[str] = ()

    @property
    def missed(self) -> list[Score]:
        """What was not as it should be, of both."""
        return [score for score in (*self.asked, *self.standard) if score.verdict not in GOOD]

    def lines(self) -> list[str]:
        """For the closing screen."""
        beside = sum(score.verdict not in GOOD for score in self.standard)
        count = f"beside it {beside} missed" if beside else "beside it nothing missed"
        never = [f"injects that never came: {', '.join(self.unplayed)}"] if self.unplayed else []
        unmet = [f"faults that did not come, or not as often as they say: {', '.join(self.unmet)}"] if self.unmet else []
        return [*lines(self.asked), *(score.line() for score in self.standard), count, *never, *unmet]

    def json(self) -> dict[str, object]:
        return {"asked": [score.json() for score in self.asked], "standard": [score.json() for score in self.standard],
                "missed": len(self.missed), "unplayed": list(self.unplayed), "unmet": list(self.unmet)}

    def kept(self, scenario: Scenario, runbook: Runbook, run: RunState) -> bytes:
        """The artefact's bytes."""
        about = {"schema": SCHEMA, "scenario": scenario.name, "scenario_sha256": scenario.sha256, "runbook": runbook.name,
                 "version": runbook.version, "runbook_sha256": run.sha256, "run": run.id, "opened_at": rfc3339(run.opened_at)}
        return json.dumps({**about, **self.json()}, indent=1, sort_keys=True).encode() + b"\n"


def kept_in(ledger: Ledger, run: RunState, entries: Sequence[Entry]) -> Result | None:
    """The result that a drill kept as it was closed; None for one that is open.

    A file of that name that a person attached is not it, and where a drill was killed at its very end the last one counts.
    """
    if not run.closed:
        return None
    for entry in reversed(entries):
        if entry.kind == "artefact.added" and entry.run == run.id and entry.by != "human" and entry.step is None \
                and entry.disclosed.get("artefact.name") == NAME:
            with ledger.open_artefact(entry.disclosed["artefact.sha256"]) as file:
                kept = json.load(file)
            return Result([Score.of(line) for line in kept["asked"]], [Score.of(line) for line in kept["standard"]],
                          kept["unplayed"], kept.get("unmet", ()))
    return None


def result(scenario: Scenario, runbook: Runbook, run: RunState, entries: Iterable[Entry],
           worlds: Mapping[str, World], unmet: Sequence[Fault] = ()) -> Result:
    """What came of the run so far; the worlds are asked what of the attack is left in them, where they are given."""
    return Result(judge(scenario.score, started=run.opened_at, reached=reached(run)),
                  standard(runbook, run, entries, left_by(worlds, run, scenario.by_hand)),
                  [card.id for card in Cards(scenario.injects).all(run) if card.id not in run.injects],
                  [f"{one.connector} {one.request}" for one in unmet])


def unseen(found: Result, wrong: Wrong) -> list[str]:
    """What that team gets wrong and the result does not show: nothing, where the scenario judges as it says."""
    shown = {score.id for score in found.missed}
    return [line for line in wrong.misses if line not in shown]
