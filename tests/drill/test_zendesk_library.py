"""What the drills of Zendesk leave in the simulated account: nothing that lets the intruder back, and two hours well filled."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from irkit.worlds.zendesk import Zendesk
from irkit.worlds.zendesk.state import BREAK_GLASS, FAR, Tenant
from tests.drill.test_shipped import Played, shipped

LONG = ("long_shift", "nights_of_a_supplier")
NAMES = ("quiet_administrator", "refund_lure", "sessions_in_files", "eight_at_once", *LONG)


def tenant(game: Played) -> Tenant:
    world = game.perform.worlds["zendesk"]
    assert isinstance(world, Zendesk)
    return world.tenant


def sessions(account: Tenant, users: set[int]) -> list[Any]:
    return [session for session in account.sessions.values() if session["user_id"] in users]


def foreign(account: Tenant) -> list[str]:
    """What is on and sends to the intruder."""
    shelves = (account.webhooks, account.triggers, account.automations, account.targets)
    return [str(thing["id"]) for shelf in shelves for thing in shelf.values()
            if "attacker.example" in str(thing) and (thing.get("active") is True or thing.get("status") == "active")]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_on_sends_to_the_intruder(name: str, played: dict[str, Played]) -> None:
    """Webhooks, triggers, automations and targets to the intruder's hosts are off, and their clients hold no token."""
    account = tenant(played[name])
    clients = {client["id"] for client in account.clients.values() if "attacker.example" in str(client)}
    assert foreign(account) == []
    assert [token for token in account.tokens.values() if token["client_id"] in clients] == []


def test_the_raised_account_is_an_agent_again(played: dict[str, Played]) -> None:
    """The one account that was raised is suspended, signed out and no administrator; two administrators are left at least."""
    account = tenant(played["quiet_administrator"])
    raised, = played["quiet_administrator"].session.run.step("keep_raised").result["suspect_ids"]
    user = account.users[raised]
    assert (user["role"], user["suspended"], sessions(account, {user["id"]})) == ("agent", True, [])
    assert len([u for u in account.users.values() if u["role"] == "admin" and not u["suspended"]]) >= 2


def test_the_planted_administrator_is_shut_altogether(played: dict[str, Played]) -> None:
    """Made by the intruder, it is suspended, signed out and an end user, and holds no OAuth token."""
    account = tenant(played["long_shift"])
    made, = played["long_shift"].session.run.step("keep_admins").result["suspect_ids"]
    user = account.users[made]
    assert (user["name"], user["role"], user["suspended"]) == ("Support Sync", "end-user", True)
    assert sessions(account, {user["id"]}) == []
    assert [token for token in account.tokens.values() if token["user_id"] == user["id"]] == []


def test_who_was_raised_is_read_before_anybody_of_ours_is(played: dict[str, Played]) -> None:
    """The second administrator, made by hand, is not among those whom the next gates suspend."""
    run = played["quiet_administrator"].session.run
    read, made = run.step("keep_raised"), run.step("second_admin")
    assert made.state == "by_hand"
    assert read.entry < made.entry


def test_the_tokens_that_nobody_used_are_gone(played: dict[str, Played]) -> None:
    """The stale ones are revoked, irkit's own is not."""
    account = tenant(played["refund_lure"])
    assert [t for t in account.tokens.values() if t["used_at"] < "2026-04-01"] == []
    assert account.known(BREAK_GLASS)["id"] in {t["user_id"] for t in account.tokens.values()}


def test_whoever_read_from_the_same_address_is_shut_too(played: dict[str, Played]) -> None:
    """The colleague's account is found by the address alone; at the end it is suspended and has no session."""
    game = played["sessions_in_files"]
    account, reads = tenant(game), game.session.run.step("keep_reads").result
    second = [account.users[user] for user in reads["user_ids"] if account.users[user]["email"] != "jonna@example.org"]
    assert any(line.startswith(FAR) for line in reads["addresses"])
    assert [user["suspended"] for user in second] == [True]
    assert sessions(account, {user["id"] for user in second}) == []


@pytest.mark.parametrize("name", ["eight_at_once", "nights_of_a_supplier"])
def test_nobody_of_the_supplier_is_left_in(name: str, played: dict[str, Played]) -> None:
    """All eight are suspended and signed out, the private address and the one in no group too; nobody else is."""
    account = tenant(played[name])
    team = [u for u in account.users.values() if "contact-partner" in u["email"] or u["email"] == "finn.hale@mail.example"]
    team = [u for u in team if u["role"] != "end-user"]
    assert [u["suspended"] for u in team] == [True] * 8
    assert sessions(account, {u["id"] for u in team}) == []
    assert len([u for u in account.users.values() if u["suspended"]]) == 9      # the one who was so from the start


@pytest.mark.parametrize("name", LONG)
def test_a_long_drill_lasts_two_hours(name: str, played: dict[str, Played]) -> None:
    """By its own script, with a dozen injects, some of them in the second hour."""
    game = played[name]
    assert game.clock.now() - game.scenario.starts >= timedelta(hours=2)
    assert len(game.scenario.injects) >= 12
    assert any(inject.at and inject.at > timedelta(minutes=90) for inject in game.scenario.injects)


@pytest.mark.parametrize("name", LONG)
def test_the_vendor_fails_in_the_middle(name: str, played: dict[str, Played]) -> None:
    """Every fault bites, as often as it was planned; an answer that was lost leaves an unknown that a look settles."""
    game = played[name]
    assert game.perform.faults.left == ()
    kinds = {(entry.kind, entry.step) for entry in game.ledger.entries()}
    assert ("step.unknown", "end_sessions" if name == "long_shift" else "suspend_team") in kinds


def test_a_lure_alone_is_put_to_the_authority(tmp_path: Path) -> None:
    """Replies in our name are a breach though no log shows a read: the 72 hours are met, and not closed as not needed."""
    scenario = shipped("refund_lure")
    said = {**scenario.answers, "exported": {"choice": "no", "reason": "The kept log shows no read from the address."}}
    game = Played("refund_lure", tmp_path, replace(scenario, answers=said))
    game.close()
    run = game.session.run
    assert (run.step("sent").result["choice"], run.step("exported").result["choice"]) == ("yes", "no")
    assert run.step("notify_authority").state == "by_hand"
    assert "gdpr_33" in run.met


def test_a_plan_without_the_log_is_never_quiet(tmp_path: Path) -> None:
    """Nobody counts, the app has not stopped as far as anybody knows, and the authority hears that it cannot be told."""
    scenario = shipped("retired_chat_app")
    said = {**scenario.answers, "requesters": {"needed": "no", "reason": "There is no log to count from."},
            "stopped": {"choice": "no", "reason": "There is no access log on this plan."},
            "stop_again": {"by_hand": "Read the last uses every hour", "attach": "text:Readings until 20:00Z", "who": "Tom"},
            "exported": {"choice": "unknown", "reason": "There is no access log on this plan."}}
    worlds = {**scenario.worlds, "zendesk": {**scenario.worlds["zendesk"], "adpp": False}}
    game = Played("retired_chat_app", tmp_path, replace(scenario, worlds=worlds, answers=said))
    game.close()
    states = {step.id: step.state for step in game.session.run.steps.values()}
    assert {step for step, state in states.items() if state == "unavailable"} == {"reads_again", "keep_reads", "keep_all_reads"}
    assert (states["requesters"], states["stop_again"], states["notify_authority"]) == ("not_needed", "by_hand", "by_hand")


def test_a_marketplace_apps_tokens_are_revoked_whoever_let_it_in(tmp_path: Path) -> None:
    """Its client is its maker's, and each person who let it in has a token: all of them go, and no other marketplace app's."""
    plain = shipped("retired_chat_app")
    game = Played("retired_chat_app", tmp_path, replace(plain, inputs={**plain.inputs, "market_name": "for iOS"}))
    account, run = tenant(game), game.session.run
    phones, = (client for client, data in account.global_clients.items() if "iOS" in data["name"])
    revoked = {item["id"] for item in run.step("keep_tokens").result["suspects"] if "for iOS" in item["title"]}
    game.close()
    assert run.step("keep_global").result["suspect_ids"] == [phones]
    assert len(revoked) > 1
    assert not [token for token in account.tokens.values() if str(token["client_id"]) == phones]
