"""What the ledger costs: against the disk alone, against SHA-256 alone, and when an incident is opened."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from irkit.drill import scenario as scenarios
from irkit.ledger import Ledger
from irkit.ledger.verify import verify
from irkit.runbook import Runbook, find, load
from tests.bench.figures import Figure, alternate, ratio, wall

RUNBOOKS = Path(__file__).resolve().parents[2] / "runbooks"
URL = "https://acme.zendesk.com/api/v2/audit_logs?sort=-created_at&page[size]=100&page[after]="
HEADERS = {"date": "Fri, 20 Nov 2026 17:36:09 GMT", "content-type": "application/json; charset=utf-8",
           "x-rate-limit": "700", "x-rate-limit-remaining": "688", "ratelimit-limit": "700", "ratelimit-remaining": "688",
           "ratelimit-reset": "51", "x-request-id": "8f0b6a51cf5d1a4c-IAD", "server": "cloudflare",
           "content-length": "48123", "x-runtime": "0.113"}


def figures(quick: bool) -> list[Figure]:
    entries, chunk = (1000, 100) if quick else (5000, 250)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "incident")
        with _incident(folder) as ledger:
            appended, raw = _append(ledger, Path(temporary, "raw"), entries, chunk)
        found = [Figure("append : raw append + fdatasync", ratio(appended, raw), "<= 1.5 x",
                        f"{appended * 1e6:.0f} us : {raw * 1e6:.0f} us an entry of six values"),
                 _syncs(Path(temporary))]
        lines = _bytes(folder)
        size = sum(map(len, lines))
        checked, hashed = alternate(1 if quick else 3, lambda: wall(lambda: _verified(folder)),
                                    lambda: wall(lambda: [hashlib.sha256(line).digest() for line in lines]))
        found += [Figure("verify : SHA-256 of the same bytes, rate", ratio(hashed, checked), ">= 0.1 x",
                         f"{size / checked / 1e6:.0f} MB/s : {size / hashed / 1e6:.0f} MB/s"),
                  Figure("verify", f"{entries / checked:,.0f}/s", ">= 100,000/s", "entries of six values"),
                  *_opened(folder, entries, 1 if quick else 7),
                  *_linear(Path(temporary), *((2_000, 20_000) if quick else (10_000, 1_000_000)))]
    return found


def _incident(folder: Path) -> Ledger:
    """A ledger with an open run of the shipped runbook, in a session."""
    runbook = _runbook()
    ledger = Ledger.create(folder, mode="test", version="bench", code_hash="0" * 64)
    ledger.start_session("bench")
    kept = ledger.keep(f"{runbook.name}.yaml", runbook.raw, media_type="application/yaml", run="r1")
    ledger.append("run.opened", {"runbook": runbook.name, "version": runbook.version, "runbook_sha256": kept.sha256,
                                 "mode": "live"}, {"inputs.agent_email": "dana@example.org"}, by="human", run="r1")
    return ledger


def _runbook() -> Runbook:
    first = scenarios.load(scenarios.first([RUNBOOKS]))
    return load(find(first.runbook, [RUNBOOKS]))


def answer(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Data and disclosures of what one page of a collection leaves in the ledger: the most frequent entry of an incident."""
    return ({"ms": 113, "action": "zendesk.collect_audit_log", "status": 200, "attempt": 1,
             "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"},
            {"request.connector": "zendesk", "request.connection": "zendesk", "request.method": "GET",
             "request.url": f"{URL}{number}", "response.headers": HEADERS,
             "response.kept": {"artefact_name": "audit_log", "bytes": 48123}})


# -- appending -----------------------------------------------------------------------------------------------------

def _append(ledger: Ledger, raw: Path, entries: int, chunk: int) -> tuple[float, float]:
    """Seconds of one append, and of a raw append and fdatasync of as many bytes as the last chunk's entries stored."""
    lines: list[bytes] = []
    file = os.open(raw, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def append() -> float:
        began = time.perf_counter()
        for number in range(chunk):
            data, values = answer(number)
            ledger.append("request.answer", data, values, run="r1", step="audit_log")
        spent = time.perf_counter() - began
        lines[:] = _bytes(ledger.folder)[-chunk:]
        return spent / chunk

    def plain() -> float:
        began = time.perf_counter()
        for line in lines:
            os.write(file, line)
            os.fdatasync(file)
        return (time.perf_counter() - began) / chunk

    try:
        appended, written = alternate(entries // chunk, append, plain)
    finally:
        os.close(file)
    return appended, written


def _bytes(folder: Path) -> list[bytes]:
    """What is stored of each entry: its line, its hash, and its disclosures with their digests."""
    with Ledger.open(folder, write=False) as ledger:
        rows: dict[int, bytes] = {entry.seq: entry.line + bytes.fromhex(entry.leaf) for entry in ledger.entries()}
        for seq, digest, body in ledger._db.conn.execute("SELECT seq, digest, body FROM disclosures"):
            rows[seq] += digest.encode() + body.encode()
    return list(rows.values())


def _syncs(temporary: Path) -> Figure:
    """How often an append has the disk confirm it, as the kernel sees it."""
    what, goal, count = "fdatasync for each append", "1", 200
    strace = shutil.which("strace")
    if strace is None:
        return Figure(what, "not shown", goal, "strace is not installed here")
    log = temporary / "strace"
    command = [strace, "-f", "-e", "trace=fsync,fdatasync,kill", "-o", str(log), sys.executable, "-m",
               "tests.bench.appending", str(temporary / "traced"), str(count)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        return Figure(what, "not shown", goal, "strace may not trace here")
    _, between, _ = re.split(r"^.*kill\(.*\n", log.read_text(), flags=re.M)
    calls = between.count("sync(")
    return Figure(what, f"{calls / count:.2f}", goal, f"{calls} for {count} appends, those of WAL checkpoints included")


# -- verifying and opening -----------------------------------------------------------------------------------------

def _verified(folder: Path) -> None:
    if report := verify(folder).findings:
        raise RuntimeError(f"the ledger does not verify: {report[0]}")


def _linear(temporary: Path, few: int, many: int) -> list[Figure]:
    """What verifying a small and a big ledger takes, each in a process of its own."""
    taken = []
    for entries in (few, many):
        folder = temporary / f"of-{entries}"
        _filled(folder, entries)
        command = [sys.executable, "-m", "tests.bench.verifying", str(folder)]
        taken.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
        shutil.rmtree(folder)
    small, big = taken
    each = [one["seconds"] / one["entries"] for one in taken]
    return [Figure(f"verify, time an entry: {many:,} to {few:,}", ratio(each[1], each[0]), "1, linear",
                   f"{big['seconds']:.1f} s : {small['seconds']:.2f} s"),
            Figure(f"verify, memory at {many:,} above {few:,}", f"{big['mib'] - small['mib']:.1f} MiB", "flat",
                   f"{big['mib']:.0f} MiB : {small['mib']:.0f} MiB")]


def _filled(folder: Path, entries: int) -> None:
    """A ledger of that many pages of a collection, appended many to a transaction."""
    with _incident(folder) as ledger:
        for number in range(entries):
            data, values = answer(number)
            ledger.append_soon("request.answer", data, values, run="r1", step="audit_log")
        ledger.end_session()


def _opened(folder: Path, entries: int, rounds: int) -> list[Figure]:
    """An incident opened, folded and shown by a process that had imported everything before."""
    command = [sys.executable, "-m", "tests.bench.opening", str(folder)]
    taken: Sequence[dict[str, float]] = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                                         for _ in range(rounds)]
    median: Callable[[str], float] = lambda part: statistics.median(one[part] for one in taken) * 1000      # noqa: E731
    return [Figure(f"open {entries:,} entries, fold, next step", f"{median('whole'):.0f} ms", "<= 300 ms",
                   f"of CPU: open {median('open'):.0f}, fold {median('fold'):.0f}, runbook {median('runbook'):.0f}, "
                   f"screen {median('screen'):.0f}")]
