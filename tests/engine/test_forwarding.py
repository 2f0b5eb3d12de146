"""Forwarding: patience before a batch left, none after, and what a killed process leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from irkit import connectors
from irkit.action import ActionError, Connector, Line, NoAnswer, NotSent, Outgoing, Refused, Request, Response
from irkit.engine.forwarding import ATTEMPTS, EVERY, Count, Cursor, Forwarding, batches

AT = datetime(2026, 3, 7, tzinfo=UTC)
SPLUNK = connectors.find("splunk")


def lines(count: int, text: str = "x") -> list[Line]:
    return [Line(n, AT, f"leaf {n}", text) for n in range(count)]


@dataclass
class Book:
    """A ledger that has grown by `step` entries at each look, up to `count`."""

    count: int
    step: int = 1000
    looks: int = 0
    ended: bool = False

    def read(self, after: int, until: int | None = None) -> Sequence[Line]:
        self.looks += 1
        there = min(self.count, self.step * self.looks)
        self.ended = there == self.count
        return [line for line in lines(there) if line.seq > after and (until is None or line.seq <= until)]

    def leaf(self, seq: int) -> str:
        return f"leaf {seq}"


@dataclass
class Hec:
    """Answers for a collector that acknowledges after so many questions; `fails` are raised first, one a batch."""

    slow: int = 0
    fails: list[ActionError] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    asked: int = 0
    ack: str = "yes"

    def connector(self, _: str) -> Connector:
        return SPLUNK

    def settings(self, _: str) -> Mapping[str, str]:
        return {"index": "irkit", "ack": self.ack, "export": "v2"}

    def prepare(self, connection: str, request: Request) -> Outgoing:
        return Outgoing.of(connection, SPLUNK, request, f"https://x{request.target}")

    def turn(self, *_: object) -> None:
        pass

    def seconds_for(self, *_: object) -> float:
        return 0.0

    def learn(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def send(self, outgoing: Outgoing, **_: Any) -> Response:
        if "/ack" in outgoing.url:
            self.asked += 1
            return Response.of({"acks": {str(n): self.asked > self.slow for n in outgoing.request.json["acks"]}})
        if self.fails:
            raise self.fails.pop(0)
        self.sent.append(outgoing.body or b"")
        return Response.of({"text": "Success", "code": 0, **({"ackId": len(self.sent)} if self.ack == "yes" else {})})


class Waiting:
    """A clock whose waits take no time."""

    jumps = True

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> datetime:
        return AT

    def wait(self, seconds: float, stop: Any = None) -> None:
        self.waits.append(seconds)

    def stamp(self) -> Mapping[str, str]:
        return {}


def cursor(folder: Path) -> Cursor:
    found = Cursor.load(folder, "irkit/test/1", "splunk")
    found.path.parent.mkdir(exist_ok=True)
    return found


def go(folder: Path, hec: Hec, book: Book, clock: Waiting | None = None, *, follow: bool = False, resend: bool = False,
       stop: Any = lambda: False) -> Count:
    assert SPLUNK.forward is not None
    made = Forwarding(cursor(folder), book, hec, "splunk", SPLUNK.forward, clock or Waiting(), say=lambda _: None, stop=stop)
    return made.run(follow=follow, resend=resend)


def test_a_batch_that_did_not_leave_is_tried_again(tmp_path: Path) -> None:
    """With growing pauses; then it arrives once."""
    hec, clock = Hec(fails=[NotSent("no connection"), NotSent("no connection")]), Waiting()
    assert go(tmp_path, hec, Book(3), clock).stored == 3
    assert clock.waits == [2.0, 4.0]
    assert len(hec.sent) == 1


def test_without_follow_it_gives_up_and_loses_nothing(tmp_path: Path) -> None:
    """The error is told, and the next try begins there."""
    with pytest.raises(NotSent):
        go(tmp_path, Hec(fails=[NotSent("no connection")] * ATTEMPTS), Book(3))
    assert go(tmp_path, Hec(), Book(3)).stored == 3


def test_an_unanswered_batch_is_unknown_and_the_next_goes_on(tmp_path: Path) -> None:
    """It is not sent again by itself, and what follows it is not held up."""
    hec = Hec(fails=[NoAnswer("reset")])
    found = go(tmp_path, hec, Book(130))
    assert (found.unknown, found.stored, found.good) == (("0-63",), 66, False)
    assert go(tmp_path, Hec(), Book(130), resend=True).good


def test_what_is_never_acknowledged_is_accepted_and_no_more(tmp_path: Path) -> None:
    """After a while it is told so; a later start asks again, and sends nothing."""
    found = go(tmp_path, Hec(slow=10**6), Book(3))
    assert (found.stored, found.accepted, found.good) == (0, ("0-2",), False)
    later = Hec()
    assert go(tmp_path, later, Book(3)).stored == 3
    assert later.sent == []


def test_a_collector_without_acknowledgements_stores_nothing_that_we_know_of(tmp_path: Path) -> None:
    """Accepted, in one piece, and good as far as it can say."""
    found = go(tmp_path, Hec(ack="no"), Book(130))
    assert (found.stored, found.accepted, found.good) == (0, ("0-129",), True)


def test_a_refusal_ends_it_where_it_stood(tmp_path: Path) -> None:
    """Nothing of the batch was taken: it is next."""
    with pytest.raises(Refused):
        go(tmp_path, Hec(fails=[Refused("Invalid token", status=403)]), Book(3))
    assert cursor(tmp_path).next == 0


def test_a_process_killed_while_it_sends_leaves_an_unknown(tmp_path: Path) -> None:
    """The batch was written down before it left."""
    class Killed(BaseException):
        pass

    class Dying(Hec):
        def send(self, outgoing: Outgoing, **_: Any) -> Response:
            raise Killed
    with pytest.raises(Killed):
        go(tmp_path, Dying(), Book(3))
    found = go(tmp_path, Hec(), Book(5))
    assert (found.unknown, found.stored) == (("0-2",), 2)


def test_it_follows_until_the_ledger_ends(tmp_path: Path) -> None:
    """Batch by batch as entries come; it waits between two looks."""
    hec, clock = Hec(), Waiting()
    book = Book(10, step=4)
    assert go(tmp_path, hec, book, clock, follow=True).stored == 10
    assert len(hec.sent) == 3
    assert set(clock.waits) <= {EVERY}


def test_it_stops_between_two_batches(tmp_path: Path) -> None:
    """Asked to stop, the batch in hand is the last; the next start goes on behind it."""
    hec = Hec()
    found = go(tmp_path, hec, Book(200), stop=lambda: len(hec.sent) >= 1)
    assert found.entries == 64
    assert go(tmp_path, Hec(), Book(200)).stored == 200


def test_two_processes_do_not_send_the_same(tmp_path: Path) -> None:
    """The second is refused while the first holds the cursor."""
    with cursor(tmp_path).held(), pytest.raises(Exception, match="another process"), cursor(tmp_path).held():
        raise AssertionError("both hold it")


@pytest.mark.parametrize(("count", "text", "sizes"), [(130, "x", [64, 64, 2]), (3, "x" * 300_000, [1, 1, 1]), (0, "x", [])])
def test_a_batch_is_bounded_in_lines_and_in_bytes(count: int, text: str, sizes: list[int]) -> None:
    """What one request bears."""
    assert SPLUNK.forward is not None
    assert [len(batch) for batch in batches(lines(count, text), SPLUNK.forward)] == sizes
