"""What PagerDuty recorded, and what pushes incidents out of it: audit records, timelines, webhooks, extensions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from irkit.action import (
    GET,
    PUT,
    ActionError,
    Collection,
    Effect,
    Item,
    Listing,
    Record,
    Steps,
    Tally,
    Trace,
    at,
    by_token,
    flag,
    ident,
    items,
    one,
    stamp,
    walk,
    words,
)
from irkit.connectors.pagerduty.base import AUDIT_DAYS, PLAN, next_page, pagerduty, short


@pagerduty.action(Effect.READ)
def collect_audit_records(since: datetime, until: datetime) -> Steps[Collection]:
    """Keep the audit records of a window of at most 31 days.

    Source: developer.pagerduty.com, REST, List audit records. Without `since` it would be one day. Needs an administrator's key
    and a plan with audit records; without it admin changes cannot be established, and that is a gap.
    """
    if not timedelta() < until - since <= timedelta(days=AUDIT_DAYS):
        raise ActionError(f"one request takes a window of at most {AUDIT_DAYS} days, and this is from {stamp(since)} to "
                          f"{stamp(until)}", next=f"one step for each {AUDIT_DAYS} days")
    tally = Tally("audit records", "execution_time", since, until, vendor="PagerDuty")
    first = GET("/audit/records", params={"since": stamp(since), "until": stamp(until), "limit": 100}, keep="audit records",
                gate=PLAN)
    return tally.collection((yield from walk(first, "records", tally.add, after=by_token("next_cursor", "cursor"))))


@pagerduty.action(Effect.READ)
def collect_log_entries(incident_id: str) -> Steps[Collection]:
    """Keep the timeline of an incident of PagerDuty's.

    Source: developer.pagerduty.com, REST, List log entries for an incident.
    """
    tally = Tally("log entries", "created_at", None, vendor="PagerDuty")
    first = GET("/incidents/{}/log_entries", incident_id, params={"limit": 100}, keep="log entries")
    return tally.collection((yield from walk(first, "log_entries", tally.add, after=next_page, short=short)))


@pagerduty.action(Effect.READ, preserves=[Trace("webhooks")])
def collect_webhooks(since: datetime | None = None) -> Steps[Listing]:
    """Keep the webhook subscriptions, which push incidents to other systems.

    Source: developer.pagerduty.com, REST, List webhook subscriptions. Secrets are never in it; custom headers come hidden.
    """
    def make(data: Mapping[str, Any]) -> Item:
        target = words(at(data, "delivery_method.url"))
        return Item(ident(data.get("id")), "webhook", words(data.get("description")), target, "", flag(data.get("active")))

    found, done = yield from items(GET("/webhook_subscriptions", params={"limit": 100}, keep="webhook subscriptions"),
                                   "webhook_subscriptions", make, after=next_page, short=short)
    return Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: item.active is True)


@pagerduty.action(Effect.READ)
def collect_extensions(since: datetime | None = None) -> Steps[Listing]:
    """Keep the extensions, which send incidents to other systems too.

    Source: developer.pagerduty.com, REST, List extensions.
    """
    def make(data: Mapping[str, Any]) -> Item:
        return Item(ident(data.get("id")), "extension", words(data.get("name")), words(data.get("endpoint_url")), "",
                    not flag(data.get("temporarily_disabled")))

    found, done = yield from items(GET("/extensions", params={"limit": 100}, keep="extensions", secret=()), "extensions", make,
                                   after=next_page, short=short)
    return Listing.of(found, done.complete, done.notes, since=since)


class Webhook(Record, frozen=True):
    id: str
    active: bool
    url: str


def _webhook(webhook_id: str) -> Steps[Webhook]:
    found = one((yield GET("/webhook_subscriptions/{}", webhook_id)), "webhook_subscription", webhook_id)
    return Webhook(webhook_id, flag(found.get("active")) is True, words(at(found, "delivery_method.url")))


def _set_webhook(webhook_id: str, active: bool) -> Steps[Webhook]:
    before = yield from _webhook(webhook_id)
    if before.active == active:
        return before
    yield PUT("/webhook_subscriptions/{}", webhook_id, json={"webhook_subscription": {"active": active}}, seen=before,
              affects=[f"webhook to {before.url}"], noun="webhook")
    return (yield from _webhook(webhook_id)).require(active=active)


@pagerduty.action(Effect.REVERSIBLE, undo="pagerduty.enable_webhook")
def disable_webhook(webhook_id: str) -> Steps[Webhook]:
    """Stop a webhook subscription, and keep it.

    Source: developer.pagerduty.com, REST, Update a webhook subscription. Deleted it could not be restored: its secret is shown
    once, when it is made.
    """
    return (yield from _set_webhook(webhook_id, False))


@pagerduty.action(Effect.REVERSIBLE, undo="pagerduty.disable_webhook")
def enable_webhook(webhook_id: str) -> Steps[Webhook]:
    """Let a webhook subscription send again.

    Source: developer.pagerduty.com, REST, Update a webhook subscription.
    """
    return (yield from _set_webhook(webhook_id, True))
