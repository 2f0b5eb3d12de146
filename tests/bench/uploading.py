"""`python -m tests.bench.uploading URL KEYS FOLDER MIB`: copies so large an artefact to the evidence bucket, and prints what
it took.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from irkit import connectors
from irkit.cli.clock import RealClock
from irkit.config import Connection
from irkit.engine.context import Context
from irkit.engine.modes import Mode
from irkit.engine.outcome import Done
from irkit.engine.perform import Performance, to_the_end, to_the_gate
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.wire.http import Wire
from tests.bench.keeping import idle, peak
from tests.bench.tenant import Agreeing

KEYS = "IRKIT_BENCH_KEYS"              # the environment variable that holds them


def main(url: str, keys: str, folder: Path, mib: int) -> dict[str, Any]:
    """Seconds and bytes of memory. Raises RuntimeError when the artefact is not there, locked."""
    os.environ[KEYS] = keys
    settings = {"bucket": "northwind-evidence", "region": "eu-central-1"}
    connection = Connection("s3", "s3", settings, "access_key", f"env:{KEYS}", url)
    with Ledger.create(folder, mode="test", version="bench", code_hash="0" * 64) as ledger, \
            contextlib.closing(Wire({"s3": connection}, connectors.find, loopback=True)) as wire:
        ledger.start_session("bench", signer=Throwaway())
        wire.turn("s3")
        ctx = Context(ledger, wire, RealClock(), Agreeing(), Mode.LIVE, "r1", "bench")
        ctx.record("run.resumed")                      # whoever sends holds the run
        ledger.keep("disk.img", _file(folder.parent / "disk.img", mib))
        action = wire.connector("s3").actions["put_evidence"]
        until = datetime.now(UTC) + timedelta(days=1)
        performance = Performance(ctx, "copy", action, action(artefact="disk.img", retain_until=until), "s3", quiet=True)
        resting, began = idle(), time.perf_counter()
        to_the_gate(performance)
        outcome = to_the_end(performance)
        spent = time.perf_counter() - began
    if not isinstance(outcome, Done) or outcome.result["size"] != mib * 2**20 or outcome.result["mode"] != "GOVERNANCE":
        raise RuntimeError(f"the artefact was not copied: {outcome}")
    return {"wall": spent, "idle": resting, "above": peak() - resting, "bytes": outcome.result["size"]}


def _file(path: Path, mib: int) -> Path:
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(2**20))
    return path


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
