"""`python -m tests.bench.verifying FOLDER`: how long a verification takes, and how much memory at most."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from irkit.ledger.verify import verify


def main(folder: Path) -> dict[str, float]:
    """Seconds, entries, and the highest resident set of this process, in MiB."""
    began = time.perf_counter()
    report = verify(folder)
    spent = time.perf_counter() - began
    if report.findings:
        raise SystemExit(f"the ledger does not verify: {report.findings[0]}")
    return {"seconds": spent, "entries": report.entries, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
