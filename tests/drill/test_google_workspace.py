"""The Google Workspace runbook on its two tracks: in order, with a quota and a lost answer; and at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.drill import test_shipped
from tests.drill.test_shipped import Played

NAME = "consent_friday_evening"


def played(folder: Path, monkeypatch: pytest.MonkeyPatch, **answers: object) -> Iterator[Played]:
    """The scenario with other answers to some of its prompts."""
    scenario = test_shipped.shipped(NAME)
    changed = replace(scenario, answers={**scenario.answers, **answers})
    monkeypatch.setattr(test_shipped, "shipped", lambda name: changed)
    game = Played(NAME, folder)
    yield game
    game.close()


@pytest.fixture
def in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    yield from played(tmp_path, monkeypatch)


@pytest.fixture
def at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    yield from played(tmp_path, monkeypatch, track={"choice": "fast", "reason": "Files are leaving now."},
                      suspend_now=["yes", {"look_again": "yes"}], codes_later={"type": "phrase"})


def states(game: Played) -> dict[str, str]:
    return {step.id: step.state for step in game.session.run.steps.values()}


def test_quotas_and_a_lost_answer_are_lived_through(in_order: Played) -> None:
    """Two 403s and a 503 are waited out; the suspension whose answer was lost is settled by a look, and sent once."""
    entries = list(in_order.ledger.entries())
    refused = [(entry.step, entry.data.get("status")) for entry in entries if entry.data.get("status") in (403, 503)]
    assert refused == [("keep_tokens", 403)] * 2 + [("keep_sign_ins", 503)]
    assert [entry.step for entry in entries if entry.kind == "step.unknown"] == ["suspend"]
    assert len([entry for entry in entries if entry.kind == "request.sending" and entry.step == "suspend"]) == 1
    assert states(in_order)["suspend"] == "done"


def test_in_order_every_way_in_is_gone_before_the_account_is_suspended(in_order: Played) -> None:
    """App passwords, backup codes, tokens, cookies, suspension; the account is given back after the watch."""
    first = {step.id: step.at for step in in_order.session.run.steps.values()}
    order = ["keep_app_passwords", "delete_app_passwords", "invalidate_codes", "delete_tokens", "sign_out", "suspend",
             "tokens_again", "watch_tokens", "unsuspend", "late_sign_ins", "review"]
    assert [first[one] for one in order] == sorted(at for one in order if (at := first[one]))
    assert states(in_order)["codes_later"] == "not_needed"


def test_at_once_the_account_is_suspended_first_and_the_backup_codes_wait(at_once: Played) -> None:
    """The lists are kept before; tokens that it took need no deleting, app passwords do; the codes go once it is back."""
    found = states(at_once)
    assert {step for step, state in found.items() if state not in ("done", "by_hand", "not_needed")} == set()
    assert (found["suspend"], found["invalidate_codes"]) == ("not_needed", "not_needed")
    assert (found["suspend_now"], found["codes_later"]) == ("done", "done")
    sent = [entry.step for entry in at_once.ledger.entries() if entry.kind == "request.sending"]
    assert sent[0] == "suspend_now"
    assert list(dict.fromkeys(sent))[1:3] == ["delete_app_passwords", "sign_out"]
    assert sent[-1] == "codes_later"
    assert at_once.perform.worlds["google_workspace"].tenant.codes[    # type: ignore[attr-defined]
        at_once.perform.worlds["google_workspace"].samples()["user_id"]] == []


def test_where_nobody_can_tell_the_provider_is_contained_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown is not "at Google": somebody sees to the identity provider, or says that there is none."""
    for game in played(tmp_path, monkeypatch, sign_in_at={"choice": "unknown", "reason": "The log was not kept."},
                       provider_first={"by_hand": "Okta has no Dana.", "attach": "text:Search in Okta, 16:58Z", "who": "Ada"}):
        assert states(game)["provider_first"] == "by_hand"
