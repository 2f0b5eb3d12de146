"""One action, driven: look, stop at the write, send it once, look again.

The rules this module keeps:

- A write from an action declared READ, and a second write of any action, are refused before anything is prepared.
- What was collected is kept, as an artefact and its entry, before the entry that says the step is done.
- Once a write was taken (2xx), nothing that goes wrong later is called a failure: it is accepted, not confirmed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from irkit.action import Action, Effect, Known, Outgoing, Request, Response, Steps, Wait
from irkit.engine.context import Context
from irkit.engine.gate import Checked, Waiting
from irkit.engine.outcome import Accepted, Done, Failed, Gap, Outcome, Unknown
from irkit.engine.transfer import Transfer
from irkit.engine.values import changed, plain
from irkit.errors import ActionError, Cut, IrkitError, NoAnswer, NotConfirmed, NotSent, Refused, Unavailable
from irkit.ledger import Entry

STALE_AFTER = 300.0      # seconds: a look older than this looks again before its write may leave


class Performance:
    """An action under way. After `look()` or `go_on()` it is at a `write`, at a `wait`, or has an `outcome`."""

    def __init__(self, ctx: Context, step: str | None, action: Action | None, generator: Steps[Any], connection: str,
                 item: int | None = None, *, quiet: bool = False) -> None:
        self.ctx, self.step, self.action, self.connection, self.item = ctx, step, action, connection, item
        self.write: Outgoing | None = None
        self.wait: Wait | None = None
        self.agreed: Outgoing | None = None        # the write as it stood on the gate
        self.outcome: Outcome | None = None
        self.value: Any = None                     # what the generator returned
        self.looked_at = ctx.clock.now()
        self._generator = generator
        self._transfer = Transfer(ctx, step, action, connection, item, quiet=quiet)
        self._cleanup: list[Request] = []

    @property
    def sending(self) -> Entry | None:
        """The entry of this performance's write, once it is recorded."""
        return self._transfer.sending

    # -- the generator ---------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Run from the beginning to the first write, a wait, or the end."""
        self._run(lambda: next(self._generator))

    def go_on(self) -> None:
        """After a wait has passed."""
        self.wait = None
        self._run(lambda: self._generator.send(Response(204)))

    def send(self) -> None:
        """Send the write that stands on the gate, and run on."""
        assert self.write is not None
        outgoing, self.write = self.write, None
        give = self._answer(lambda: self._transfer.send(outgoing))
        self._run(give)

    def stop(self) -> None:
        """Leave the action at its write: nothing is sent."""
        self._generator.close()
        self._transfer.discard_all()

    def _run(self, give: Callable[[], Request | Wait | Known]) -> None:
        try:
            while True:
                step = give()
                if isinstance(step, Wait):
                    self._transfer.catch_up()
                    self.wait = step
                    return
                if isinstance(step, Known):
                    give = self._answer(lambda step=step: self._transfer.known(step))      # type: ignore[misc]
                    continue
                self.ctx.bears(self.step, step.secret)
                if step.cleanup:
                    self._cleanup.append(step)
                    give = self._giving(Response(204))
                elif step.is_write:
                    self._transfer.catch_up()
                    self._refuse_wrong_write()
                    self.write = self.agreed = self.ctx.perform.prepare(self.connection, step)
                    return
                else:
                    give = self._answer(lambda step=step: self._transfer.read(step))      # type: ignore[misc]
        except StopIteration as end:
            value = end.value
            self._finish(lambda: self._returned(value))
        except ActionError as error:
            caught = error
            self._finish(lambda: self._ended(caught))
        except Cut:
            self._finish(lambda: Failed("stopped by Ctrl-C before anything was collected"))
        except BaseException:
            self._transfer.discard_all()
            raise

    def _giving(self, response: Response) -> Callable[[], Request | Wait | Known]:
        return lambda: self._generator.send(response)

    def _answer(self, ask: Callable[[], Response]) -> Callable[[], Request | Wait | Known]:
        """How to hand the generator what `ask` returns or raises."""
        try:
            response = ask()
        except (ActionError, Cut) as error:
            caught = error
            return lambda: self._generator.throw(caught)
        return self._giving(response)

    def _refuse_wrong_write(self) -> None:
        if self.action is None or self.action.effect is Effect.READ:
            name = self.action.full_name if self.action else "the connection's check"
            self._wrong(f"{name} is declared to read only, and wants to write")
        if self._transfer.sending is not None:
            self._wrong(f"{self.action.full_name} wants to write a second time")

    def _wrong(self, what: str) -> NoReturn:
        self._generator.close()
        raise IrkitError(f"{what}: nothing was sent", where=f"step {self.step}", next="report this connector")

    # -- the end ---------------------------------------------------------------------------------------------------

    def _returned(self, value: Any) -> Outcome:
        self.value, result = value, plain(value)
        if self._transfer.sending is not None and not self._transfer.quiet:
            self.ctx.say(Checked(changed(self.agreed.request.seen if self.agreed else None, result)))
        cut = isinstance(result, dict) and result.get("complete") is False
        sent_at = self._transfer.sending.seq if self._transfer.sending else None
        return Done(result=result, already=sent_at is None, sent_at=sent_at,
                    incomplete=f"incomplete to {result.get('last') or 'the start'}" if cut else "")

    def _ended(self, error: ActionError) -> Outcome:
        if self._transfer.sending is not None and self._transfer.write_error is None:
            said = error.what if isinstance(error, NotConfirmed) else f"the look afterwards failed: {error.what}"
            return Accepted(said, self._transfer.status, error.next)
        error = self._transfer.write_error or error
        status = getattr(error, "status", None) or 0
        if isinstance(error, NoAnswer) and self._transfer.sending is not None:
            return Unknown(error.what, status, error.next)
        if isinstance(error, Unavailable):
            return Gap(error.what, status, error.next)
        if isinstance(error, NotSent):
            return Failed(f"{error.what}. Nothing was sent", 0, error.next)
        return Failed(error.what, status if isinstance(error, Refused) else 0, error.next)

    def _finish(self, judge: Callable[[], Outcome]) -> None:
        """Keep what was collected first, so that a done step's artefacts exist before its entry does."""
        self._transfer.keep_all()
        for request in self._cleanup:
            with contextlib.suppress(ActionError):
                self._transfer.send(self.ctx.perform.prepare(self.connection, request), cleanup=True)
        self._cleanup.clear()
        self.outcome = judge()


def to_the_gate(performance: Performance) -> None:
    """Look, letting waits pass, until there is a write to ask about or an outcome."""
    performance.look()
    _let_waits_pass(performance)


def to_the_end(performance: Performance) -> Outcome:
    """Send the write, letting waits pass, until there is an outcome."""
    performance.send()
    _let_waits_pass(performance)
    assert performance.outcome is not None
    return performance.outcome


def _let_waits_pass(performance: Performance) -> None:
    ctx = performance.ctx
    while performance.wait is not None:
        ctx.say(Waiting(performance.wait.seconds, performance.wait.why))
        ctx.clock.wait(performance.wait.seconds, ctx.interrupts.asked.is_set)
        ctx.interrupts.check()
        performance.go_on()


def stale(performance: Performance, now: datetime) -> bool:
    """True when the look is so old that what it saw may have changed."""
    return (now - performance.looked_at).total_seconds() > STALE_AFTER
