"""`python -m tests.bench.appending FOLDER COUNT`: appends one by one, to be looked at with strace.

A signal 0 to itself stands before and after them, for whoever reads the trace.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from irkit.ledger import Ledger
from tests.bench.ledger import answer


def main(folder: Path, count: int) -> None:
    with Ledger.create(folder, mode="test", version="bench", code_hash="0" * 64) as ledger:
        ledger.start_session("bench")
        os.kill(os.getpid(), 0)
        for number in range(count):
            data, values = answer(number)
            ledger.append("request.answer", data, values, run="r1", step="audit_log")
        os.kill(os.getpid(), 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
