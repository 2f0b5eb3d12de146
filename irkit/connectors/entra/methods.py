"""Authentication methods: how somebody proves to be the person, and what an intruder adds to come back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import (
    DELETE,
    ActionError,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Steps,
    Trace,
    UserId,
    Walk,
    ident,
    words,
)
from irkit.connectors.entra.base import entra, everything, guid, listed, required

PATHS = {f"{kind}AuthenticationMethod": path for kind, path in {
    "phone": "phoneMethods", "microsoftAuthenticator": "microsoftAuthenticatorMethods", "fido2": "fido2Methods",
    "softwareOath": "softwareOathMethods", "temporaryAccessPass": "temporaryAccessPassMethods", "email": "emailMethods",
    "windowsHelloForBusiness": "windowsHelloForBusinessMethods", "platformCredential": "platformCredentialMethods"}.items()}
PASSWORD = "passwordAuthenticationMethod"      # noqa: S105 - a type
MAIN = "mobile"                                # an alternate mobile depends on it, so that goes first


def _method(data: Mapping[str, Any]) -> Item:
    kind = words(data.get("@odata.type")).rpartition(".")[2]
    title = words(data.get("displayName")) or words(data.get("phoneNumber")) or words(data.get("emailAddress"))
    return Item(required(ident(data.get("id")), "an authentication method"), kind or "unknown method", title,
                words(data.get("phoneType")) or words(data.get("model")), created_at=words(data.get("createdDateTime")))


def _methods(user_id: str, keep: str = "") -> Steps[tuple[list[Item], Walk]]:
    found, done = yield from everything(listed("/users/{}/authentication/methods", guid(user_id, "user"), keep=keep,
                                               gate="UserAuthenticationMethod.Read.All"), _method)
    return sorted(found, key=lambda item: item.detail == MAIN), done


class Methods(Listing, frozen=True):
    """The authentication methods. `first` and `last` are the suspects, in the order in which Entra lets them be deleted."""

    first: tuple[Item, ...] = ()
    last: tuple[Item, ...] = ()


@entra.action(Effect.READ, preserves=[Trace("methods", of="user_id")])
def collect_methods(user_id: UserId, since: datetime | None = None) -> Steps[Methods]:
    """Keep the person's authentication methods.

    Source: learn.microsoft.com, Graph, List methods. Needs UserAuthenticationMethod.Read.All. Which one is the default is shown
    by the beta alone. Suspects: all but the password that were added since `since`, or without `since` all; most phones carry
    no date and are suspects always. `last` is the main phone: most often the default, and the alternate one depends on it.
    App passwords are not listed: look at the per-user MFA page.
    """
    found, done = yield from _methods(user_id, keep="methods")
    listing = Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: item.kind != PASSWORD and (
        since is None or not item.created_at or item.since(since)))
    return Methods(**asdict(listing), first=tuple(item for item in listing.suspects if item.detail != MAIN),
                   last=tuple(item for item in listing.suspects if item.detail == MAIN))


class Removed(Record, frozen=True):
    """One authentication method that is no longer there."""

    id: str
    kind: str
    title: str
    proof: str


@entra.action(Effect.IRREVERSIBLE, destroys=[Trace("methods", of="user_id")])
def delete_method(user_id: UserId, method_id: str) -> Steps[Removed]:
    """Delete one authentication method.

    Source: learn.microsoft.com, Graph, Delete phoneAuthenticationMethod and its likes. Needs
    UserAuthenticationMethod.ReadWrite.All; of an administrator also a role of the app. The person has to enrol it again.

    Have the password changed before, and keep the default for last: Entra refuses to delete it while others are left. The
    alternate mobile goes before the mobile. Passwords, and methods of another provider, are not deleted from here.
    """
    before = next((item for item in (yield from _methods(user_id))[0] if item.id == method_id), None)
    proof = "the list of methods does not show it"
    if before is None:
        return Removed(method_id, "", "", proof)
    if before.kind not in PATHS:
        raise ActionError(f"{before.kind} {method_id} cannot be deleted through Graph by an app",
                          next="Entra admin center > Users > the user > Authentication methods")
    yield DELETE("/v1.0/users/{}/authentication/" + PATHS[before.kind] + "/{}", user_id, method_id,
                 noun="authentication method", seen=Removed(before.id, before.kind, before.title, ""), affects=[before.named])
    if any(item.id == method_id for item in (yield from _methods(user_id))[0]):
        raise NotConfirmed(f"the method {method_id} is still there")
    return Removed(before.id, before.kind, before.title, proof)
