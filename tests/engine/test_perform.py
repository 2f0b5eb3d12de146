"""One action, driven: what is refused, what is recorded, and what each trouble is called."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from irkit.action import Outgoing
from irkit.engine.context import Interrupts
from irkit.engine.modes import Mode
from irkit.engine.outcome import Accepted, Done, Failed, Unknown
from irkit.errors import IrkitError, NoAnswer, NotSent
from tests.engine.demo import Desk, Tenant


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "i", Tenant())


def on_write(error: BaseException) -> Tenant:
    """A tenant whose writes end with `error` before they take effect."""
    def before(outgoing: Outgoing) -> None:
        if outgoing.method == "PUT":
            raise error
    return Tenant(before=before)


def test_a_read_action_that_writes_is_stopped(desk: Desk) -> None:
    """The effect is enforced: nothing is sent, and nothing is prepared."""
    with pytest.raises(IrkitError, match="declared to read only"):
        desk.perform("writes_though_declared_to_read")
    assert desk.tenant.asked == []


def test_a_second_write_is_stopped(desk: Desk) -> None:
    """An action writes at most once."""
    with pytest.raises(IrkitError, match="a second time"):
        desk.send("writes_twice")
    assert desk.tenant.asked == ["PUT /flag"]


def test_cleanup_runs_after_the_return_and_asks_nobody(desk: Desk) -> None:
    """What a read left at the vendor is removed at the end, recorded as cleanup, and is no write of the step."""
    done = desk.perform("search").outcome
    assert isinstance(done, Done)
    assert done.already
    assert desk.tenant.asked == ["POST /jobs", "GET /jobs/j1/rows", "DELETE /jobs/j1"]
    assert [e.data.get("cleanup") for e in desk.entries("request.sending")] == [True]


def test_cleanup_runs_after_a_failure_too(tmp_path: Path) -> None:
    """A search that cannot be read is still removed."""
    def before(outgoing: Outgoing) -> None:
        if outgoing.request.target.endswith("/rows"):
            raise NoAnswer("no answer in 30 s")
    desk = Desk(tmp_path / "i", Tenant(before=before))
    assert isinstance(desk.perform("search").outcome, Failed)
    assert desk.tenant.asked[-1] == "DELETE /jobs/j1"


def test_a_probe_tidies_nothing_up(desk: Desk) -> None:
    """What would be removed after a read is recorded as not sent, and left: a probe sends no DELETE, for itself either."""
    desk.ctx.mode = Mode.PROBE
    assert isinstance(desk.perform("search").outcome, Done)
    assert desk.tenant.asked == ["POST /jobs", "GET /jobs/j1/rows"]
    entry, = desk.entries("request.not_sent")
    assert entry.data["cleanup"] is True
    assert entry.disclosed["request.method"] == "DELETE"
    assert desk.entries("request.sending") == []


def test_a_probe_that_is_told_to_send_does_not(desk: Desk) -> None:
    """Whoever forgets that it is a probe: the write fails, nothing was sent, and that is what is recorded."""
    desk.ctx.mode = Mode.PROBE
    outcome = desk.send("turn_on").outcome
    assert isinstance(outcome, Failed)
    assert "Nothing was sent" in outcome.reason
    assert desk.tenant.asked == ["GET /flag"]
    assert (len(desk.entries("request.not_sent")), desk.entries("request.sending")) == (1, [])


def test_a_search_by_post_is_a_read(desk: Desk) -> None:
    """reads=True passes without a gate."""
    assert desk.perform("search").write is None


def test_what_no_look_can_settle_says_so_in_the_ledger(desk: Desk) -> None:
    """A message's sending is marked, so that a resumed run offers only a person's word."""
    desk.send("post_message")
    assert desk.entries("request.sending")[0].data["settle"] == "human"


def test_a_live_secret_in_an_answer_is_seen_by_nobody(desk: Desk) -> None:
    """It is gone before the action reads it, and from every byte of the folder."""
    done = desk.perform("keys").outcome
    assert isinstance(done, Done)
    assert "removed" in done.result["last"]
    assert all(b"s3cr3t-canary" not in p.read_bytes() for p in desk.folder.rglob("*") if p.is_file())


def test_nothing_sent_is_a_failure_that_says_so(tmp_path: Path) -> None:
    """What provably never left is tried again a few times, and then failed; nothing is unknown about it."""
    desk = Desk(tmp_path / "i", on_write(NotSent("connection refused")))
    outcome = desk.send("turn_on").outcome
    assert isinstance(outcome, Failed)
    assert "Nothing was sent" in outcome.reason
    assert len(desk.entries("request.not_sent")) == desk.tenant.asked.count("PUT /flag") == 3


def test_no_answer_to_a_write_is_unknown_and_never_repeated(tmp_path: Path) -> None:
    """One PUT leaves, however often looks are retried."""
    desk = Desk(tmp_path / "i", on_write(NoAnswer("no answer in 30 s")))
    assert isinstance(desk.send("turn_on").outcome, Unknown)
    assert desk.tenant.asked.count("PUT /flag") == 1


def test_ctrl_c_in_a_send_is_unknown(tmp_path: Path) -> None:
    """Let go of before the answer came: it may have worked."""
    desk = Desk(tmp_path / "i", on_write(KeyboardInterrupt()))
    assert isinstance(desk.send("turn_on").outcome, Unknown)


def test_a_failing_look_after_a_taken_write_is_accepted(tmp_path: Path) -> None:
    """The write was answered 200; that its look fails does not make it a failure."""
    def before(outgoing: Outgoing) -> None:
        if outgoing.method == "GET" and "PUT /flag" in here.tenant.asked:
            raise NoAnswer("no answer in 30 s")
    here = Desk(tmp_path / "i", Tenant(before=before))
    outcome = here.send("turn_on").outcome
    assert isinstance(outcome, Accepted)
    assert outcome.status == 200


def test_ctrl_c_in_a_collection_ends_it_as_incomplete(tmp_path: Path) -> None:
    """What was read is kept, and the result says how far it reaches."""
    def before(outgoing: Outgoing) -> None:
        if outgoing.request.target.endswith("page=2"):
            here.ctx.interrupts.asked.set()
    here = Desk(tmp_path / "i", Tenant(before=before))
    done = here.perform("collect").outcome
    assert isinstance(done, Done)
    assert done.incomplete == "incomplete to row 4"
    kept = [e for e in here.entries("artefact.added") if e.disclosed.get("artefact.name") == "log"]
    assert kept


def test_a_collection_is_one_artefact_of_its_pages(desk: Desk) -> None:
    """Three pages, byte for byte one after the other, and an index of where each begins."""
    desk.perform("collect")
    data, index = desk.entries("artefact.added")
    with desk.ctx.ledger.open_artefact(data.disclosed["artefact.sha256"]) as file:
        raw = file.read()
    assert raw.count(b'"rows"') == 3
    assert index.disclosed["artefact.index_of"] == data.disclosed["artefact.sha256"]


def live(folder: Path, before: Callable[[Outgoing], None]) -> Desk:
    """A desk where pages are recorded while the next answer is awaited."""
    here = Desk(folder / "i", Tenant(before=before))
    here.ctx.mode = Mode.LIVE
    return here


def test_a_page_is_recorded_while_the_next_answer_is_awaited(tmp_path: Path) -> None:
    """Not before the next request has left, and each as an entry, in order, in front of the collection."""
    there: list[int] = []
    here = live(tmp_path, lambda _outgoing: there.append(len(here.entries("request.answer"))))
    here.perform("collect")
    assert there == [0, 0, 1]
    answers = here.entries("request.answer")
    assert [e.disclosed["request.url"][-1] for e in answers] == ["1", "2", "3"]
    assert all(e.disclosed["response.kept"]["artefact_name"] == "log" for e in answers)
    assert answers[-1].seq < here.entries("artefact.added")[0].seq


@pytest.mark.parametrize("error", [KeyboardInterrupt(), NoAnswer("no answer in 30 s")])
def test_the_page_before_a_failure_is_recorded_first(tmp_path: Path, error: BaseException) -> None:
    """Whether the action fails or is let go of, what was read is in the ledger, before what went wrong."""
    def before(outgoing: Outgoing) -> None:
        if outgoing.request.target.endswith("page=2"):
            raise error
    here = live(tmp_path, before)
    here.ctx.clock.jumps = True
    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            here.perform("collect")
    else:
        assert isinstance(here.perform("collect").outcome, Failed)
    answers = here.entries("request.answer")
    assert [e.disclosed["request.url"][-1] for e in answers] == ["1"] + ["2"] * (len(answers) - 1)
    assert [e.data.get("status") for e in answers] == [200] + [None] * (len(answers) - 1)


def test_what_else_the_thread_records_comes_after_the_page(tmp_path: Path) -> None:
    """A token call on the way to the next page stands behind the page's own entry."""
    def before(_outgoing: Outgoing) -> None:
        here.ctx.ledger.append("auth", {"ms": 1})
    here = live(tmp_path, before)
    here.perform("collect")
    kinds = [e.kind for e in here.entries() if e.kind in ("auth", "request.answer")]
    assert kinds == ["auth", "request.answer"] * 3


class _Writing:
    """A gate whose stream is being written to when the signal comes, as Python says it."""

    def say(self, said: object) -> None:
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    def ask(self, question: object, poll: object) -> str:
        raise AssertionError


def test_ctrl_c_in_the_middle_of_a_line_still_stops(capfd: pytest.CaptureFixture[str]) -> None:
    """Where the sentence cannot go through the stream, it goes past it; the run stops after the calls in flight."""
    interrupts = Interrupts()
    with interrupts.held(_Writing()):
        os.kill(os.getpid(), signal.SIGINT)
    assert interrupts.asked.is_set()
    assert "Stopping after the calls in flight" in capfd.readouterr().err
