"""What the account opens: groups, apps, devices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import GET, Effect, Item, Listing, Steps, Trace, UserId, at, ident, words
from irkit.connectors.okta.base import everything, key, okta, required
from irkit.connectors.okta.people import get_user

DEVICES = "Okta Identity Engine with the devices API of a user (limited availability)"


def _group(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("id")), "a group"), words(data.get("type")) or "group", words(at(data, "profile.name")),
                words(at(data, "profile.description")), created_at=words(data.get("created")),
                updated_at=words(data.get("lastMembershipUpdated")))


@okta.action(Effect.READ, preserves=[Trace("groups", of="user_id")])
def collect_groups(user_id: UserId) -> Steps[Listing]:
    """Keep the groups the person is in.

    Source: Okta management API, List all groups of a user. Needs okta.users.read. Groups give apps and may give admin roles.
    """
    yield from get_user(user_id)
    found, done = yield from everything(GET("/api/v1/users/{}/groups", key(user_id, "user"), keep="groups"), _group, "group")
    return Listing.of(found, done.complete, done.notes)


def _app(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("appInstanceId")) or ident(data.get("id")), "an app"), "app", words(data.get("label")),
                words(data.get("appName")))


@okta.action(Effect.READ, preserves=[Trace("apps", of="user_id")])
def collect_apps(user_id: UserId) -> Steps[Listing]:
    """Keep the apps that the account opens, directly or by group.

    Source: Okta management API, List all assigned app links. Needs okta.users.read. Each app has sessions of its own, which
    ending Okta's does not end: contain each where it matters. Apps without a tile may be missing.
    """
    yield from get_user(user_id)
    found, done = yield from everything(GET("/api/v1/users/{}/appLinks", key(user_id, "user"), keep="apps"), _app, "app")
    return Listing.of(found, done.complete, done.notes)


def _device(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(at(data, "device.id")) or ident(data.get("deviceUserId")), "a device"), "device",
                words(at(data, "device.profile.displayName")), words(at(data, "device.profile.platform")),
                active=at(data, "device.status") == "ACTIVE", created_at=words(data.get("created")),
                updated_at=words(at(data, "device.lastUpdated")))


@okta.action(Effect.READ, preserves=[Trace("devices", of="user_id")])
def collect_devices(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the devices that are registered for the person.

    Source: Okta management API, List all devices of a user. Needs okta.users.read and Identity Engine: without it a gap.
    Suspects: registered since `since`, without it all.
    """
    yield from get_user(user_id)
    found, done = yield from everything(GET("/api/v1/users/{}/devices", user_id, keep="devices", gate=DEVICES), _device,
                                        "device")
    return Listing.of(found, done.complete, done.notes, since=since,
                      suspect=lambda item: since is None or not item.created_at or item.since(since))
