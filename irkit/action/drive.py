"""Driving an action by hand: what tests and `irkit action show` do instead of an engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from irkit.action.connector import Connector
from irkit.action.declare import Steps
from irkit.action.request import Known, Request, Wait
from irkit.action.response import Response
from irkit.errors import ActionError, Cut, NoAnswer, Refused, Throttled, Unavailable

OCCASION: Mapping[tuple[str, str], object] = {
    ("occasion", ""): {"incident": "irkit/test/5f0c3f6f6a1b", "name": "INC-1", "step": "a_step", "item": None}}


class Driven(Struct, frozen=True):
    """What `drive` saw: everything yielded, and the result or the error the action ended with. A cleanup is no write."""

    requests: list[Request]
    waits: list[Wait]
    result: Any = None
    error: BaseException | None = None
    writes: list[Request] = field(default_factory=list)


def refusal(request: Request, response: Response, connector: Connector | None = None) -> ActionError | None:
    """The error an answer stands for, or None when the action may go on.

    The connector's `judge` comes first, for every answer; then the status: all outside 2xx but those in `request.ok`.
    """
    if connector and (judged := connector.judge(request, response)):
        return judged
    status = response.status
    if 200 <= status < 300 or status in request.ok:
        return None
    said = connector.describe(response) if connector else ""
    text = f"{urlsplit(request.target).path} answered {status}" + (f': "{said}"' if said else "")
    if status == 429:
        return Throttled(text, status=status)
    if request.is_write and passing(status):
        return NoAnswer(text, status=status)
    if not request.is_write and (status in (401, 402, 403) or (status == 404 and request.gate)):
        needs = request.gate
        return Unavailable(text + (f": needs the {needs}" if needs else ""), status=status, needs=needs)
    return Refused(text, status=status)


def passing(status: int) -> bool:
    """Whether such an answer says nothing of the request itself: a read is asked again, a write's outcome is unknown."""
    return status == 408 or (status >= 500 and status != 501)


def drive(action: Steps[Any], answers: Callable[[Request], Response] | Iterable[Response | BaseException],
          connector: Connector | None = None, known: Mapping[tuple[str, str], object] | None = None,
          let_pass: Callable[[float], object] = lambda _: None) -> Driven:
    """Run an action to its end, answering each request from `answers` (a function, or one value a request).

    With its `connector` answers are judged as in a run. `known` answers `setting` and `artefact`, and `occasion` where it is
    not to be OCCASION: {("setting", "region"): "eu", ("artefact", sha256): {"sha256": …, "size": …, "name": …}}; all else is
    an ActionError. `let_pass` lets the seconds of a wait pass. A cleanup is asked when the action has ended, where `answers` is
    a function; that it fails changes nothing.
    """
    reply = answers if callable(answers) else None
    queue = iter(()) if callable(answers) else iter(answers)
    driven, cleanup = Driven([], []), list[Request]()
    try:
        step = next(action)
        while True:
            if isinstance(step, Wait):
                driven.waits.append(step)
                let_pass(step.seconds)
                step = action.send(Response(204))
                continue
            if isinstance(step, Known):
                told = {**OCCASION, **(known or {})}.get((step.kind, step.name))
                step = (action.throw(ActionError(f"there is no {step.kind} {step.name!r}")) if told is None
                        else action.send(Response.of(told)))
                continue
            if step.cleanup:
                cleanup.append(step)
                step = action.send(Response(204))
                continue
            got: Response | BaseException = Response(204)
            for one in (step.first, step) if step.first else (step,):
                driven.requests.append(one)
                if one.is_write:
                    driven.writes.append(one)
                got = reply(one) if reply else next(queue)
                if isinstance(got, Response):
                    got = refusal(one, got, connector) or got
                if isinstance(got, BaseException):
                    break
            step = action.throw(got) if isinstance(got, BaseException) else action.send(got)
    except StopIteration as end:
        return replace(driven, result=end.value)
    except (ActionError, Cut) as error:
        return replace(driven, error=error)
    finally:
        if reply:
            driven.requests.extend(cleanup)
            for request in cleanup:
                with contextlib.suppress(ActionError):
                    reply(request)
