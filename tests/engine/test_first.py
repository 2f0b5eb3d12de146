"""What leaves right before a write: the bytes of an upload that nobody sees without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.action import GET, POST, Artefact, Effect, Outgoing, Request, Steps
from irkit.drill.perform import Recorded, recorded
from irkit.engine import plan
from irkit.engine.outcome import Failed, Unknown
from irkit.errors import NoAnswer, NotSent
from tests.engine.demo import Desk, Flag, Tenant, demo

BYTES = Artefact("0" * 64, 3, "evidence.txt")


@demo.action(Effect.IRREVERSIBLE)
def share() -> Steps[Flag]:
    """Share a file.

    Source: none, this is a test.
    """
    yield GET("/flag")
    yield POST("/share", json={}, seen=Flag(False), affects=["the channel"], noun="file",
               first=POST("/bytes", upload=BYTES, reads=True))
    yield GET("/flag")
    return Flag(True)


class Shares(Tenant):
    """Takes the bytes with `status`, and the sharing always."""

    status = 200

    def answer(self, outgoing: Outgoing) -> tuple[int, object]:
        if outgoing.request.target == "/bytes":
            return self.status, {}
        return (200, {}) if outgoing.request.target == "/share" else super().answer(outgoing)


def on(target: str, error: BaseException) -> Shares:
    def before(outgoing: Outgoing) -> None:
        if outgoing.request.target == target:
            raise error
    return Shares(before=before)


def test_nothing_leaves_before_the_gate_and_the_gate_names_both(tmp_path: Path) -> None:
    """A probe, and whoever says no at the gate, keeps the bytes here; the gate shows what goes first, and its hash."""
    desk = Desk(tmp_path / "i", Shares())
    performance = desk.perform("share")
    assert desk.tenant.asked == ["GET /flag"]
    assert performance.write is not None
    assert plan.full_request(performance.write)[0] == f"first: POST /bytes (evidence.txt, 3 bytes, SHA-256 {'0' * 64})"
    assert "--upload-file evidence.txt && curl" in plan.as_curl(performance.write)


def test_the_bytes_leave_once_and_right_before_the_write(tmp_path: Path) -> None:
    """One sending stands in the record, which names both."""
    desk = Desk(tmp_path / "i", Shares())
    desk.send("share")
    assert desk.tenant.asked == ["GET /flag", "POST /bytes", "POST /share", "GET /flag"]
    sending, = desk.entries("request.sending")
    assert sending.disclosed["request.first"]["request.upload"]["name"] == "evidence.txt"


@pytest.mark.parametrize("tenant", [on("/bytes", NoAnswer("no answer in 30 s")), on("/bytes", NotSent("no connection"))])
def test_without_the_bytes_the_write_stays_here(tenant: Shares, tmp_path: Path) -> None:
    """Lost, or never left: the write is not sent, and nothing is unknown about it."""
    desk = Desk(tmp_path / "i", tenant)
    outcome = desk.send("share").outcome
    assert isinstance(outcome, Failed)
    assert "POST /share" not in desk.tenant.asked
    assert desk.entries("request.not_sent")


def test_bytes_that_are_refused_keep_the_write_here(tmp_path: Path) -> None:
    """The refusal is told with its status."""
    tenant = Shares()
    tenant.status = 413
    outcome = Desk(tmp_path / "i", tenant).send("share").outcome
    assert isinstance(outcome, Failed)
    assert outcome.status == 413
    assert "POST /share" not in tenant.asked


def test_a_write_that_is_lost_after_its_bytes_is_unknown(tmp_path: Path) -> None:
    """As any other."""
    assert isinstance(Desk(tmp_path / "i", on("/share", NoAnswer("no answer"))).send("share").outcome, Unknown)


def test_a_drill_that_goes_on_gives_its_world_the_bytes_first(tmp_path: Path) -> None:
    """The record is replayed in the order in which things left."""
    desk = Desk(tmp_path / "i", Shares())
    desk.send("share")
    asked = [(one.url.rpartition("/")[2], one.upload) for one in recorded(desk.entries(), "r1", lambda _: b"abc")
             if isinstance(one, Recorded)]
    assert asked[:3] == [("flag", None), ("bytes", BYTES), ("share", None)]


@pytest.mark.parametrize("first", [POST("/bytes", upload=BYTES, affects=["x"], noun="file"), POST("/x", json={}, reads=True)])
def test_only_an_upload_that_nobody_sees_goes_first(first: Request) -> None:
    """Neither a second write nor any other request."""
    with pytest.raises(ValueError, match="first="):
        POST("/share", json={}, seen=Flag(False), affects=["x"], noun="file", first=first)
    with pytest.raises(ValueError, match="first="):
        GET("/share", first=POST("/bytes", upload=BYTES, reads=True))
