"""`python -m tests.bench.keeping URL TOKEN FOLDER DAYS [NAME]`: preserves so many days of a log, and prints what it took."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from irkit.engine.outcome import Done
from irkit.engine.perform import Performance
from tests.bench.tenant import NAME, Tenant, engine

STATUS = Path("/proc/self/status")
COLLECT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    NAME: ("collect_audit_log", {}),
    "splunk": ("collect_search", {"search": "search index=helpdesk", "until": datetime.now(UTC) + timedelta(days=1)}),
}


def main(tenant: Tenant, folder: Path, days: int) -> dict[str, Any]:
    """Seconds, bytes of memory, and what was preserved. Raises RuntimeError when it was not all of it."""
    since = datetime.now(UTC) - timedelta(days=days)
    with engine(tenant, folder) as ctx:
        collect, more = COLLECT[tenant.name]
        action = ctx.perform.connector(tenant.name).actions[collect]
        performance = Performance(ctx, "log", action, action(since=since, **more), tenant.name, quiet=True)
        resting, cpu, began = idle(), time.process_time(), time.perf_counter()
        performance.look()
        spent = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        outcome = performance.outcome
        if not isinstance(outcome, Done) or outcome.incomplete:
            raise RuntimeError(f"the log was not preserved: {outcome}")
        data = next(e.disclosed for e in ctx.ledger.entries() if e.kind == "artefact.added")
    return {**spent, "idle": resting, "above": peak() - resting, "rows": outcome.result["rows"],
            "pages": outcome.result["pages"], "bytes": data["artefact.size"], "sha256": data["artefact.sha256"]}


def idle() -> int:
    """Bytes of memory now, and the peak begun anew where the kernel lets one."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return peak()
    return _field("VmRSS")


def peak() -> int:
    """The most bytes of memory so far."""
    if STATUS.exists():
        return _field("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _field(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(main(Tenant(sys.argv[1], sys.argv[2], *sys.argv[5:]), Path(sys.argv[3]), int(sys.argv[4]))))
