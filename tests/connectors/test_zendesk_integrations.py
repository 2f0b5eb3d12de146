"""What was left behind is found, turned off by its switch alone, and read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import Action, BadAnswer, Driven, NotConfirmed, Refused, Response, UserId, drive
from irkit.connectors.zendesk import integrations, zendesk
from tests.connectors.zendesk_tenant import WEBHOOK, Desk, cursor

SINCE = datetime(2026, 3, 7, tzinfo=UTC)
RULE: dict[str, Any] = {"id": 8, "title": "Forward", "active": True, "created_at": "2025-01-01T00:00:00Z",
                        "updated_at": "2026-03-07T22:00:00Z", "conditions": {"all": [{}], "any": []},
                        "actions": [{"field": "notification_webhook", "value": ["01HX", "{}"]},
                                    {"field": "status", "value": "open"}]}
TARGET = {"id": 5, "title": "Mirror", "type": "url_target", "target_url": "https://x.example/in", "active": True,
          "created_at": "2026-03-07T22:00:00Z"}
APP = {"id": 42, "app_id": 913, "enabled": True, "created_at": "2026-03-07T22:00:00Z", "updated_at": "2026-03-07T22:00:00Z"}


@dataclass(frozen=True)
class Kind:
    noun: str
    param: str
    id: str
    path: str
    verb: str
    body: object            # what turns it off
    on: dict[str, Any]
    off: dict[str, Any]

    def disable(self, *looks: object) -> Driven:
        return self._drive("disable", *looks)

    def enable(self, *looks: object) -> Driven:
        return self._drive("enable", *looks)

    def _drive(self, verb: str, *looks: object) -> Driven:
        desk = Desk({f"GET {self.path}": looks, f"{self.verb} {self.path}": [Response(200, {}, b"{}")]})
        return drive(zendesk.actions[f"{verb}_{self.noun}"](**{self.param: self.id}), desk)


KINDS = [
    Kind("webhook", "webhook_id", "01HX", "/api/v2/webhooks/01HX", "PATCH", {"webhook": {"status": "inactive"}},
         {"webhook": WEBHOOK}, {"webhook": WEBHOOK | {"status": "inactive"}}),
    Kind("target", "target_id", "5", "/api/v2/targets/5", "PUT", {"target": {"active": False}},
         {"target": TARGET}, {"target": TARGET | {"active": False}}),
    Kind("trigger", "trigger_id", "8", "/api/v2/triggers/8", "PUT", {"trigger": {"active": False}},
         {"trigger": RULE}, {"trigger": RULE | {"active": False}}),
    Kind("automation", "automation_id", "8", "/api/v2/automations/8", "PUT", {"automation": {"active": False}},
         {"automation": RULE}, {"automation": RULE | {"active": False}}),
    Kind("app", "installation_id", "42", "/api/v2/apps/installations/42", "PUT", {"enabled": False},
         APP, APP | {"enabled": False}),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)


@each_kind
def test_turning_off_sends_the_switch_alone(kind: Kind) -> None:
    """Arrays are replaced by what is sent, so the body never holds more than the switch."""
    driven = kind.disable(kind.on, kind.off)
    (write,) = driven.writes
    assert (write.method, write.target, write.json) == (kind.verb, kind.path, kind.body)
    assert driven.result.active is False
    assert write.seen == kind.enable(kind.on).result


@each_kind
def test_what_is_already_so_is_left_alone(kind: Kind) -> None:
    """Either way round, nothing is sent."""
    assert kind.disable(kind.off).writes == []
    assert kind.enable(kind.on).writes == []


@each_kind
def test_a_switch_that_did_not_take_is_not_confirmed(kind: Kind) -> None:
    """200 is no proof; the second look is."""
    assert isinstance(kind.disable(kind.on).error, NotConfirmed)


@each_kind
@pytest.mark.parametrize("broken", [
    {}, [], None, {"thing": None}, {"thing": {"id": "other", "active": True, "status": "active"}}, {"thing": {"id": "5"}},
    {"id": "other", "enabled": True}, {"id": 42, "enabled": "yes"}])
def test_another_object_is_never_switched(kind: Kind, broken: Any) -> None:
    """An answer about another id, or that does not say whether it is active, ends the action before its write."""
    if isinstance(broken, dict) and "thing" in broken:
        broken = {kind.noun: broken["thing"]}
    driven = kind.disable(broken)
    assert isinstance(driven.error, BadAnswer)
    assert driven.writes == []


@each_kind
def test_turning_off_and_on_undo_each_other(kind: Kind) -> None:
    """Each names the other, and takes the same parameter."""
    disable, enable = zendesk.actions[f"disable_{kind.noun}"], zendesk.actions[f"enable_{kind.noun}"]
    assert (disable.undo, enable.undo) == (enable.full_name, disable.full_name)
    assert list(disable.params) == list(enable.params) == [kind.param]


@pytest.mark.parametrize("name", ["disable_webhook", "enable_webhook", "disable_app", "enable_app"])
def test_what_was_not_seen_on_a_live_tenant_says_so(name: str) -> None:
    """These two writes are known from client code alone, and their gate says it."""
    found: Action = zendesk.actions[name]
    assert "third-party clients send it" in found.unverified


def test_a_refused_switch_is_refused() -> None:
    """Zendesk's no comes through."""
    desk = Desk({"GET /api/v2/webhooks/01HX": [{"webhook": WEBHOOK}], "PATCH /api/v2/webhooks/01HX": [Response.of({}, 422)]})
    assert isinstance(drive(integrations.disable_webhook(webhook_id="01HX"), desk).error, Refused)


# -- lists ---------------------------------------------------------------------------------------------------------

def test_webhooks_the_account_made_or_changed_are_suspects() -> None:
    """By maker, by last change, or by age; where each one sends to stands in its name."""
    old = {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}
    other = WEBHOOK | old | {"created_by": "7"}
    rows = [WEBHOOK, other | {"id": "02", "updated_by": 3971}, other | {"id": "03"}]
    driven = drive(integrations.collect_webhooks(since=SINCE, user_id=UserId("3971")),
                   Desk({"GET /api/v2/webhooks": [cursor("webhooks", rows)]}))
    assert driven.result.suspect_ids == ("01HX", "02")
    assert "POST to https://collector.example/in" in driven.result.named[0]


def test_lists_that_can_bear_secrets_are_not_kept_whole() -> None:
    """Apps, webhooks and targets hold other systems' credentials."""
    for collect, path, key in ((integrations.collect_webhooks, "webhooks", "webhooks"),
                               (integrations.collect_targets, "targets", "targets"),
                               (integrations.collect_apps, "apps/installations", "installations")):
        (request,) = drive(collect(), Desk({f"GET /api/v2/{path}": [cursor(key, [])]})).requests
        assert request.secret
        assert not request.keep


@pytest.mark.parametrize(("collect", "key"), [
    (integrations.collect_triggers, "triggers"), (integrations.collect_automations, "automations")])
def test_rules_changed_in_the_window_are_suspects_and_say_what_they_do(collect: Action, key: str) -> None:
    """A rule that notifies a webhook is what an intruder leaves behind."""
    rows = [RULE, RULE | {"id": 9, "updated_at": "2025-01-01T00:00:00Z"}]
    driven = drive(collect(since=SINCE), Desk({f"GET /api/v2/{key}": [cursor(key, rows)]}))
    assert driven.result.suspect_ids == ("8",)
    assert driven.result.items[0].detail == "notification_webhook 01HX; status open"
    assert driven.requests[0].keep == key


def test_targets_and_apps_made_in_the_window_are_suspects() -> None:
    """By age; neither says who made it."""
    targets = drive(integrations.collect_targets(since=SINCE),
                    Desk({"GET /api/v2/targets": [{"targets": [TARGET], "next_page": None, "count": 1}]}))
    assert targets.result.named == (
        'target 5 "Mirror", url_target, sends to https://x.example/in, created 2026-03-07T22:00:00Z',)
    apps = drive(integrations.collect_apps(since=SINCE), Desk({"GET /api/v2/apps/installations": [{"installations": [APP]}]}))
    assert apps.result.suspect_ids == ("42",)


@pytest.mark.parametrize("odd", [
    {"actions": None}, {"actions": [None, 7, {"field": 3, "value": []}]}, {"title": None, "active": "yes"},
    {"updated_at": 10**40}])
def test_odd_rules_are_listed(odd: dict[str, Any]) -> None:
    """A field of another type leaves the list readable."""
    driven = drive(integrations.collect_triggers(since=SINCE),
                   Desk({"GET /api/v2/triggers": [cursor("triggers", [RULE | odd])]}))
    assert driven.result.count == 1


def test_invocations_of_a_webhook_are_kept() -> None:
    """They prove what left, and when."""
    rows = [{"id": ident, "latest_completed_at": f"2026-03-07T22:{ident}:00Z"} for ident in ("10", "00")]
    path = "GET /api/v2/webhooks/01HX/invocations"
    kept = drive(integrations.collect_webhook_invocations(webhook_id="01HX"),
                 Desk({path: [cursor("invocations", rows)]})).result
    assert (kept.rows, kept.first, kept.last, kept.complete) == (2, "2026-03-07T22:00:00Z", "2026-03-07T22:10:00Z", True)


def test_sharing_agreements_say_with_whom_and_which_way() -> None:
    """One made or changed in the window is a suspect; one that was never accepted is off."""
    old = {"id": 1, "name": "Carrier", "type": "outbound", "status": "accepted", "remote_subdomain": "carrier",
           "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}
    rows = [old, old | {"id": 2, "name": "Mirror", "remote_subdomain": "acme-help", "created_at": "2026-03-07T22:00:00Z"},
            old | {"id": 3, "status": "pending", "type": "inbound", "remote_subdomain": None, "partner_name": "jira"},
            {"id": 4, "name": None, "type": 7, "status": None}]
    driven = drive(integrations.collect_sharing_agreements(since=SINCE),
                   Desk({"GET /api/v2/sharing_agreements": [{"sharing_agreements": rows}]}))
    assert driven.result.suspect_ids == ("2",)
    assert driven.result.named[0].startswith('sharing agreement 2 "Mirror", outbound, with acme-help, accepted, created 2026')
    assert [item.active for item in driven.result.items] == [True, True, False, None]
    assert driven.result.items[2].detail == "inbound, with jira, pending"
    assert driven.requests[0].keep == "sharing_agreements"
