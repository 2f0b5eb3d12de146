"""`python -m tests.bench.opening FOLDER`: the process time of opening an incident until its next step can be shown."""

from __future__ import annotations

import itertools
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import sqlite_utils  # noqa: F401  # these four are imported where they are first needed: the goal is time beyond imports
from cryptography import exceptions  # noqa: F401
from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: F401

from irkit.cli.walks import own_copy
from irkit.engine.fold import fold
from irkit.engine.gate import StepBegins
from irkit.engine.session import load_from
from irkit.engine.state import State
from irkit.engine.view import View
from irkit.ledger import Ledger
from irkit.runbook import grammar  # noqa: F401  # and Jinja with it
from irkit.ui import screen


def main(folder: Path) -> dict[str, float]:
    """Seconds of CPU: the whole and its parts."""
    marks = [time.process_time()]

    def mark() -> None:
        marks.append(time.process_time())

    with Ledger.open(folder) as ledger:
        mark()
        state = fold(State(), ledger.entries(), load_from(ledger))
        mark()
        runbook = own_copy(ledger, state.runs["r1"])
        mark()
        view = View(folder.name, runbook, state, "r1", "bench")
        step = runbook.steps[0]
        screen.render(StepBegins(view.where(datetime.now(UTC), step), 1, step.title, step.why, "READ", step.owner))
        mark()
    taken = [later - earlier for earlier, later in itertools.pairwise(marks)]
    parts = dict(zip(("open", "fold", "runbook", "screen"), taken, strict=True))
    return {"whole": marks[-1] - marks[0], **parts}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
