"""Requests of one action, sent with the patience each kind allows. Every attempt becomes an entry.

- `request.sending` is durable before the first byte leaves; a write's status is durable before its body is read.
- A page to be kept is handed on from memory; it is stored and recorded while the next answer is awaited, or before anything
  else of its thread is recorded, or when the action stops, whichever comes first.
- Reads are retried on no answer, 408, 429 and 5xx; writes only when nothing was sent, or on 429.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, BinaryIO

from irkit.action import Action, Artefact, Known, Occasion, Outgoing, Request, Response, http_when, passing, refusal
from irkit.engine import redact
from irkit.engine.context import Context
from irkit.engine.gate import Asking, Looked, Sent, Waiting
from irkit.engine.modes import Mode
from irkit.engine.values import plain
from irkit.errors import ActionError, BadAnswer, Cut, NoAnswer, NotApproved, NotSent, Refused, Throttled
from irkit.ledger import Arriving, Collector, Entry

READ_ATTEMPTS = 5
THROTTLED_ATTEMPTS = 12
NOT_SENT_ATTEMPTS = 3
PROBE = "this is a probe: it sends reads only"


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
            refused = None if response is None else refusal(request, response, self.connector)
            pause = self._pause(response, error or refused, attempt, READ_ATTEMPTS)
            if pause is None:
                break
            self._let_pass(pause, f"{self.connector.title} {_why(response, error or refused)}")
        if error is not None:
            raise error
        if refused is not None:
            raise refused
        assert response is not None
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
            bucket = self.connector.bucket(request)
            if self.ctx.perform.seconds_for(self.connection, 1, bucket) > 0:
                self.catch_up()                            # the rate limit may hold this thread for minutes
            self.ctx.perform.turn(self.connection, bucket)
            response = self.ctx.perform.send(outgoing, answered=lambda code, _: status.append(code), sink=page,
                                             meanwhile=meanwhile, source=self._source)
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
        self._learn(request, response)
        data = self._data(began, response.status, attempt, response.headers)
        if page and 200 <= response.status < 300 and not self.connector.judge(request, whole := Response(
                response.status, response.headers, page.open, size=page.size, url=response.url)):
            response = self._keep(page, outgoing, whole, data)
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
        return response

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
        if self.ctx.mode is Mode.PROBE:            # a clean-up; no step asks for more, and ledger and wire refuse that, too
            self._record("request.not_sent", outgoing, {"cleanup": cleanup or None}, {"error": PROBE})
            raise NotSent(PROBE)
        for attempt in range(1, THROTTLED_ATTEMPTS + 1):
            response, error = self._send_once(outgoing, attempt, cleanup)
            refused = None if response is None else refusal(outgoing.request, response, self.connector)
            again = isinstance(error, NotSent) or isinstance(refused, Throttled)
            pause = self._pause(response, error or refused, attempt, NOT_SENT_ATTEMPTS) if again else None
            if pause is None:
                break
            self._let_pass(pause, f"{self.connector.title} {_why(response, error or refused)}")
        error = error or refused
        if error is not None:
            self.write_error = None if cleanup else error
            raise error
        assert response is not None
        return response

    def _send_once(self, outgoing: Outgoing, attempt: int, cleanup: bool) -> tuple[Response | None, ActionError | None]:
        request = outgoing.request
        try:
            # Before the entry: a long wait is no sending.
            self.ctx.perform.turn(self.connection, self.connector.bucket(request))
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
            self._send_first(request)
            response = self.ctx.perform.send(outgoing, answered=answered, source=self._source)
        except (NotSent, Refused) as error:
            self.ctx.record("request.not_sent", {}, {"error": error.what}, step=self.step, item=self.item, ref=sending.seq)
            if not cleanup:
                self.sending = None
            return None, error
        except (NoAnswer, BadAnswer) as error:
            return self._no_body(error)
        except KeyboardInterrupt:
            return None, NoAnswer("let go of by Ctrl-C before the answer came")
        self._learn(request, response)
        response = self._without_secrets(response, request)
        said_no = response.status < 300 and isinstance(refusal(request, response, self.connector), Refused)
        with response.open() as file:
            if raw := file.read():
                self.ctx.record("request.body", {"refused": True} if said_no else {}, {"response.body": raw}, step=self.step,
                                item=self.item, ref=sending.seq)
        return response, None

    def _send_first(self, request: Request) -> None:
        """What leaves right before a write. Raises NotSent, and Refused where it did not succeed: the write stays here then."""
        if request.first is None:
            return
        outgoing, began = self.ctx.perform.prepare(self.connection, request.first), time.monotonic()
        try:
            response = self.ctx.perform.send(outgoing, answered=lambda *_: None, source=self._source)
        except (NoAnswer, BadAnswer) as error:
            raise Refused(f"what goes first was not answered: {error.what}; nobody sees it", status=0) from None
        with response.open() as file:
            self._record("request.answer", outgoing, self._data(began, response.status, headers=response.headers),
                         {"response.headers": redact.headers(response.headers), "response.body": file.read()})
        if refused := refusal(request.first, response, self.connector):
            raise Refused(f"what goes first was refused: {refused.what}; nobody sees it", status=response.status)

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
        if request.first is not None:
            more["request.first"] = request_parts(self.ctx.perform.prepare(self.connection, request.first))
        return self.ctx.record("request.sending", data, request_parts(outgoing) | more, step=self.step, item=self.item)

    # -- common ----------------------------------------------------------------------------------------------------

    def _data(self, began: float, status: int | None, attempt: int | None = None,
              headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        data = {"ms": round((time.monotonic() - began) * 1000), "action": self.action.full_name if self.action else None,
                "status": status, "attempt": attempt, "date": _date(headers or {})}
        return {name: value for name, value in data.items() if value is not None}

    def known(self, asked: Known) -> Response:
        """What this machine knows. Raises ActionError for an unknown setting, and for an artefact that is not kept."""
        if asked.kind == "setting":
            settings = self.ctx.perform.settings(self.connection)
            if asked.name not in settings:
                raise ActionError(f"the connection {self.connection} says no {asked.name}",
                                  next=f"irkit connect {self.connector.name}")
            return Response.of(settings[asked.name])
        if asked.kind == "occasion":
            ledger = self.ctx.ledger
            return Response.of(plain(Occasion(ledger.origin, ledger.folder.name, self.step or "", self.item)))
        found = self.ctx.ledger.kept(asked.name)
        if found is None:
            raise ActionError(f"this incident keeps no artefact {asked.name!r}", next="irkit incident show")
        return Response.of({"sha256": found.sha256, "size": found.size, "name": found.name})

    def _source(self, artefact: Artefact) -> BinaryIO:
        """Opens an artefact that a request uploads or attaches: hashed again before its first byte leaves."""
        return self.ctx.ledger.open_artefact(artefact.sha256)

    def _learn(self, request: Request, response: Response) -> None:
        limit = self.connector.limit(response, self.ctx.clock.now())
        self.ctx.perform.learn(self.connection, limit, self.connector.bucket(request))

    def _record(self, kind: str, outgoing: Outgoing, data: Mapping[str, Any], more: Mapping[str, Any]) -> Entry:
        return self.ctx.record(kind, data, {**request_parts(outgoing), **more}, step=self.step, item=self.item)

    def _pause(self, response: Response | None, error: ActionError | None, attempt: int, most: int) -> float | None:
        """Seconds until the next attempt, or None when there shall be none."""
        if isinstance(error, Throttled) and response is not None and attempt < THROTTLED_ATTEMPTS:
            wait = error.wait if error.wait is not None else self.connector.limit(response, self.ctx.clock.now()).wait
            return wait if wait is not None else min(60.0, 2.0 ** attempt)
        again = isinstance(error, NotSent | NoAnswer) or (isinstance(error, Refused) and passing(error.status))
        return min(30.0, 2.0 ** (attempt - 1)) if again and attempt < most else None

    def _let_pass(self, seconds: float, why: str) -> None:
        if not self.quiet:
            self.ctx.say(Waiting(seconds, why))
        self.ctx.clock.wait(seconds, self.ctx.interrupts.asked.is_set)
        if self.ctx.interrupts.asked.is_set() and self.sending is None and not self._collectors and not self.quiet:
            self.ctx.interrupts.check()



def _date(headers: Mapping[str, str]) -> str | None:
    """The vendor's clock, as its answer says it: what this machine's clock is compared with."""
    found = http_when(headers["date"]) if "date" in headers else None
    return None if found is None else f"{found:%Y-%m-%dT%H:%M:%SZ}"


def _why(response: Response | None, error: ActionError | None) -> str:
    if response is not None:
        slow = isinstance(error, Throttled)
        return f"asks to slow down ({response.status})" if slow else f"answered {response.status}, trying again"
    how = "could not be reached" if isinstance(error, NotSent) else "did not answer completely"
    return f"{how} ({error.what}), trying again" if error else f"{how}, trying again"


def request_parts(outgoing: Outgoing) -> dict[str, Any]:
    """The request as disclosures of an entry."""
    parts: dict[str, Any] = {"request.connector": outgoing.connector, "request.connection": outgoing.connection,
                             "request.method": outgoing.method, "request.url": outgoing.url}
    body = outgoing.body if outgoing.shown is None else outgoing.shown
    if mail := outgoing.request.mail:
        parts["request.attached"] = [plain(file) for file in mail.attached]
    if upload := outgoing.request.upload:
        return {**parts, "request.upload": {"sha256": upload.sha256, "size": upload.size, "name": upload.name}}
    return parts if body is None else {**parts, "request.body": body}
