"""Requests of one action, sent with the patience each kind allows. Every attempt becomes an entry.

- `request.sending` is durable before the first byte leaves; a write's status is durable before its body is read.
- A page to be kept is handed on from memory; it is stored and recorded while the next answer is awaited, or before anything
  else of its thread is recorded, or when the action stops, whichever comes first.
- Reads are retried on no answer, 408, 429 and 5xx; writes only when nothing was sent, or on 429.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from irkit.action import Action, Outgoing, Request, Response, refusal
from irkit.engine import redact
from irkit.engine.context import Context
from irkit.engine.gate import Asking, Looked, Sent, Waiting
from irkit.engine.values import plain
from irkit.errors import ActionError, BadAnswer, Cut, NoAnswer, NotApproved, NotSent
from irkit.ledger import Arriving, Collector, Entry
from irkit.ledger.adjtime import read_date

READ_ATTEMPTS = 5
THROTTLED_ATTEMPTS = 12
NOT_SENT_ATTEMPTS = 3


class Transfer:
    """Sends for one performance. `sending` is the entry of its write, `status` what it was answered with."""

    def __init__(self, ctx: Context, step: str | None, action: Action | None, connection: str, item: int | None, *,
                 quiet: bool) -> None:
        self.ctx, self.step, self.action, self.connection, self.item = ctx, step, action, connection, item
        self.connector = ctx.perform.connector(connection)
        self.quiet = quiet
        self.sending: Entry | None = None
        self.status = 0
        self.write_error: ActionError | None = None
        self._collectors: dict[str, Collector] = {}
        self._pages: dict[str, int] = {}
        self._bytes: dict[str, int] = {}

    def keep_all(self) -> None:
        """Finish the collections: link the artefacts and list them in the ledger."""
        self.catch_up()
        for collector in self._collectors.values():
            if collector.tell():
                collector.keep(run=self.ctx.run, step=self.step, item=self.item)
            else:
                collector.discard()
        self._collectors.clear()

    def discard_all(self) -> None:
        try:
            self.catch_up()
        finally:
            for collector in self._collectors.values():
                collector.discard()
            self._collectors.clear()

    def catch_up(self) -> None:
        """Store and record the page that has not been yet."""
        self.ctx.ledger.postponed.catch_up()

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, request: Request) -> Response:
        if self.ctx.interrupts.asked.is_set() and self.sending is None:
            if not request.keep:
                self.ctx.interrupts.check()
            self.ctx.interrupts.asked.clear()
            raise Cut
        outgoing = self.ctx.perform.prepare(self.connection, request)
        if not self.quiet:
            self.ctx.say(Asking(self.connector.title, self._pages.get(request.keep, 0), self._bytes.get(request.keep, 0)))
        for attempt in range(1, THROTTLED_ATTEMPTS + 1):
            response, error = self._read_once(outgoing, attempt)
            pause = self._pause(response, error, attempt, READ_ATTEMPTS)
            if pause is None:
                break
            self._let_pass(pause, f"{self.connector.title} {_why(response, error)}")
        if error is not None:
            raise error
        assert response is not None
        refused = refusal(request, response, self.connector)
        if refused is not None:
            raise refused
        return response

    def _read_once(self, outgoing: Outgoing, attempt: int) -> tuple[Response | None, ActionError | None]:
        request, began = outgoing.request, time.monotonic()
        page = Arriving(self._collector(request.keep), self.ctx.ledger.postponed.run) if request.keep else None
        status: list[int] = []

        def meanwhile() -> None:
            self.ctx.ledger.postponed.run()
            if request.meanwhile:
                request.meanwhile()

        try:
            if self.ctx.perform.seconds_for(self.connection, 1) > 0:
                self.catch_up()                            # the rate limit may hold this thread for minutes
            self.ctx.perform.turn(self.connection)
            response = self.ctx.perform.send(outgoing, answered=lambda code, _: status.append(code), sink=page,
                                             meanwhile=meanwhile)
        except (NotSent, NoAnswer, BadAnswer) as error:
            if page:
                page.drop()
            kind = "request.not_sent" if isinstance(error, NotSent) else "request.answer"
            self._record(kind, outgoing, self._data(began, status[0] if status else None, attempt), {"error": error.what})
            return None, error
        except BaseException:
            if page:
                page.drop()
            raise
        self.ctx.perform.learn(self.connection, self.connector.limit(response, self.ctx.clock.now()))
        data = self._data(began, response.status, attempt, response.headers)
        if page and 200 <= response.status < 300:
            response = self._keep(page, outgoing, response, data)
        else:
            response = self._show(page, outgoing, response, data)
        pages = self._pages[request.keep] = self._pages.get(request.keep, 0) + 1 if request.keep else 0
        if not self.quiet and pages <= 1:              # of a collection the first page; the others are counted
            self.ctx.say(Looked(outgoing.method, outgoing.url, response.status, data["ms"] / 1000))
        return response, None

    def _collector(self, name: str) -> Collector:
        if name not in self._collectors:
            self._collectors[name] = self.ctx.ledger.collector(name)
        return self._collectors[name]

    def _keep(self, page: Arriving, outgoing: Outgoing, response: Response, data: Mapping[str, Any]) -> Response:
        """The page as the action sees it. It is stored and recorded soon; in a drill now: entries bear the drill's time."""
        keep = outgoing.request.keep
        self._bytes[keep] = self._bytes.get(keep, 0) + page.size

        def record() -> None:
            page.store()
            parts = {**request_parts(outgoing), "response.headers": redact.headers(response.headers),
                     "response.kept": {"artefact_name": keep, "bytes": page.size}}
            add = self.ctx.record if self.ctx.mode.simulated else self.ctx.record_soon
            add("request.answer", data, parts, step=self.step, item=self.item)

        if self.ctx.mode.simulated:
            record()
        else:
            self.ctx.ledger.postponed.put_off(record)
        return Response(response.status, response.headers, page.open, size=page.size, url=response.url)

    def _show(self, page: Arriving | None, outgoing: Outgoing, response: Response, data: Mapping[str, Any]) -> Response:
        """The answer as the action sees it, recorded whole. An error's body is no page of the collection."""
        if page is not None:
            with page.open() as file:
                body = file.read()
            page.drop()
            response = Response(response.status, response.headers, body, url=response.url)
        response = self._without_secrets(response, outgoing.request)
        with response.open() as file:
            self._record("request.answer", outgoing, data, {"response.headers": redact.headers(response.headers),
                                                            "response.body": file.read()})
        return response

    def _without_secrets(self, response: Response, request: Request) -> Response:
        if not request.secret:
            return response
        with response.open() as file:
            return Response(response.status, response.headers, redact.body(file.read(), request.secret), url=response.url)

    # -- writing ---------------------------------------------------------------------------------------------------

    def send(self, outgoing: Outgoing, cleanup: bool = False) -> Response:
        for attempt in range(1, THROTTLED_ATTEMPTS + 1):
            response, error = self._send_once(outgoing, attempt, cleanup)
            again = isinstance(error, NotSent) or (response is not None and response.status == 429)
            pause = self._pause(response, error, attempt, NOT_SENT_ATTEMPTS) if again else None
            if pause is None:
                break
            self._let_pass(pause, f"{self.connector.title} {_why(response, error)}")
        if error is None:
            assert response is not None
            error = refusal(outgoing.request, response, self.connector)
        if error is not None:
            self.write_error = None if cleanup else error
            raise error
        assert response is not None
        return response

    def _send_once(self, outgoing: Outgoing, attempt: int, cleanup: bool) -> tuple[Response | None, ActionError | None]:
        request = outgoing.request
        try:
            self.ctx.perform.turn(self.connection)         # before the entry: a long wait is no sending
        except NotSent as error:
            return None, error
        try:
            sending = self._record_sending(outgoing, attempt)
        except NotApproved as error:
            return None, error
        if not cleanup:
            self.sending = sending
        began, began_at = time.monotonic(), self.ctx.clock.now()

        def answered(status: int, headers: Mapping[str, str]) -> None:
            if not cleanup:
                self.status = status
            data = self._data(began, status, headers=headers)
            self.ctx.record("request.answer", data, {"response.headers": redact.headers(headers)},
                            step=self.step, item=self.item, ref=sending.seq)
            if not self.quiet:
                self.ctx.say(Sent(began_at, status, time.monotonic() - began, sending.seq))

        try:
            response = self.ctx.perform.send(outgoing, answered=answered)
        except NotSent as error:
            self.ctx.record("request.not_sent", {}, {"error": error.what}, step=self.step, item=self.item, ref=sending.seq)
            if not cleanup:
                self.sending = None
            return None, error
        except (NoAnswer, BadAnswer) as error:
            return self._no_body(error)
        except KeyboardInterrupt:
            return None, NoAnswer("let go of by Ctrl-C before the answer came")
        self.ctx.perform.learn(self.connection, self.connector.limit(response, self.ctx.clock.now()))
        response = self._without_secrets(response, request)
        with response.open() as file:
            if raw := file.read():
                self.ctx.record("request.body", {}, {"response.body": raw}, step=self.step, item=self.item, ref=sending.seq)
        return response, None

    def _no_body(self, error: ActionError) -> tuple[Response | None, ActionError | None]:
        """The status came and the body did not: the status is what counts, and the second look is the proof."""
        status = getattr(error, "status", None) or (self.status if isinstance(error, BadAnswer) else None)
        if status and 200 <= status < 300:
            return Response(status, {}, b""), None
        return None, error if isinstance(error, NoAnswer) else NoAnswer(error.what, status=status)

    def _record_sending(self, outgoing: Outgoing, attempt: int) -> Entry:
        request = outgoing.request
        assert self.action is not None
        data = {"action": self.action.full_name, "effect": self.action.effect.value, "settle": request.settle,
                "attempt": attempt, **({"cleanup": True} if request.cleanup else {})}
        if not request.cleanup and (approval := self.ctx.permit(self.step, self.item, outgoing)) is not None:
            data["approval"] = approval
        more: dict[str, Any] = {"request.affects": list(request.affects)}
        if request.seen is not None:
            more["request.seen"] = plain(request.seen)
        return self.ctx.record("request.sending", data, request_parts(outgoing) | more, step=self.step, item=self.item)

    # -- common ----------------------------------------------------------------------------------------------------

    def _data(self, began: float, status: int | None, attempt: int | None = None,
              headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        data = {"ms": round((time.monotonic() - began) * 1000), "action": self.action.full_name if self.action else None,
                "status": status, "attempt": attempt, "date": _date(headers or {})}
        return {name: value for name, value in data.items() if value is not None}

    def _record(self, kind: str, outgoing: Outgoing, data: Mapping[str, Any], more: Mapping[str, Any]) -> Entry:
        return self.ctx.record(kind, data, {**request_parts(outgoing), **more}, step=self.step, item=self.item)

    def _pause(self, response: Response | None, error: ActionError | None, attempt: int, most: int) -> float | None:
        """Seconds until the next attempt, or None when there shall be none."""
        if response is not None and response.status == 429 and attempt < THROTTLED_ATTEMPTS:
            wait = self.connector.limit(response, self.ctx.clock.now()).wait
            return wait if wait is not None else min(60.0, 2.0 ** attempt)
        passing = isinstance(error, NotSent | NoAnswer) or (response is not None and _passing(response.status))
        return min(30.0, 2.0 ** (attempt - 1)) if passing and attempt < most else None

    def _let_pass(self, seconds: float, why: str) -> None:
        if not self.quiet:
            self.ctx.say(Waiting(seconds, why))
        self.ctx.clock.wait(seconds, self.ctx.interrupts.asked.is_set)
        if self.ctx.interrupts.asked.is_set() and self.sending is None and not self._collectors and not self.quiet:
            self.ctx.interrupts.check()



def _date(headers: Mapping[str, str]) -> str | None:
    """The vendor's clock, as its answer says it: what this machine's clock is compared with."""
    found = read_date(headers["date"]) if "date" in headers else None
    return None if found is None else f"{found:%Y-%m-%dT%H:%M:%SZ}"


def _passing(status: int) -> bool:
    return status == 408 or (status >= 500 and status != 501)


def _why(response: Response | None, error: ActionError | None) -> str:
    if response is not None:
        return "asks to slow down (429)" if response.status == 429 else f"answered {response.status}, trying again"
    how = "could not be reached" if isinstance(error, NotSent) else "did not answer completely"
    return f"{how} ({error.what}), trying again" if error else f"{how}, trying again"


def request_parts(outgoing: Outgoing) -> dict[str, Any]:
    """The request as disclosures of an entry."""
    parts: dict[str, Any] = {"request.connector": outgoing.connector, "request.connection": outgoing.connection,
                             "request.method": outgoing.method, "request.url": outgoing.url}
    return parts if outgoing.body is None else {**parts, "request.body": outgoing.body}
