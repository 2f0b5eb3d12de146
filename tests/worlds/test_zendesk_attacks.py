"""Attacks leave traces that the connector's own checks find, and an account without one has none."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import UserId
from irkit.worlds import World
from tests.worlds.helpers import START, Asked, Clock, get, make, play, user
from tests.worlds.test_zendesk_lists import follow

SINCE = START - timedelta(days=3)
ATTACKS = {"bulk_export": "dana@example.org", "admin_takeover": "wei@example.org", "api_token_leak": "dana@example.org"}
EVERY = (*ATTACKS, "stale_integration", "settings_takeover", "token_spree", "har_harvest", "vendor_team")
SUBJECTS = {**ATTACKS, "settings_takeover": "wei@example.org"}
FAR = "203.0.113.77"


def collect(world: World, name: str, **args: object) -> Any:
    driven = play(connectors.find_action(f"zendesk.{name}")(**args), Asked(world))
    assert driven.error is None
    return driven.result


def staged(attack: str) -> tuple[World, UserId]:
    world = make(clock=Clock(), attack=attack, limits=False)
    return world, UserId(str(user(world, SUBJECTS.get(attack, "dana@example.org"))["id"]))


LISTS = ("webhooks", "triggers", "automations", "targets", "apps", "oauth_clients", "admins", "deleted_tickets")


def found(world: World, subject: UserId) -> set[str]:
    """What the lists show as new within three days."""
    new = {name for name in LISTS if collect(world, f"collect_{name}", since=SINCE).recent_ids}
    tokens = collect(world, "collect_oauth_tokens", user_id=subject).suspects
    identities = collect(world, "collect_identities", user_id=subject).suspects
    return new | ({"oauth_tokens"} if any(t.since(SINCE) and t.created_at > SINCE.isoformat() for t in tokens) else set()) | (
        {"identities"} if identities else set())


@pytest.mark.parametrize(("attack", "traces"), [
    ("", set()),
    ("bulk_export", {"triggers", "oauth_clients", "oauth_tokens", "identities"}),
    ("admin_takeover", {*LISTS, "oauth_tokens", "identities"}),
    ("api_token_leak", set()), ("stale_integration", set()), ("token_spree", set()),
    ("har_harvest", set()), ("vendor_team", {"triggers", "oauth_clients"}),
    ("settings_takeover", {"webhooks", "triggers", "oauth_clients", "oauth_tokens", "identities"})])
def test_what_an_attack_leaves_in_the_account(attack: str, traces: set[str]) -> None:
    """Only what was planted is new; an account that was not attacked has nothing new at all."""
    assert found(*staged(attack)) == traces


def test_a_bulk_export_is_in_both_logs() -> None:
    """A sign-in and an export from far away, hundreds of bulk reads and attachments, under a session."""
    world, subject = staged("bulk_export")
    access = collect(world, "collect_access_log", since=SINCE, user_id=subject)
    assert access.bulk > 250
    assert any(line.startswith(FAR) for line in access.addresses)
    assert access.sign_ins[0].startswith("session")
    audit = collect(world, "collect_audit_log", since=SINCE, actor_id=subject)
    assert any("exported" in line for line in audit.exports)
    assert any(line.startswith(FAR) for line in audit.addresses)
    sessions = collect(world, "collect_sessions", user_id=subject).items
    assert any(datetime.fromisoformat(session.used_at) > START - timedelta(hours=1) for session in sessions)


def test_a_takeover_names_its_maker() -> None:
    """The webhook bears who made it and has sent; the audit log has the client, the rules, the promotion, the deletions."""
    world, subject = staged("admin_takeover")
    hook, = collect(world, "collect_webhooks", user_id=subject).suspects
    assert "attacker.example" in hook.detail
    assert collect(world, "collect_webhook_invocations", webhook_id=hook.id).rows > 100
    audit = collect(world, "collect_audit_log", since=SINCE, actor_id=subject)
    assert dict(line.split(": ") for line in audit.actions) == {
        "destroy": "12", "create": "6", "update": "2", "exported": "1", "login": "1"}
    trigger, = [r for r in get(world, "/triggers")["triggers"] if r["created_at"] > SINCE.isoformat()]
    assert trigger["actions"][0]["value"][0] == hook.id
    assert get(world, f"/triggers/{trigger['id']}/revisions")["users"][0]["id"] == int(subject)
    settings = collect(world, "collect_security_settings")
    assert settings.ip_restriction_enabled is False
    assert len(collect(world, "collect_deleted_tickets", since=SINCE, actor_id=subject).suspects) == 12


def test_a_leaked_api_token_shows_without_a_sign_in() -> None:
    """Basic requests from far away, replies to customers through the API, a token used today; no sign-in, no new session."""
    world, subject = staged("api_token_leak")
    access = collect(world, "collect_access_log", since=SINCE, user_id=subject)
    assert any(line.startswith("basic") for line in access.sign_ins)
    assert any(line.startswith(FAR) for line in access.addresses)
    used = collect(world, "collect_api_tokens", since=START - timedelta(hours=1)).suspects
    assert [token.title for token in used] == ["Nightly export"]
    events = collect(world, "collect_ticket_events", actor_id=subject, since=SINCE)
    assert "api: 25" in events.channels
    assert events.public_comments >= 25
    audit = collect(world, "collect_audit_log", since=SINCE, actor_id=subject)
    assert not any(line.startswith(FAR) for line in audit.addresses)


def test_the_subject_can_be_named() -> None:
    """The option `subject` makes the attack happen to that address, which comes to exist."""
    world = make(attack="bulk_export", subject="kim@vendor.example")
    kim = user(world, "kim@vendor.example")
    assert get(world, f"/audit_logs?filter[actor_id]={kim['id']}&filter[action]=exported")["audit_logs"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_needs_no_people(attack: str) -> None:
    """Without a scenario's people it happens to somebody of the right role, not to the owner and not to irkit."""
    world = make(people=(), attack=attack)
    rows = get(world, f"/access_logs?page[size]=2500&filter[start]={SINCE:%Y-%m-%dT%H:%M:%SZ}")["access_logs"]
    victims = {row["user_id"] for row in rows if row["ip_address"] == FAR}
    assert len(victims) == 1
    someone = get(world, f"/users/{victims.pop()}")["user"]
    assert someone["role"] == ("admin" if attack == "admin_takeover" else "agent")
    assert someone["email"] not in ("owner@northwind.example", "ir-break-glass@northwind.example")


@pytest.mark.parametrize("attack", ATTACKS)
def test_traces_lie_in_the_days_before(attack: str) -> None:
    """Nothing is dated after the moment at which the attack was noticed."""
    world, _ = staged(attack)
    for path, key, field in (("/access_logs?page[size]=2500", "access_logs", "timestamp"),
                             ("/audit_logs?page[size]=100", "audit_logs", "created_at"),
                             ("/sessions", "sessions", "last_seen_at")):
        assert all(datetime.fromisoformat(row[field]) <= START for row in get(world, path)[key])


@pytest.mark.parametrize("attack", EVERY)
def test_nobody_reads_from_afar_while_the_addresses_are_restricted(attack: str) -> None:
    """What both logs have from outside the ranges came after the restriction was off; where it is on, there is nothing."""
    world, _ = staged(attack)
    settings = collect(world, "collect_security_settings")
    inside = ipaddress.ip_network(settings.ip_ranges)
    audit = [row for page in follow(world, "/audit_logs?page[size]=100") for row in page["audit_logs"]]
    seen = [(row["ip_address"], row["created_at"]) for row in audit] + [
        (row["ip_address"], row["timestamp"]) for page in follow(world, "/access_logs?page[size]=2500")
        for row in page["access_logs"]]
    far = [at for address, at in seen if ipaddress.ip_address(address) not in inside]
    lifted = [row["created_at"] for row in audit if row["change_description"] == "IP restriction changed from on to off"]
    assert far
    assert settings.ip_restriction_enabled is False
    assert bool(lifted) is (attack in ("admin_takeover", "settings_takeover"))
    assert all(at < min(far) for at in lifted)


def test_an_account_that_was_not_attacked_restricts_its_addresses() -> None:
    """Nothing in it comes from outside."""
    world, _ = staged("")
    assert collect(world, "collect_security_settings").ip_restriction_enabled is True
    assert all(line.startswith("198.51.100.") for line in collect(world, "collect_access_log", since=SINCE).addresses)


def test_a_retired_apps_token_is_old_and_was_used_today() -> None:
    """Nothing is new: the client made by whoever connected it leads to its tokens, and the last use stands out."""
    world, subject = staged("stale_integration")
    client, = collect(world, "collect_oauth_clients", user_id=subject).suspects
    tokens = collect(world, "collect_oauth_tokens", client_ids=[client.id]).suspects
    assert client.title == "Chat companion"
    assert sorted(token.used_at > SINCE.isoformat() for token in tokens) == [False, True]
    assert all(token.created_at < SINCE.isoformat() for token in tokens)
    reads = collect(world, "collect_access_log", since=START - timedelta(days=11), user_id=subject)
    assert reads.bulk > 200
    assert any(line.startswith(FAR) for line in reads.addresses)
    assert any("chat-companion" in line for line in reads.clients)
    assert sum("bearer" in line for line in collect(world, "collect_reads", since=START - timedelta(days=11), addresses=[FAR]
                                                    ).sign_ins) == 1


def test_a_quiet_takeover_raises_an_old_account_and_adds_an_address() -> None:
    """The list of administrators alone shows nobody new; the change of role, the address and the settings are there to find."""
    world, _ = staged("settings_takeover")
    assert collect(world, "collect_admins", since=SINCE).suspects == ()
    raised, = collect(world, "collect_role_changes", since=SINCE).suspects
    assert raised.id in {item.id for item in collect(world, "collect_admins").items}
    assert [item.title for item in collect(world, "collect_support_addresses", since=SINCE).suspects] == [
        "care@northwind-care.attacker.example"]
    assert len(collect(world, "collect_custom_roles", since=SINCE).suspects) == 1
    settings = collect(world, "collect_security_settings")
    assert (settings.enforce_sso, settings.zendesk_login, settings.ip_restriction_enabled) == (False, True, False)


def test_an_administrator_whom_the_intruder_made_is_a_new_agent() -> None:
    """The list of users has it, though the audit log does not; in an account without an attack nobody is new."""
    world, _ = staged("admin_takeover")
    new, = collect(world, "collect_agents", since=SINCE).suspects
    assert (new.kind, new.title) == ("admin", "Support Sync <svc-sync@mailbox.attacker.example>")
    quiet, _ = staged("")
    assert collect(quiet, "collect_agents", since=SINCE).suspects == ()


def test_an_account_has_deleted_users_and_shares_tickets_of_old() -> None:
    """Something to compare with: nothing of it is new."""
    world, _ = staged("")
    deleted = collect(world, "collect_deleted_users", since=SINCE)
    assert (deleted.rows, deleted.deleted) == (4, 0)
    assert collect(world, "collect_deleted_users", since=START - timedelta(days=365)).deleted == 3
    shared = collect(world, "collect_sharing_agreements", since=SINCE)
    assert ([item.active for item in shared.items], shared.suspects) == ([True, False], ())


def test_a_token_is_used_under_many_names() -> None:
    """Replies in four names through the API; a client of years whose second token nobody used for a year."""
    world, _ = staged("token_spree")
    replies = collect(world, "collect_replies", since=SINCE)
    assert (replies.replies, len(replies.authors)) == (36, 4)
    assert replies.hosts == ("refund-northwind.attacker.example: 36",)
    stale = collect(world, "collect_oauth_tokens", unused_since=START - timedelta(days=365)).suspects
    assert [token.used_at < (START - timedelta(days=365)).isoformat() for token in stale] == [True]
    assert len(collect(world, "collect_reads", since=SINCE, addresses=[FAR]).user_ids) == 4


def test_a_harvest_shows_its_loot_and_the_second_account() -> None:
    """Tickets by number, sessions and keys by name, searches by word; the address leads to a colleague's account."""
    world, subject = staged("har_harvest")
    reads = collect(world, "collect_reads", since=SINCE, user_ids=[subject], addresses=[FAR])
    assert len(reads.tickets) > 20
    assert {"team.kdbx", "deploy.pem", "session-3.har"} < set(reads.credentials)
    assert any(line.startswith("BEGIN PRIVATE KEY") for line in reads.searches)
    assert len(reads.others) == 1
    assert reads.sign_ins[0].startswith("session: ")
    assert 0 < collect(world, "count_requesters", ticket_ids=list(reads.tickets)).people <= len(reads.tickets)


def test_an_outsourced_team_is_neither_its_group_nor_its_domain_alone() -> None:
    """The group holds a private address, the domain somebody in no group; only both together are the team."""
    world, _ = staged("vendor_team")
    group = "Partner tier 1"
    sizes = [len(collect(world, "collect_agents", **args).suspects) for args in (
        {"group": group}, {"domain": "contact-partner.example"}, {"domain": "contact-partner.example", "group": group})]
    assert sizes == [7, 6, 8]
