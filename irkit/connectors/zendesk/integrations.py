"""What goes on acting after its maker is gone: apps, webhooks, targets, triggers, automations, addresses, agreements.

Turning one off sends its switch alone. A rule's arrays are replaced by what is sent, and touching one condition of an
automation clears the rest, so nothing else is ever in the body; the whole object as it was stands in the kept list and look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from irkit.action import (
    GET,
    PATCH,
    PUT,
    BadAnswer,
    Collection,
    Effect,
    Item,
    Listing,
    Record,
    Request,
    Steps,
    UserId,
    flag,
    ident,
    one,
    words,
)
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import Tally, items, listed, walk

# Keys whose values can be live secrets in these objects.
APP_SECRETS = ("settings", "settings_objects", "setting_objects")      # apps are in no specification: either spelling
WEBHOOK_SECRETS = ("authentication", "signing_secret", "custom_headers")
TARGET_SECRETS = ("password", "token", "api_token", "api_key", "secret")

MOST_WORDS = 200    # of what a rule does, in a list


class Switch(Record, frozen=True):
    """One thing that can be turned off, as it was or is now. `updated_at` moves when somebody edits it."""

    id: str
    title: str
    detail: str
    active: bool
    updated_at: str


class _Kind(Struct, frozen=True):
    """How one kind of thing is read and switched."""

    noun: str
    path: str
    key: str                                         # the object's key in answers; "" where the answer is the object
    make: Callable[[Mapping[str, Any]], Item]
    body: Callable[[bool], object]
    verb: Callable[..., Request] = PUT
    secret: tuple[str, ...] = ()


def _look(kind: _Kind, thing_id: str) -> Steps[Switch]:
    answer = yield GET(kind.path, thing_id, secret=kind.secret)
    data = one(answer, kind.key, thing_id) if kind.key else answer.json
    item = kind.make(data if isinstance(data, dict) else {})
    if item.id != thing_id or item.active is None:
        raise BadAnswer(f"{kind.noun} {thing_id} was asked for; what came does not say which it is, or whether it is active")
    return Switch(item.id, item.title, item.detail, item.active, item.updated_at)


def _turn(kind: _Kind, thing_id: str, active: bool) -> Steps[Switch]:
    before = yield from _look(kind, thing_id)
    if before.active is active:
        return before
    told = f'{before.id} "{before.title}"' + (f", {before.detail}" if before.detail else "")
    yield kind.verb(kind.path, thing_id, json=kind.body(active), secret=kind.secret, seen=before, affects=[told],
                    noun=kind.noun)
    after = yield from _look(kind, thing_id)
    return after.require(active=active)


# -- webhooks ------------------------------------------------------------------------------------------------------

def _webhook(data: Mapping[str, Any]) -> Item:
    status = words(data.get("status"))
    return Item(ident(data.get("id")), "webhook", words(data.get("name")),
                f"{words(data.get('http_method')) or 'sends'} to {words(data.get('endpoint')) or 'nowhere stated'}",
                ident(data.get("created_by")), {"active": True, "inactive": False}.get(status),
                words(data.get("created_at")), words(data.get("updated_at")))


_WEBHOOK = _Kind("webhook", "/api/v2/webhooks/{}", "webhook", _webhook,
                 lambda on: {"webhook": {"status": "active" if on else "inactive"}}, PATCH, WEBHOOK_SECRETS)
_PATCH = "whether Zendesk takes a PATCH of a webhook's status alone; third-party clients send it"


@zendesk.action(Effect.READ)
def collect_webhooks(since: datetime | None = None, user_id: UserId | None = None) -> Steps[Listing]:
    """Keep the list of webhooks.

    Source: developer.zendesk.com, Webhooks, List Webhooks. Needs an administrator. Suspects are those made or changed since
    `since`, and those that `user_id` made or last changed. Authentication and headers are removed: they bear live secrets.
    """
    touched: set[str] = set()

    def make(data: Mapping[str, Any]) -> Item:
        item = _webhook(data)
        if user_id is not None and user_id in (item.owner, ident(data.get("updated_by"))):
            touched.add(item.id)
        return item

    found, done = yield from items(listed("/api/v2/webhooks", secret=WEBHOOK_SECRETS), "webhooks", make)
    return Listing.of(found, done.complete, done.notes, since=since,
                      suspect=lambda item: item.id in touched or item.since(since))


@zendesk.action(Effect.READ)
def collect_webhook_invocations(webhook_id: str) -> Steps[Collection]:
    """Keep what a webhook has sent.

    Source: developer.zendesk.com, Webhooks, List Webhook Invocations. Needs an administrator. Proves that data left, to where
    and when; Zendesk keeps invocations for a limited time that it does not state.
    """
    tally = Tally("webhook_invocations", "latest_completed_at", None)
    done = yield from walk(listed("/api/v2/webhooks/{}/invocations", webhook_id, keep="webhook_invocations"), "invocations",
                           tally.add)
    return tally.collection(done)


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.enable_webhook", unverified=_PATCH)
def disable_webhook(webhook_id: str) -> Steps[Switch]:
    """Turn a webhook off.

    Source: developer.zendesk.com, Webhooks, Patch Webhook. Needs an administrator. Triggers that call it fail quietly.
    """
    return (yield from _turn(_WEBHOOK, webhook_id, False))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.disable_webhook", unverified=_PATCH)
def enable_webhook(webhook_id: str) -> Steps[Switch]:
    """Turn a webhook back on.

    Source: developer.zendesk.com, Webhooks, Patch Webhook. Needs an administrator.
    """
    return (yield from _turn(_WEBHOOK, webhook_id, True))


# -- targets -------------------------------------------------------------------------------------------------------

def _target(data: Mapping[str, Any]) -> Item:
    to = words(data.get("target_url")) or words(data.get("email"))
    return Item(ident(data.get("id")), "target", words(data.get("title")),
                ", ".join(filter(None, (words(data.get("type")), to and f"sends to {to}"))),
                active=flag(data.get("active")), created_at=words(data.get("created_at")))


_TARGET = _Kind("target", "/api/v2/targets/{}", "target", _target, lambda on: {"target": {"active": on}}, PUT, TARGET_SECRETS)


@zendesk.action(Effect.READ)
def collect_targets(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of targets, the older kind of webhook.

    Source: developer.zendesk.com, Targets, List Targets. Needs an agent. Says neither who made one nor when it was changed.
    """
    found, done = yield from items(GET("/api/v2/targets", secret=TARGET_SECRETS, gate="targets feature"), "targets", _target)
    return Listing.of(found, done.complete, done.notes, since=since)


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.enable_target")
def disable_target(target_id: str) -> Steps[Switch]:
    """Turn a target off.

    Source: developer.zendesk.com, Targets, Update Target. Needs an administrator.
    """
    return (yield from _turn(_TARGET, target_id, False))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.disable_target")
def enable_target(target_id: str) -> Steps[Switch]:
    """Turn a target back on.

    Source: developer.zendesk.com, Targets, Update Target. Needs an administrator.
    """
    return (yield from _turn(_TARGET, target_id, True))


# -- triggers and automations --------------------------------------------------------------------------------------

def _rule(noun: str) -> Callable[[Mapping[str, Any]], Item]:
    def make(data: Mapping[str, Any]) -> Item:
        actions = data.get("actions")
        does = "; ".join(_action(part) for part in (actions if isinstance(actions, list) else ()) if isinstance(part, dict))
        return Item(ident(data.get("id")), noun, words(data.get("title")), does[:MOST_WORDS], active=flag(data.get("active")),
                    created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))
    return make


def _action(action: Mapping[str, Any]) -> str:
    """What a rule does, and to whom: the first value is the address, webhook or target that it notifies."""
    value = action.get("value")
    first = value[0] if isinstance(value, list) and value else value
    return f"{words(action.get('field')) or 'something'} {ident(first)}".strip()


_TRIGGER = _Kind("trigger", "/api/v2/triggers/{}", "trigger", _rule("trigger"), lambda on: {"trigger": {"active": on}})
_AUTOMATION = _Kind("automation", "/api/v2/automations/{}", "automation", _rule("automation"),
                    lambda on: {"automation": {"active": on}})


def _rules(kind: _Kind, since: datetime | None) -> Steps[Listing]:
    plural = kind.noun + "s"
    found, done = yield from items(listed(f"/api/v2/{plural}", keep=plural), plural, kind.make)
    return Listing.of(found, done.complete, done.notes, since=since)


@zendesk.action(Effect.READ)
def collect_triggers(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of triggers.

    Source: developer.zendesk.com, Triggers, List Triggers. Needs an agent. Says when a trigger was changed, not by whom: that
    stands in the audit log. Look for ones that notify a webhook, a target or an outside address.
    """
    return (yield from _rules(_TRIGGER, since))


@zendesk.action(Effect.READ)
def collect_automations(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of automations.

    Source: developer.zendesk.com, Automations, List Automations. Needs an agent. Says when one was changed, not by whom.
    """
    return (yield from _rules(_AUTOMATION, since))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.enable_trigger")
def disable_trigger(trigger_id: str) -> Steps[Switch]:
    """Turn a trigger off.

    Source: developer.zendesk.com, Triggers, Update Trigger. Needs an agent who may manage business rules.
    """
    return (yield from _turn(_TRIGGER, trigger_id, False))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.disable_trigger")
def enable_trigger(trigger_id: str) -> Steps[Switch]:
    """Turn a trigger back on.

    Source: developer.zendesk.com, Triggers, Update Trigger. Needs an agent who may manage business rules.
    """
    return (yield from _turn(_TRIGGER, trigger_id, True))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.enable_automation")
def disable_automation(automation_id: str) -> Steps[Switch]:
    """Turn an automation off.

    Source: developer.zendesk.com, Automations, Update Automation. Needs an agent who may manage business rules.
    """
    return (yield from _turn(_AUTOMATION, automation_id, False))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.disable_automation")
def enable_automation(automation_id: str) -> Steps[Switch]:
    """Turn an automation back on.

    Source: developer.zendesk.com, Automations, Update Automation. Needs an agent who may manage business rules.
    """
    return (yield from _turn(_AUTOMATION, automation_id, True))


# -- apps ----------------------------------------------------------------------------------------------------------

def _app(data: Mapping[str, Any]) -> Item:
    return Item(ident(data.get("id")), "app installation", f"app {ident(data.get('app_id')) or 'unknown'}",
                active=flag(data.get("enabled")), created_at=words(data.get("created_at")),
                updated_at=words(data.get("updated_at")))


_APP = _Kind("app installation", "/api/v2/apps/installations/{}", "", _app, lambda on: {"enabled": on}, PUT, APP_SECRETS)
_APP_PUT = "whether Zendesk takes `enabled` alone in an update of an app installation; third-party clients send it"


@zendesk.action(Effect.READ)
def collect_apps(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of installed apps.

    Source: developer.zendesk.com, Apps, List App Installations. Needs an administrator. Settings are removed: they can bear
    live secrets, and the name of the app stands among them. Admin Center names an app by its id in the address.
    """
    found, done = yield from items(listed("/api/v2/apps/installations", secret=APP_SECRETS), "installations", _app)
    return Listing.of(found, done.complete, done.notes, since=since)


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.enable_app", unverified=_APP_PUT)
def disable_app(installation_id: str) -> Steps[Switch]:
    """Turn an installed app off.

    Source: developer.zendesk.com, Apps, Update App Installation. Needs an administrator.
    """
    return (yield from _turn(_APP, installation_id, False))


@zendesk.action(Effect.REVERSIBLE, undo="zendesk.disable_app", unverified=_APP_PUT)
def enable_app(installation_id: str) -> Steps[Switch]:
    """Turn an installed app back on.

    Source: developer.zendesk.com, Apps, Update App Installation. Needs an administrator.
    """
    return (yield from _turn(_APP, installation_id, True))


# -- support addresses ---------------------------------------------------------------------------------------------

@zendesk.action(Effect.READ)
def collect_support_addresses(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of support addresses.

    Source: developer.zendesk.com, Support Addresses, List Support Addresses. Needs an agent. An address that an intruder adds
    answers customers in your name, or takes their mail. Says neither who added one nor where a mail server forwards it to.
    """
    def make(data: Mapping[str, Any]) -> Item:
        main = "default, " if data.get("default") is True else ""
        return Item(ident(data.get("id")), "support address", words(data.get("email")),
                    f"{main}forwarding {words(data.get('forwarding_status')) or 'not stated'}",
                    created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))

    found, done = yield from items(listed("/api/v2/recipient_addresses", keep="support_addresses"), "recipient_addresses", make)
    return Listing.of(found, done.complete, done.notes, since=since)


# -- sharing agreements --------------------------------------------------------------------------------------------

@zendesk.action(Effect.READ)
def collect_sharing_agreements(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of agreements to share tickets with other accounts.

    Source: developer.zendesk.com, Sharing Agreements, List Sharing Agreements. Needs an agent. Under an outbound one that was
    accepted, tickets are shared into another account, where no suspension reaches. Says neither who made one nor which
    tickets were shared. Suspects are those made or changed since `since`.
    """
    def make(data: Mapping[str, Any]) -> Item:
        status = words(data.get("status"))
        other = words(data.get("remote_subdomain")) or words(data.get("partner_name")) or "an account that is not stated"
        return Item(ident(data.get("id")), "sharing agreement", words(data.get("name")),
                    f"{words(data.get('type')) or 'direction not stated'}, with {other}, {status or 'status not stated'}",
                    active=status == "accepted" if status else None, created_at=words(data.get("created_at")),
                    updated_at=words(data.get("updated_at")))

    first = GET("/api/v2/sharing_agreements", keep="sharing_agreements")
    found, done = yield from items(first, "sharing_agreements", make)
    return Listing.of(found, done.complete, done.notes, since=since)
