"""A connector's judgement of answers, its own rate limits, and uploads, in the engine's hands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from irkit.action import ActionError, BadAnswer, NoAnswer, Outgoing, Request, Response, Throttled, artefact, setting
from irkit.engine.outcome import Done, Failed, Unknown
from irkit.engine.transfer import Transfer
from irkit.errors import Refused
from tests.engine.demo import Desk, Tenant, demo


def judge(request: Request, response: Response) -> ActionError | None:
    try:
        code = response.json.get("error")
    except (BadAnswer, AttributeError):
        return None
    kinds: dict[str, Callable[[], ActionError]] = {
        "slow": lambda: Throttled("slow down", status=response.status, wait=9.0),
        "internal_error": lambda: NoAnswer("internal_error", status=response.status),
        "no": lambda: Refused("no", status=response.status)}
    return kinds[code]() if code in kinds else None


class Sulky(Tenant):
    """Says `code` with `status` to the first `times` requests of that method, which take no effect."""

    def sulk(self, method: str, status: int, code: str, times: int) -> Sulky:
        answer, left = self.answer, [times]

        def sulky(outgoing: Outgoing) -> tuple[int, object]:
            if outgoing.method == method and left[0] > 0:
                left[0] -= 1
                return status, {"ok": False, "error": code}
            return answer(outgoing)
        self.answer = sulky                  # type: ignore[method-assign]
        return self


@pytest.fixture(autouse=True)
def _judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "judge", judge)


@pytest.mark.parametrize("status", [200, 403])
def test_slow_down_in_whatever_words_is_asked_again(tmp_path: Path, status: int) -> None:
    """A write, too: nothing was done. The wait is the judge's."""
    desk = Desk(tmp_path / "i", Sulky().sulk("PUT", status, "slow", 2))
    began = desk.ctx.clock.now()
    assert isinstance(desk.send("turn_on").outcome, Done)
    assert desk.tenant.asked.count("PUT /flag") == 3
    assert (desk.ctx.clock.now() - began).total_seconds() == 18


def test_a_read_told_to_slow_down_is_asked_again(tmp_path: Path) -> None:
    """As after a 429."""
    desk = Desk(tmp_path / "i", Sulky().sulk("GET", 403, "slow", 1))
    assert isinstance(desk.send("turn_on").outcome, Done)


def test_a_200_that_says_no_is_a_failure(tmp_path: Path) -> None:
    """And is not sent again."""
    desk = Desk(tmp_path / "i", Sulky().sulk("PUT", 200, "no", 9))
    assert isinstance(desk.send("turn_on").outcome, Failed)
    assert desk.tenant.asked.count("PUT /flag") == 1


def test_a_200_that_may_have_happened_is_unknown(tmp_path: Path) -> None:
    """Nor is this."""
    desk = Desk(tmp_path / "i", Sulky().sulk("PUT", 200, "internal_error", 9))
    assert isinstance(desk.send("turn_on").outcome, Unknown)
    assert desk.tenant.asked.count("PUT /flag") == 1


def test_a_page_that_is_an_error_is_not_kept(tmp_path: Path) -> None:
    """A 200 with an error in it is no page of the collection; its bytes stand in the ledger instead."""
    name = next(name for name in demo.actions if "log" in name or "collect" in name)
    desk = Desk(tmp_path / "i", Sulky().sulk("GET", 200, "slow", 1))
    assert isinstance(desk.perform(name).outcome, Done)
    kept = [(desk.folder / "artifacts" / e.disclosed["artefact.sha256"]).read_bytes() for e in desk.entries("artefact.added")]
    assert kept
    assert not any(b"slow" in raw for raw in kept)


def test_what_this_machine_knows_is_told_without_a_request(tmp_path: Path) -> None:
    """An artefact by hash or name; what is not there is an ActionError."""
    desk = Desk(tmp_path / "i", Tenant())
    kept = desk.ctx.ledger.keep("log.json", b"evidence", run="r1")
    transfer = Transfer(desk.ctx, "a", None, "demo", None, quiet=True)
    for which in (kept.sha256, "log.json"):
        assert transfer.known(next(artefact(which))).json == {       # type: ignore[arg-type]
            "sha256": kept.sha256, "size": 8, "name": "log.json"}
    for asked in (next(artefact("other.json")), next(setting("flavour"))):
        with pytest.raises(ActionError):
            transfer.known(asked)      # type: ignore[arg-type]
    assert desk.tenant.asked == []
