"""Factors and enrolments: what an intruder adds to come back after a new password."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    DELETE,
    GET,
    POST,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    Walk,
    at,
    ident,
    words,
)
from irkit.connectors.okta.base import deleting, everything, key, okta, required
from irkit.connectors.okta.people import get_user, look
from irkit.connectors.okta.sessions import event, until_shown

VERIFY = ("push", "signed_nonce")                     # removing one removes every factor of Okta Verify
RECOVERY = ("sms", "call")
ENGINE = "Okta Identity Engine with the authenticator enrollments API (limited availability)"
RESET = "user.mfa.factor.reset_all"
PARTIAL = "Okta lists the factors of the highest enrolment policy alone, as seen from irkit's own network zone"


def _factor(data: Mapping[str, Any]) -> Item:
    kind = words(data.get("factorType")) or "unknown factor"
    profile = data.get("profile")
    title = next((words(at(profile, name)) for name in ("phoneNumber", "email", "name", "credentialId")
                  if words(at(profile, name))), "")
    return Item(required(ident(data.get("id")), "a factor"), kind, title, words(data.get("provider")),
                active=data.get("status") == "ACTIVE", created_at=words(data.get("created")),
                updated_at=words(data.get("lastUpdated")))


def _factors(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    return (yield from everything(GET("/api/v1/users/{}/factors", key(user_id, "user"), keep=keep), _factor, "factor"))


@okta.action(Effect.READ, preserves=[Trace("factors", of="user_id")])
def collect_factors(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the person's factors.

    Source: Okta management API, List all enrolled factors. Needs okta.users.read. The list is not whole: Okta shows the factors
    of the highest enrolment policy alone, judged by irkit's own network zone. Compare with collect_enrolments and with
    user.mfa.factor events in the log. Suspects: added or changed since `since`, without it all.
    """
    yield from get_user(user_id)
    found, done = yield from _factors(user_id, keep="factors")
    return Listing.of(found, done.complete, [*done.notes, PARTIAL], since=since,
                      suspect=lambda item: since is None or not item.created_at or item.since(since))


class Removed(Record, frozen=True):
    """What is gone: the factor that was asked for, and those that went with it."""

    person: str
    what: tuple[str, ...]
    proof: str


def _goes(item: Item, chosen: Item) -> bool:
    """Whether a factor goes when the chosen one does."""
    return item.id == chosen.id or (chosen.kind in VERIFY and item.detail == "OKTA"
                                    and item.kind in (*VERIFY, "token:software:totp"))


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("factors", of="user_id"), Trace("sign_in_barrier", of="user_id")])
def delete_factor(user_id: UserId, factor_id: str) -> Steps[Removed]:
    """Remove one factor.

    Source: Okta management API, Unenroll a factor. Needs okta.users.manage. The person has to enrol again.

    Suspend, or change the password, before: else there is a time when the password alone opens the account. Remove an
    intruder's factor before the account is given back. Removing a push or FastPass factor removes all of Okta Verify. Of an SMS
    or call factor the phone for recovery goes too.
    """
    user = yield from get_user(user_id)
    found = (yield from _factors(user_id))[0]
    chosen = next((item for item in found if item.id == factor_id), None)
    proof = "the list of factors does not show it"
    if chosen is None:
        return Removed(user.person, (), proof)
    named = tuple(item.named for item in found if _goes(item, chosen))
    params = {"removeRecoveryEnrollment": "true"} if chosen.kind in RECOVERY else None
    yield from deleting(DELETE("/api/v1/users/{}/factors/{}", user_id, key(factor_id, "factor"), params=params, noun="factor",
                               seen=Removed(user.person, named, ""), affects=named))
    if any(item.id == factor_id for item in (yield from _factors(user_id))[0]):
        raise NotConfirmed(f"the factor {factor_id} is still there")
    return Removed(user.person, named, proof)


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("factors", of="user_id"), Trace("enrolments", of="user_id"),
                                            Trace("sign_in_barrier", of="user_id")])
def reset_factors(user_id: UserId, since: datetime) -> Steps[Removed]:
    """Remove all factors.

    Source: Okta management API, Reset all factors. Needs okta.users.manage, and okta.logs.read for the proof.

    The person enrols again, in person or on a call you have verified. Suspend, or change the password, before. The list of
    factors is not whole, so the log's event is the proof; one at or after `since` counts.
    """
    user, now = yield from look(user_id)
    named = tuple(item.named for item in (yield from _factors(user_id))[0])
    shown = yield from event(RESET, user_id, since, now)
    if shown and not named:
        return Removed(user.person, (), f"the log has it already: {shown}")
    yield POST("/api/v1/users/{}/lifecycle/reset_factors", user_id, seen=Removed(user.person, named, ""), noun="person",
               affects=[f"{user.person}: every factor, {len(named)} of them listed"])
    if left := (yield from _factors(user_id))[0]:
        raise NotConfirmed(f"factors that are still there: {', '.join(item.id for item in left)}")
    return Removed(user.person, named, (yield from until_shown(RESET, user_id, now, "the reset")))


def _enrolment(data: Mapping[str, Any]) -> Item:
    return Item(required(ident(data.get("id")), "an enrolment"), words(data.get("type")) or "enrolment",
                words(data.get("nickname")) or words(data.get("name")), words(data.get("key")),
                active=data.get("status") == "ACTIVE", created_at=words(data.get("created")),
                updated_at=words(data.get("lastUpdated")))


def _enrolments(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    return (yield from everything(GET("/api/v1/users/{}/authenticator-enrollments", user_id, keep=keep, gate=ENGINE),
                                  _enrolment, "enrolment"))


@okta.action(Effect.READ, preserves=[Trace("enrolments", of="user_id")])
def collect_enrolments(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the person's authenticator enrolments.

    Source: Okta management API, List all authenticator enrollments. Needs okta.users.read and Identity Engine, where it is of
    limited availability: without it a gap, and the list of factors may be incomplete. Suspects: added or changed since
    `since`, without it all.
    """
    yield from get_user(user_id)
    found, done = yield from _enrolments(user_id, keep="enrolments")
    return Listing.of(found, done.complete, done.notes, since=since,
                      suspect=lambda item: since is None or not item.created_at or item.since(since))


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("enrolments", of="user_id"), Trace("sign_in_barrier", of="user_id")])
def delete_enrolment(user_id: UserId, enrolment_id: str) -> Steps[Removed]:
    """Remove one authenticator enrolment.

    Source: Okta management API, Delete an authenticator enrollment. Needs okta.users.manage and Identity Engine, where it is of
    limited availability. Suspend, or change the password, before. The person has to enrol again.
    """
    user = yield from get_user(user_id)
    chosen = next((item for item in (yield from _enrolments(user_id))[0] if item.id == enrolment_id), None)
    proof = "the list of enrolments does not show it"
    if chosen is None:
        return Removed(user.person, (), proof)
    yield from deleting(DELETE("/api/v1/users/{}/authenticator-enrollments/{}", user_id, key(enrolment_id, "enrolment"),
                               seen=Removed(user.person, (chosen.named,), ""), affects=[chosen.named], noun="enrolment"))
    if any(item.id == enrolment_id for item in (yield from _enrolments(user_id))[0]):
        raise NotConfirmed(f"the enrolment {enrolment_id} is still there")
    return Removed(user.person, (chosen.named,), proof)
