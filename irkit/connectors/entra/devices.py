"""Devices that a person registered: each holds a token that signs in without the person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import PATCH, BadAnswer, Effect, Item, Listing, Record, Steps, Trace, UserId, flag, ident, row, when, words
from irkit.connectors.entra.base import entra, everything, guid, listed, required


def _device(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("id")), "a device"), "device", words(data.get("displayName")),
                f"{words(data.get('operatingSystem'))} {words(data.get('trustType'))}".strip(),
                active=flag(data.get("accountEnabled")), created_at=words(data.get("registrationDateTime")),
                used_at=words(data.get("approximateLastSignInDateTime")))


@entra.action(Effect.READ, preserves=[Trace("devices", of="user_id")])
def collect_devices(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the person's registered and owned devices.

    Source: learn.microsoft.com, Graph, List registeredDevices; List ownedDevices. Needs User.Read.All. Suspects: registered
    since `since`, or without `since` all. The last sign-in is approximate.
    """
    registered, first = yield from everything(listed("/users/{}/registeredDevices", guid(user_id, "user"),
                                                     keep="registered_devices", gate="User.Read.All"), _device)
    owned, second = yield from everything(listed("/users/{}/ownedDevices", user_id, keep="owned_devices", gate="User.Read.All"),
                                          _device)
    found = {item.id: item for item in (*registered, *owned)}
    return Listing.of(found.values(), first.complete and second.complete, [*first.notes, *second.notes], since=since,
                      suspect=lambda item: since is None or (at := when(item.created_at)) is None or at >= since)


class Device(Record, frozen=True):
    """A device as Entra shows one."""

    id: str
    name: str
    enabled: bool


def _get(device_id: str) -> Steps[Device]:
    answer = yield listed("/devices/{}", guid(device_id, "device"), params={"$select": "id,displayName,accountEnabled"})
    data = row(answer.json, "device")
    enabled = flag(data.get("accountEnabled"))
    if ident(data.get("id")) != device_id or enabled is None:
        raise BadAnswer(f"device {device_id} was asked for, and came without its id or whether it is enabled")
    return Device(device_id, words(data.get("displayName")), enabled)


def _set_enabled(device_id: str, enabled: bool) -> Steps[Device]:
    before = yield from _get(device_id)
    if before.enabled is enabled:
        return before
    yield PATCH("/v1.0/devices/{}", device_id, json={"accountEnabled": enabled}, seen=before, noun="device",
                affects=[f"{before.name or device_id}"])
    return (yield from _get(device_id)).require(enabled=enabled)


@entra.action(Effect.REVERSIBLE, undo="entra.enable_device")
def disable_device(device_id: str) -> Steps[Device]:
    """Disable a device, so that its primary refresh token is refused.

    Source: learn.microsoft.com, Graph, Update device. Needs Device.ReadWrite.All. `device_id` is the object id. Whoever else
    uses the device cannot sign in from it either. Some synced or managed devices are refused: disable them where
    they come from.
    """
    return (yield from _set_enabled(device_id, False))


@entra.action(Effect.REVERSIBLE, undo="entra.disable_device")
def enable_device(device_id: str) -> Steps[Device]:
    """Let a disabled device sign in again.

    Source: learn.microsoft.com, Graph, Update device. Needs Device.ReadWrite.All.
    """
    return (yield from _set_enabled(device_id, True))
