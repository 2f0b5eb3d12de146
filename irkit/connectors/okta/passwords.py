"""New passwords: after the suspension, never before it, and nobody ever sees what Okta makes up."""

from __future__ import annotations

from datetime import datetime

from irkit.action import POST, ActionError, Effect, NotConfirmed, Record, Steps, Trace, UserId
from irkit.connectors.okta.base import PEOPLE, okta
from irkit.connectors.okta.people import User, look
from irkit.connectors.okta.sessions import event, until_shown

ELSEWHERE = ("ACTIVE_DIRECTORY", "LDAP", "FEDERATION", "SOCIAL", "IMPORT")


class Password(Record, frozen=True):
    """A password that is no longer good. `status` is what the account is now: look whether it is suspended still."""

    person: str
    status: str
    told: str
    proof: str


def _told(before: User, after: str) -> str:
    if before.status == "SUSPENDED" and after != "SUSPENDED":
        return f"the account is {after} now and suspended no longer: watch it, and keep the mailbox closed"
    return "suspended still" if after == "SUSPENDED" else f"the account is {after}"


def _change(user_id: str, since: datetime, verb: str, status: str, kind: str, secret: str,
            params: dict[str, str]) -> Steps[Password]:
    user, now = yield from look(user_id)
    if user.provider in ELSEWHERE:
        raise ActionError(f"Okta does not hold the password of {user.person}: the account {user.told}",
                          next="change the password where the person signs in")
    if user.status in ("DEPROVISIONED", "STAGED"):
        raise ActionError(f"{user.person} is {user.status} and has no password to change", next=PEOPLE)
    if user.status == status:
        return Password(user.person, status, f"the account is {status}", "the status shows it already")
    if shown := (yield from event(kind, user_id, since, now)):
        return Password(user.person, user.status, _told(user, user.status), f"the log has it already: {shown}")
    yield POST(f"/api/v1/users/{{}}/lifecycle/{verb}", user_id, params=params, secret=(secret,), seen=user.account,
               affects=[user.person], noun="person")
    after, _ = yield from look(user_id)
    if after.status == status:
        return Password(user.person, status, _told(user, status), f"the status is {status}")
    if after.status not in ("ACTIVE", "SUSPENDED"):
        raise NotConfirmed(f"{user.person} is {after.status}, where {status} or {user.status} was due")
    proof = yield from until_shown(kind, user_id, now, "the change")
    return Password(user.person, after.status, _told(user, after.status), proof)


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("active_status", of="user_id")],
             preserves=[Trace("sign_in_barrier", of="user_id")], unverified="how Okta takes it while the account is suspended")
def reset_password(user_id: UserId, since: datetime) -> Steps[Password]:
    """Reset the password without a mail, and end sessions.

    Source: Okta management API, Reset a password. Needs okta.users.manage.

    No mail is sent: it could go to a mailbox the intruder reads. The one-time link in the answer is removed and kept nowhere;
    give the person a new one by the console, when you have spoken to them. The account leaves ACTIVE for RECOVERY, and Okta
    suspends ACTIVE accounts alone: suspend first. Reset at or after `since` already counts. API tokens (SSWS) live on.
    """
    return (yield from _change(user_id, since, "reset_password", "RECOVERY", "user.account.reset_password", "resetPasswordUrl",
                               {"sendEmail": "false", "revokeSessions": "true"}))


@okta.action(Effect.IRREVERSIBLE, destroys=[Trace("active_status", of="user_id")],
             preserves=[Trace("sign_in_barrier", of="user_id")], unverified="how Okta takes it while the account is suspended")
def set_unknown_password(user_id: UserId, since: datetime) -> Steps[Password]:
    """Set a temporary password that nobody knows, and end sessions.

    Source: Okta management API, Expire the password and set a temporary password. Needs okta.users.manage.

    Okta answers with the password in clear: it is removed and kept nowhere, so the old one is no longer good and nobody has the
    new one. The account leaves ACTIVE for PASSWORD_EXPIRED, and Okta suspends ACTIVE accounts alone: suspend first.
    """
    return (yield from _change(user_id, since, "expire_password_with_temp_password", "PASSWORD_EXPIRED",
                               "user.account.expire_password", "tempPassword", {"revokeSessions": "true"}))
