"""Many performances at once: each gets a worker while it has something to do, and none while it waits.

Workers are daemon threads, so that a second Ctrl-C can let go of calls that never answer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from irkit.engine.context import Context
from irkit.engine.perform import Performance

Work = Callable[[Performance], None]
WORKERS = 16


class Pool:
    """Runs one kind of work over performances. `settled(p)` is called on the worker as soon as `p` waits no more."""

    def __init__(self, ctx: Context, work: Work, settled: Work, workers: int = WORKERS) -> None:
        self.ctx, self.work, self.settled, self.workers = ctx, work, settled, workers
        self._todo: queue.SimpleQueue[tuple[Work, Performance] | None] = queue.SimpleQueue()
        self._back: queue.SimpleQueue[tuple[Performance, BaseException | None]] = queue.SimpleQueue()

    def run(self, performances: Iterable[Performance], progress: Callable[[int], None] = lambda _done: None) -> None:
        """Run all to their next stop. After a first Ctrl-C nothing new starts; raises the first foreign error at the end."""
        waiting = list(reversed(list(performances)))
        parked: list[tuple[datetime, Performance]] = []
        threads = [threading.Thread(target=self._worker, daemon=True) for _ in range(min(self.workers, len(waiting)))]
        for thread in threads:
            thread.start()
        running = done = 0
        error: BaseException | None = None
        stop = self.ctx.interrupts.asked
        while True:
            parked, due = self._due(parked)
            for performance in due:
                self._todo.put((Performance.go_on, performance))
                running += 1
            while waiting and running < self.workers and not stop.is_set() and error is None:
                self._todo.put((self.work, waiting.pop()))
                running += 1
            if running == 0:
                if not parked or error is not None or stop.is_set():
                    break
                self._let_pass(parked)
                continue
            back = self._take(parked)
            if back is None:
                continue
            performance, failed = back
            running -= 1
            error = error or failed
            if performance.wait is not None and failed is None:
                parked.append((self.ctx.clock.now() + timedelta(seconds=performance.wait.seconds), performance))
            else:
                done += 1
                progress(done)
        for _ in threads:
            self._todo.put(None)
        if error is not None:
            raise error

    def _take(self, parked: list[tuple[datetime, Performance]]) -> tuple[Performance, BaseException | None] | None:
        """The next performance that a worker gave back; nothing when a parked one is due first."""
        timeout = 0.5
        if parked:
            nearest = min(due for due, _ in parked)
            timeout = min(timeout, max(0.001, (nearest - self.ctx.clock.now()).total_seconds()))
        try:
            return self._back.get(timeout=timeout)      # a time-out also lets a signal handler run
        except queue.Empty:
            return None

    def _due(self, parked: list[tuple[datetime, Performance]]) -> tuple[list[tuple[datetime, Performance]], list[Performance]]:
        now = self.ctx.clock.now()
        return [p for p in parked if p[0] > now], [p for due, p in parked if due <= now]

    def _let_pass(self, parked: list[tuple[datetime, Performance]]) -> None:
        nearest = min(due for due, _ in parked)
        self.ctx.clock.wait(max(0.0, (nearest - self.ctx.clock.now()).total_seconds()), self.ctx.interrupts.asked.is_set)

    def _worker(self) -> None:
        while (task := self._todo.get()) is not None:
            work, performance = task
            failed: BaseException | None = None
            try:
                work(performance)
                if performance.wait is None:
                    self.settled(performance)
            except BaseException as error:
                failed = error
            self._back.put((performance, failed))
