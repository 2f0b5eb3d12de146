"""Driving an action by hand: what tests and `irkit action show` do instead of an engine."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from irkit.action.connector import Connector
from irkit.action.declare import Steps
from irkit.action.request import Request, Wait
from irkit.action.response import Response
from irkit.errors import ActionError, Cut, NoAnswer, Refused, Unavailable


@dataclass(frozen=True)
class Driven:
    """What `drive` saw: everything yielded, and the result or the error the action ended with."""

    requests: list[Request]
    waits: list[Wait]
    result: Any = None
    error: BaseException | None = None
    writes: list[Request] = field(default_factory=list)


def refusal(request: Request, response: Response, connector: Connector | None = None) -> ActionError | None:
    """The error an answer outside 2xx stands for, or None when the action may go on."""
    status = response.status
    if 200 <= status < 300 or status in request.ok:
        return None
    said = connector.describe(response) if connector else ""
    text = f"{urlsplit(request.target).path} answered {status}" + (f': "{said}"' if said else "")
    if request.is_write and (status == 408 or (status >= 500 and status != 501)):
        return NoAnswer(text, status=status)
    if not request.is_write and (status in (401, 402, 403) or (status == 404 and request.gate)):
        needs = request.gate
        return Unavailable(text + (f": needs the {needs}" if needs else ""), status=status, needs=needs)
    return Refused(text, status=status)


def drive(action: Steps[Any], answers: Callable[[Request], Response] | Iterable[Response | BaseException]) -> Driven:
    """Run an action to its end, answering each request from `answers` (a function, or one value a request)."""
    reply = answers if callable(answers) else None
    queue = iter(()) if callable(answers) else iter(answers)
    driven = Driven([], [])
    try:
        step = next(action)
        while True:
            if isinstance(step, Wait):
                driven.waits.append(step)
                step = action.send(Response(204))
                continue
            driven.requests.append(step)
            if step.is_write:
                driven.writes.append(step)
            got = reply(step) if reply else next(queue)
            error = got if isinstance(got, BaseException) else refusal(step, got)
            step = action.throw(error) if error else action.send(typing.cast(Response, got))
    except StopIteration as end:
        return dataclasses.replace(driven, result=end.value)
    except (ActionError, Cut) as error:
        return dataclasses.replace(driven, error=error)
