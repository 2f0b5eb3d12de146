"""What acts for a person or lets somebody in as them: apps' tokens, app passwords, backup codes, cookies, factors, devices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    DELETE,
    POST,
    ActionError,
    BadAnswer,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Request,
    Steps,
    Trace,
    UserId,
    Wait,
    Walk,
    ident,
    when,
    words,
)
from irkit.connectors.google_workspace.base import SCOPE, directory, epoch, everything, google_workspace, key, required
from irkit.connectors.google_workspace.logs import last_done
from irkit.connectors.google_workspace.people import User, get_user

SECURITY = "scope admin.directory.user.security, and the privilege User security management"
DEVICES = "scope admin.directory.device.mobile.readonly"
LOOKS, APART = 6, 30.0        # for an administrators' log that is "minutes" late


class Removed(Record, frozen=True):
    """One token or app password that is no longer there."""

    id: str
    kind: str
    title: str
    proof: str


def _one(found: list[Item], wanted: str) -> Item | None:
    return next((item for item in found if item.id == wanted), None)


# -- what apps hold ------------------------------------------------------------------------------------------------

def _tokens(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    def make(data: Mapping[str, Any]) -> Item:
        whose, scopes = ident(data.get("userKey")), data.get("scopes")
        if whose and whose != user_id:
            raise BadAnswer(f"the tokens of {user_id} were asked for, one of {whose} came")
        kinds = [word for word, mark in (("anonymous", "anonymous"), ("installed app", "nativeApp")) if data.get(mark) is True]
        told = [words(one).removeprefix(SCOPE) for one in scopes] if isinstance(scopes, list) else []
        return Item(required(ident(data.get("clientId")), "a token"), "app", words(data.get("displayText")),
                    "; ".join([*kinds, " ".join(told) or "no scope"]))

    return (yield from everything(directory("/users/{}/tokens", key(user_id), keep=keep, gate=SECURITY), "items", make))


@google_workspace.action(Effect.READ, preserves=[Trace("tokens", of="user_id")])
def collect_tokens(user_id: UserId) -> Steps[Listing]:
    """Keep which apps hold a token of the person.

    Source: developers.google.com, Admin SDK Directory API, tokens.list. Needs admin.directory.user.security. The list has no
    times: the log of tokens says when each was let in. Every app is a suspect; whoever is cut off only has to consent again.
    """
    found, done = yield from _tokens(user_id, keep="tokens")
    return Listing.of(found, done.complete, done.notes, suspect=lambda _item: True)


@google_workspace.action(Effect.IRREVERSIBLE, destroys=[Trace("tokens", of="user_id")])
def delete_token(user_id: UserId, client_id: str) -> Steps[Removed]:
    """Delete all tokens that an app holds of the person.

    Source: developers.google.com, Admin SDK Directory API, tokens.delete. Needs admin.directory.user.security. The person has
    to consent again. `client_id` is the app's OAuth client.
    """
    before = _one((yield from _tokens(user_id))[0], client_id)
    proof = "the list of tokens does not show the app"
    if before is None:
        return Removed(client_id, "app", "", proof)
    yield DELETE("/admin/directory/v1/users/{}/tokens/{}", user_id, client_id, noun="app token", gate=SECURITY,
                 seen=Removed(before.id, before.kind, before.title, ""), affects=[before.named], ok=(404,))
    if _one((yield from _tokens(user_id))[0], client_id):
        raise NotConfirmed(f"the app {client_id} still holds a token")
    return Removed(before.id, before.kind, before.title, proof)


# -- app passwords -------------------------------------------------------------------------------------------------

def _app_passwords(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    def make(data: Mapping[str, Any]) -> Item:
        whose = ident(data.get("userKey"))
        if whose and whose != user_id:
            raise BadAnswer(f"the app passwords of {user_id} were asked for, one of {whose} came")
        used = epoch(data.get("lastTimeUsed"))
        return Item(required(ident(data.get("codeId")), "an app password"), "app password", words(data.get("name")),
                    "" if used else "never used", created_at=epoch(data.get("creationTime")), used_at=used)

    return (yield from everything(directory("/users/{}/asps", key(user_id), keep=keep, gate=SECURITY), "items", make))


@google_workspace.action(Effect.READ, preserves=[Trace("app_passwords", of="user_id")])
def collect_app_passwords(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the person's app passwords, without their values.

    Source: developers.google.com, Admin SDK Directory API, asps.list. Needs admin.directory.user.security. Each reads mail
    without a second factor. Every one is a suspect; `in_window` are those made or used since `since`.
    """
    found, done = yield from _app_passwords(user_id, keep="app_passwords")
    return Listing.of(found, done.complete, done.notes, since=since, suspect=lambda _item: True)


@google_workspace.action(Effect.IRREVERSIBLE, destroys=[Trace("app_passwords", of="user_id")])
def delete_app_password(user_id: UserId, code_id: str) -> Steps[Removed]:
    """Delete one app password.

    Source: developers.google.com, Admin SDK Directory API, asps.delete. Needs admin.directory.user.security. Whatever reads
    mail with it stops; the person makes a new one.
    """
    before = _one((yield from _app_passwords(user_id))[0], code_id)
    proof = "the list of app passwords does not show it"
    if before is None:
        return Removed(code_id, "app password", "", proof)
    yield DELETE("/admin/directory/v1/users/{}/asps/{}", user_id, code_id, noun="app password", gate=SECURITY,
                 seen=Removed(before.id, before.kind, before.title, ""), affects=[before.named], ok=(404,))
    if _one((yield from _app_passwords(user_id))[0], code_id):
        raise NotConfirmed(f"the app password {code_id} is still there")
    return Removed(before.id, before.kind, before.title, proof)


# -- what no list shows: the administrators' log is the proof ------------------------------------------------------

class Done(Record, frozen=True):
    """What was done to a person, and the row of the administrators' log that shows it."""

    person: str
    what: str
    proof: str


def _proved(user: User, event: str, what: str, since: datetime, write: Request) -> Steps[Done]:
    """Send `write` unless the log shows the event at `since` or later; then wait for the log to show it."""
    before = yield from last_done(event, user.email, since)
    if before:
        return Done(user.person, what, before)
    yield write
    for look in range(LOOKS):
        if look:
            yield Wait(APART, "the administrators' log is minutes late")
        after = yield from last_done(event, user.email, since)
        if after:
            return Done(user.person, what, after)
    raise NotConfirmed(f"Google took it, and its log does not show {event} yet: look again in some minutes")


@google_workspace.action(Effect.IRREVERSIBLE, preserves=[Trace("chance_to_invalidate_backup_codes", of="user_id")],
                         unverified="that the log shows it as DELETE_2SV_SCRATCH_CODES when the API did it")
def invalidate_backup_codes(user_id: UserId, since: datetime) -> Steps[Done]:
    """Invalidate the person's backup codes, without listing them.

    Source: developers.google.com, Admin SDK Directory API, verificationCodes.invalidate; Admin audit, User Settings. Needs
    admin.directory.user.security. Refused while the account is suspended: do it before, or after it was let back in. The codes
    come in clear when listed, so they are not. Done when the administrators' log shows it at `since` or later.
    """
    user = yield from get_user(user_id)
    if user.suspended:
        raise ActionError(f"{user.person} is suspended: backup codes cannot be invalidated until the account is let back in",
                          next="put this step off until after google_workspace.unsuspend_user")
    return (yield from _proved(user, "DELETE_2SV_SCRATCH_CODES", "backup codes invalidated", since, POST(
        "/admin/directory/v1/users/{}/verificationCodes/invalidate", user_id, seen=user.account, noun="backup code set",
        affects=[f"all backup codes of {user.person}"], gate=SECURITY)))


@google_workspace.action(Effect.IRREVERSIBLE, destroys=[Trace("sessions", of="user_id")],
                         unverified="who may sign a super administrator out, and that the log shows it as RESET_SIGNIN_COOKIES")
def logout_user(user_id: UserId, since: datetime) -> Steps[Done]:
    """Sign the person out everywhere: reset all sign-in cookies.

    Source: developers.google.com, Admin SDK Directory API, users.signOut; support.google.com/a, Reset a user's sign-in cookies.
    Needs admin.directory.user.security. Google lists no sessions, so none are counted. Gmail may take up to an hour. Where
    another provider signs people in they come straight back: contain there first. Apps' tokens and app passwords stay. Done
    when the administrators' log shows it at `since` or later.
    """
    user = yield from get_user(user_id)
    return (yield from _proved(user, "RESET_SIGNIN_COOKIES", "signed out", since, POST(
        "/admin/directory/v1/users/{}/signOut", user_id, seen=user.account, noun="person", affects=[user.person],
        gate=SECURITY)))


@google_workspace.action(Effect.IRREVERSIBLE, destroys=[Trace("second_factor_state", of="user_id")],
                         unverified="whether it works while the account is suspended")
def remove_second_factors(user_id: UserId) -> Steps[User]:
    """Remove all second factors at once: turn 2-Step Verification off.

    Source: developers.google.com, Admin SDK Directory API, twoStepVerification.turnOff. Needs admin.directory.user.security.
    Only once the password was changed and nobody but the person can enrol again. One factor alone is removed by hand. In the
    log it looks as if an intruder had done it: the ledger's time tells them apart.
    """
    before = yield from get_user(user_id)
    if before.second_factor is False:
        return before
    yield POST("/admin/directory/v1/users/{}/twoStepVerification/turnOff", user_id, seen=before.account, gate=SECURITY,
               affects=[f"all second factors of {before.person}"], noun="second factor set")
    return (yield from get_user(user_id)).require(second_factor=False)


# -- devices -------------------------------------------------------------------------------------------------------

@google_workspace.action(Effect.READ, preserves=[Trace("devices", of="user_id")])
def collect_devices(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the person's mobile devices.

    Source: developers.google.com, Admin SDK Directory API, mobiledevices.list. Needs admin.directory.device.mobile.readonly.
    Suspects: first synced since `since`, or without it all. Blocking and wiping are done by hand: a wipe destroys evidence.
    """
    user = yield from get_user(user_id)
    foreign: list[str] = []

    def make(data: Mapping[str, Any]) -> Item:
        emails = data.get("email")
        theirs = [words(one) for one in emails] if isinstance(emails, list) else []
        device = required(ident(data.get("resourceId")), "a device")
        if not any(user.has(one) for one in theirs):
            foreign.append(device)
        return Item(device, "mobile device", words(data.get("model")),
                    f"{words(data.get('os'))} {words(data.get('status'))}".strip(), ", ".join(theirs),
                    created_at=words(data.get("firstSync")), used_at=words(data.get("lastSync")))

    found, done = yield from everything(directory("/customer/my_customer/devices/mobile", keep="devices", params={
        "query": f"email:{user.email}", "maxResults": 100}, gate=DEVICES), "mobiledevices", make)
    notes = [f"{len(foreign)} devices of others, that the search did not ask for, kept too"] if foreign else []
    own = [item for item in found if item.id not in foreign]
    return Listing.of(own, done.complete, [*done.notes, *notes], since=since, suspect=lambda item: (
        since is None or (first := when(item.created_at)) is None or first >= since))
