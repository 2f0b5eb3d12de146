"""Two hundred writes at 50 ms, sixteen at a time: how near a fan-out comes to what the waiting alone takes."""

from __future__ import annotations

import collections
import http.client
import json
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from irkit.engine import plan
from irkit.engine.fanout import Batch
from irkit.engine.pool import WORKERS
from irkit.engine.run import open_run
from irkit.engine.session import Session
from irkit.engine.state import State
from irkit.engine.view import View
from irkit.runbook import load_bytes
from tests.bench.figures import Figure, alternate, ratio
from tests.bench.tenant import NAME, Tenant, engine, served, users

LATENCY = 0.050        # seconds
CALLS = 3              # of one suspension: look, write, look again
TELL_ABOVE = 1.3
RUNBOOK = b"""
schema: irkit/v1
runbook: fanout
title: A fan-out to be measured
version: 1
steps:
  - {id: sessions, phase: preserve, title: List, why: Whom., action: zendesk.collect_sessions}
  - {id: off, phase: contain, title: Suspend, why: It blocks., for_each: "{{ steps.sessions.items }}",
     action: zendesk.suspend_user, with: {user_id: "{{ item.id }}"}}
"""


def figures(quick: bool) -> list[Figure]:
    count, rounds = (48, 1) if quick else (200, 3)
    ideal = count / WORKERS * LATENCY * CALLS
    with served("--latency", f"{LATENCY * 1000:g}", "--agents", str(count * rounds + 20)) as tenant:
        people = users(tenant, count * rounds)
        fresh = iter([people[n:n + count] for n in range(0, len(people), count)])      # whoever is suspended is not sent again
        samples: collections.Counter[str] = collections.Counter()
        batch, bare = alternate(rounds, lambda: _batch(tenant, next(fresh), samples), lambda: _bare(tenant, people[:count]))
    found = [
        Figure(f"{count} suspensions : ideal {ideal:.2f} s", ratio(batch, ideal), "<= 1.15 x",
               f"{batch:.2f} s; {CALLS} calls each, {WORKERS} workers, {LATENCY * 1000:g} ms"),
        Figure("the same calls by http.client : ideal", ratio(bare, ideal), "", f"{bare:.2f} s; no ledger, no rules")]
    if batch / ideal > TELL_ABOVE:
        whole = samples.total()
        found += [Figure("  where workers are", f"{n / whole:.0%}", "", place) for place, n in samples.most_common(8)]
    return found


def _batch(tenant: Tenant, items: Sequence[dict[str, str]], samples: collections.Counter[str]) -> float:
    """Seconds that a fan-out over the items takes, its gate and its ledger included."""
    runbook = load_bytes(RUNBOOK, "fanout.yaml")
    with tempfile.TemporaryDirectory() as folder, engine(tenant, Path(folder, "incident")) as ctx:
        own = ctx.ledger.session or 0
        session = Session(ctx, View("incident", runbook, State(), "r1", "bench"), own=own)
        session.refresh()
        open_run(session, {}, {})
        plan.identity(session, NAME)         # whom one acts as is asked once a session, at its first gate
        batch = Batch(session, runbook.steps[1], items)
        with _Sampler(samples):
            began = time.perf_counter()
            batch.walk()
            spent = time.perf_counter() - began
        done = list(session.step_state("off").items.values()).count("done")
        if done != len(items):
            raise RuntimeError(f"only {done} of {len(items)} were suspended")
    return spent


def _bare(tenant: Tenant, items: Sequence[dict[str, str]]) -> float:
    """Seconds that the same calls take from as many threads with nothing around them."""
    todo: queue.SimpleQueue[str] = queue.SimpleQueue()
    for item in items:
        todo.put(item["id"])

    def work() -> None:
        host = http.client.HTTPConnection(tenant.url.removeprefix("http://"))
        while True:
            try:
                user = todo.get_nowait()
            except queue.Empty:
                return host.close()
            for method in ("GET", "PUT", "GET"):
                _exchange(host, tenant, method, user, {"user": {"suspended": True}} if method == "PUT" else None)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def _exchange(host: http.client.HTTPConnection, tenant: Tenant, method: str, user: str, data: object) -> None:
    headers = dict(line.split(": ", 1) for line in tenant.headers)
    body = None if data is None else json.dumps(data)
    host.request(method, f"/api/v2/users/{user}", body, {**headers, "Content-Type": "application/json"})
    host.getresponse().read()


class _Sampler:
    """Looks every few milliseconds where each other thread stands, and counts the places."""

    def __init__(self, samples: collections.Counter[str]) -> None:
        self._samples, self._stop = samples, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        spared = {threading.main_thread().ident, threading.get_ident()}
        while not self._stop.wait(0.005):
            for thread, frame in sys._current_frames().items():
                if thread not in spared and (place := _place(frame)):
                    self._samples[place] += 1


def _place(frame: FrameType | None) -> str:
    """The innermost function of irkit's, and what it called."""
    called = frame.f_code.co_name if frame is not None else ""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if "irkit" in path.parts and "tests" not in path.parts:
            return f"{path.parent.name}/{path.name} {frame.f_code.co_qualname} > {called}"
        frame = frame.f_back
    return ""
