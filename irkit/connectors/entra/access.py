"""What acts for a person without them: grants, app roles, owned objects and app secrets, inbox rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict, replace

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
    Steps,
    Trace,
    UserId,
    Walk,
    ident,
    row,
    setting,
    walk,
    words,
)
from irkit.connectors.entra.base import entra, everything, guid, listed, next_page, required
from irkit.connectors.entra.people import get_user


class Grant(Record, frozen=True):
    """What a person, or an administrator for everybody, let an app do. One a person, client and resource."""

    id: str
    user_id: str
    client_id: str
    resource_id: str
    scope: str
    consent: str
    app: str = ""                  # the client's name, where it was looked up


class Grants(Listing, frozen=True):
    """The grants. `own` are those of the person alone, which can be deleted without touching others."""

    own: tuple[Grant, ...] = ()


def _grant(data: Mapping[str, Any]) -> Grant:
    return Grant(required(ident(data.get("id")), "a grant"), ident(data.get("principalId")), ident(data.get("clientId")),
                 ident(data.get("resourceId")), words(data.get("scope")).strip(), words(data.get("consentType")))


def _item(grant: Grant) -> Item:
    return Item(grant.id, "grant", grant.app or f"client {grant.client_id}", f"{grant.scope or 'no scope'} at "
                f"{grant.resource_id}, {grant.consent}")


def _grants(user_id: str, keep: str = "") -> Steps[tuple[list[Grant], Walk]]:
    grants: list[Grant] = []
    done = yield from walk(listed("/users/{}/oauth2PermissionGrants", guid(user_id, "user"), keep=keep,
                                  gate="Directory.Read.All"), "value", lambda one: grants.append(_grant(row(one, "grant"))),
                           after=next_page)
    foreign = {grant.user_id for grant in grants if grant.consent == "Principal"} - {user_id}
    if foreign:
        raise BadAnswer(f"the grants of {user_id} were asked for, those of {', '.join(sorted(foreign))} came")
    return grants, done


def _name(client_id: str) -> Steps[str]:
    """The name of an app, by the id of its service principal; "" where it is gone or may not be read."""
    answer = yield listed("/servicePrincipals/{}", client_id, params={"$select": "id,appId,displayName"}, ok=(403, 404))
    return words(row(answer.json, "service principal").get("displayName")) if answer.status == 200 else ""


@entra.action(Effect.READ, preserves=[Trace("grants", of="user_id")])
def collect_grants(user_id: UserId) -> Steps[Grants]:
    """Keep what the person let apps do.

    Source: learn.microsoft.com, Graph, List oauth2PermissionGrants of a user. Needs Directory.Read.All, and for the names of
    the apps Application.Read.All. Grants carry no date: each of the person's own is a suspect. What an administrator let an
    app do for everybody is in collect_tenant_grants.
    """
    grants, done = yield from _grants(user_id, keep="grants")
    names = dict[str, str]()
    for client in dict.fromkeys(grant.client_id for grant in grants if grant.client_id):
        names[client] = yield from _name(client)
    named = [replace(grant, app=names.get(grant.client_id, "")) for grant in grants]
    own = tuple(grant for grant in named if grant.consent == "Principal")
    ids = {grant.id for grant in own}
    listing = Listing.of([_item(grant) for grant in named], done.complete, done.notes, suspect=lambda item: item.id in ids)
    return Grants(**asdict(listing), own=own)


@entra.action(Effect.READ)
def collect_tenant_grants() -> Steps[Listing]:
    """Keep what administrators let apps do for everybody.

    Source: learn.microsoft.com, Graph, List oAuth2PermissionGrants. Needs Directory.Read.All. An app that holds such a grant
    goes on after the person's own is deleted. Grants carry no date: "Consent to application" in the directory audit does.
    """
    grants: list[Grant] = []
    done = yield from walk(listed("/oauth2PermissionGrants", keep="tenant_grants", gate="Directory.Read.All", params={
        "$filter": "consentType eq 'AllPrincipals'"}), "value", lambda one: grants.append(_grant(row(one, "grant"))),
        after=next_page)
    wanted = [grant for grant in grants if grant.consent == "AllPrincipals"]
    foreign = len(grants) - len(wanted)
    notes = (*done.notes, f"{foreign} grants of single people, that the filter did not ask for") if foreign else done.notes
    return Listing.of([_item(grant) for grant in wanted], done.complete, notes)


def _same(grants: list[Grant], client_id: str, resource_id: str) -> Grant | None:
    return next((grant for grant in grants if grant.consent == "Principal"
                 and (grant.client_id, grant.resource_id) == (client_id, resource_id)), None)


@entra.action(Effect.REVERSIBLE, undo="entra.restore_grant", destroys=[Trace("grants", of="user_id")])
def delete_grant(user_id: UserId, client_id: str, resource_id: str) -> Steps[Grant]:
    """Delete what the person let an app do.

    Source: learn.microsoft.com, Graph, Delete oAuth2PermissionGrant. Needs DelegatedPermissionGrant.ReadWrite.All. Access
    tokens that were issued under it live out their lifetime. A grant for everybody stays: the app may still work through it.
    """
    before = _same((yield from _grants(user_id))[0], client_id, resource_id)
    gone = Grant("", user_id, client_id, resource_id, "", "none")
    if before is None:
        return gone
    name = (yield from _name(client_id)) or f"client {client_id}"
    yield DELETE("/v1.0/oauth2PermissionGrants/{}", before.id, seen=before, noun="grant", affects=[f"{name}: {before.scope}"])
    if _same((yield from _grants(user_id))[0], client_id, resource_id):
        raise NotConfirmed(f"the grant to client {client_id} is still there")
    return gone


@entra.action(Effect.REVERSIBLE, undo="entra.delete_grant")
def restore_grant(user_id: UserId, client_id: str, resource_id: str, scope: str) -> Steps[Grant]:
    """Give back what the person had let an app do.

    Source: learn.microsoft.com, Graph, Create oAuth2PermissionGrant. Needs DelegatedPermissionGrant.ReadWrite.All.
    """
    before = _same((yield from _grants(user_id))[0], client_id, resource_id)
    if before:
        return before.require(scope=scope)
    wanted = Grant("", user_id, guid(client_id, "client"), guid(resource_id, "resource"), scope, "Principal")
    yield POST("/v1.0/oauth2PermissionGrants", seen=wanted, affects=[f"client {client_id}: {scope}"], noun="grant", json={
        "clientId": client_id, "consentType": "Principal", "principalId": user_id, "resourceId": resource_id, "scope": scope})
    after = _same((yield from _grants(user_id))[0], client_id, resource_id)
    if after is None:
        raise NotConfirmed(f"the grant to client {client_id} is not there")
    return after.require(scope=scope)


class AppRole(Record, frozen=True):
    """A person's role in an app: "user" access where `app_role_id` is all zeros."""

    id: str
    user_id: str
    resource_id: str
    app_role_id: str
    app: str


class AppRoles(Listing, frozen=True):
    """The app roles. `recent` are the suspects, whole."""

    recent: tuple[AppRole, ...] = ()


def _app_roles(user_id: str, keep: str = "") -> Steps[tuple[list[AppRole], list[Item], bool, tuple[str, ...]]]:
    roles: list[AppRole] = []

    def make(data: Mapping[str, Any]) -> Item:
        role = AppRole(required(ident(data.get("id")), "an app role"), ident(data.get("principalId")),
                       ident(data.get("resourceId")), ident(data.get("appRoleId")), words(data.get("resourceDisplayName")))
        roles.append(role)
        return Item(role.id, "app role", role.app, f"role {role.app_role_id}",
                    created_at=words(data.get("createdDateTime")))

    found, done = yield from everything(listed("/users/{}/appRoleAssignments", guid(user_id, "user"), keep=keep,
                                               gate="Directory.Read.All"), make)
    return roles, found, done.complete, tuple(done.notes)


@entra.action(Effect.READ, preserves=[Trace("app_roles", of="user_id")])
def collect_app_roles(user_id: UserId, since: datetime | None = None) -> Steps[AppRoles]:
    """Keep the apps that the person is assigned to.

    Source: learn.microsoft.com, Graph, List appRoleAssignments of a user. Needs Directory.Read.All. Suspects: given since
    `since`. The list includes those that come through a group.
    """
    roles, found, complete, notes = yield from _app_roles(user_id, keep="app_roles")
    listing = Listing.of(found, complete, notes, since=since)
    return AppRoles(**asdict(listing), recent=tuple(role for role in roles if role.id in listing.suspect_ids))


def _role(roles: list[AppRole], user_id: str, resource_id: str, app_role_id: str) -> AppRole | None:
    return next((r for r in roles if (r.user_id, r.resource_id, r.app_role_id) == (user_id, resource_id, app_role_id)), None)


@entra.action(Effect.REVERSIBLE, undo="entra.restore_app_role", destroys=[Trace("app_roles", of="user_id")])
def delete_app_role(user_id: UserId, resource_id: str, app_role_id: str) -> Steps[AppRole]:
    """Take a person's role in an app away.

    Source: learn.microsoft.com, Graph, Delete appRoleAssignment. Needs AppRoleAssignment.ReadWrite.All. Sessions inside the
    app itself are the app's own. One held through a group is taken away at the group.
    """
    before = _role((yield from _app_roles(user_id))[0], user_id, resource_id, app_role_id)
    if before is None:
        return AppRole("", user_id, resource_id, app_role_id, "none")
    yield DELETE("/v1.0/users/{}/appRoleAssignments/{}", user_id, before.id, seen=before, noun="app role",
                 affects=[f"{before.app or resource_id}: role {app_role_id}"])
    if _role((yield from _app_roles(user_id))[0], user_id, resource_id, app_role_id):
        raise NotConfirmed(f"the role in {before.app or resource_id} is still there")
    return AppRole("", user_id, resource_id, app_role_id, before.app)


@entra.action(Effect.REVERSIBLE, undo="entra.delete_app_role")
def restore_app_role(user_id: UserId, resource_id: str, app_role_id: str) -> Steps[AppRole]:
    """Give a person's role in an app back.

    Source: learn.microsoft.com, Graph, Grant an appRoleAssignment to a user. Needs AppRoleAssignment.ReadWrite.All.
    """
    before = _role((yield from _app_roles(user_id))[0], user_id, resource_id, app_role_id)
    if before:
        return before
    body = {"principalId": user_id, "resourceId": guid(resource_id, "resource"), "appRoleId": guid(app_role_id, "app role")}
    yield POST("/v1.0/users/{}/appRoleAssignments", user_id, json=body, noun="app role",
               seen=AppRole("", user_id, resource_id, app_role_id, ""), affects=[f"{resource_id}: role {app_role_id}"])
    after = _role((yield from _app_roles(user_id))[0], user_id, resource_id, app_role_id)
    if after is None:
        raise NotConfirmed(f"the role {app_role_id} in {resource_id} is not there")
    return after


@entra.action(Effect.READ, preserves=[Trace("owned_objects", of="user_id")])
def collect_owned(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the apps and groups that the person owns.

    Source: learn.microsoft.com, Graph, List ownedObjects. Needs User.Read.All and Application.Read.All. The owner of an app can
    add a secret to it and act as the app, disabled or not: every owned app is a suspect.
    """
    def make(data: Mapping[str, Any]) -> Item:
        kind = words(data.get("@odata.type")).rpartition(".")[2] or "object"
        return Item(required(ident(data.get("id")), "an owned object"), kind, words(data.get("displayName")),
                    ident(data.get("appId")), created_at=words(data.get("createdDateTime")))

    found, done = yield from everything(listed("/users/{}/ownedObjects", guid(user_id, "user"), keep="owned_objects",
                                               gate="User.Read.All"), make)
    return Listing.of(found, done.complete, done.notes, since=since,
                      suspect=lambda item: item.kind in ("application", "servicePrincipal"))


class Secret(Record, frozen=True):
    """A credential of an app; its value is never shown by Graph."""

    app_id: str                    # object id of the application
    key_id: str
    title: str
    created_at: str


class Secrets(Listing, frozen=True):
    """Credentials of all apps. `recent`: secrets added since the asked-for time."""

    recent: tuple[Secret, ...] = ()


def _secrets(data: Mapping[str, Any]) -> list[tuple[Secret, str]]:
    app, name = required(ident(data.get("id")), "an application"), words(data.get("displayName"))
    return [(Secret(app, ident(one.get("keyId")), f"{name}: {words(one.get('displayName')) or 'without a name'}",
                    words(one.get("startDateTime"))), kind)
            for kind, key in (("app secret", "passwordCredentials"), ("app certificate", "keyCredentials"))
            for one in (data.get(key) if isinstance(data.get(key), list) else []) or () if isinstance(one, dict)]


@entra.action(Effect.READ, preserves=[Trace("app_secrets")])
def collect_app_secrets(since: datetime) -> Steps[Secrets]:
    """Keep the secrets and certificates of all app registrations.

    Source: learn.microsoft.com, Graph, List applications. Needs Application.Read.All. Suspects begin since `since`, which
    whoever adds one may choose: compare with "Update application - Certificates and secrets" in the directory audit.
    """
    secrets: list[tuple[Secret, str]] = []

    def make(data: Mapping[str, Any]) -> Item:
        secrets.extend(_secrets(data))
        return Item(ident(data.get("id")), "application", words(data.get("displayName")))

    _, done = yield from everything(listed("/applications", keep="app_secrets", gate="Application.Read.All", params={
        "$select": "id,appId,displayName,passwordCredentials,keyCredentials"}), make)
    found = [Item(s.key_id, kind, s.title, f"application {s.app_id}", created_at=s.created_at) for s, kind in secrets]
    listing = Listing.of(found, done.complete, done.notes, since=since)
    return Secrets(**asdict(listing), recent=tuple(s for s, kind in secrets
                                                 if kind == "app secret" and s.key_id in listing.suspect_ids))


def _app(app_id: str) -> Steps[tuple[Mapping[str, Any], list[Secret]]]:
    answer = yield listed("/applications/{}", guid(app_id, "application"), params={
        "$select": "id,appId,displayName,passwordCredentials,keyCredentials"})
    data = row(answer.json, "application")
    if ident(data.get("id")) != app_id or not isinstance(data.get("passwordCredentials"), list):
        raise BadAnswer(f"application {app_id} was asked for, and came without its id or its secrets")
    return data, [secret for secret, kind in _secrets(data) if kind == "app secret"]


@entra.action(Effect.IRREVERSIBLE, destroys=[Trace("app_secrets")])
def remove_app_secret(app_id: str, key_id: str) -> Steps[Secret]:
    """Remove a secret from an app registration.

    Source: learn.microsoft.com, Graph, application: removePassword. Needs Application.ReadWrite.All. Whatever uses the secret
    stops when its token ends. `app_id` is the object id. Certificates are removed by hand: Graph wants a proof of possession.
    """
    data, secrets = yield from _app(app_id)
    if data.get("appId") == (yield from setting("client_id")):
        raise ActionError("this is irkit's own app: its secret is never removed from here",
                          next="replace it in the Entra admin center, App registrations > Certificates & secrets")
    before = next((secret for secret in secrets if secret.key_id == key_id), None)
    if before is None:
        return Secret(app_id, key_id, "none", "")
    yield POST("/v1.0/applications/{}/removePassword", app_id, json={"keyId": key_id}, seen=before, noun="app secret",
               affects=[f"{before.title}, since {before.created_at or 'an unknown time'}"])
    if any(secret.key_id == key_id for secret in (yield from _app(app_id))[1]):
        raise NotConfirmed(f"the secret {key_id} is still there")
    return before


@entra.action(Effect.READ, unverified="which Mail permission the list of inbox rules takes for an app")
def collect_inbox_rules(user_id: UserId) -> Steps[Listing]:
    """Keep the person's inbox rules.

    Source: learn.microsoft.com, Graph, List messageRules. Needs a mailbox permission, MailboxSettings.Read by the docs. A rule
    that forwards or deletes hides the intruder's mail: each of those is a suspect. Rules carry no date, and forwarding set on
    the mailbox itself is not among them.
    """
    def make(data: Mapping[str, Any]) -> Item:
        actions = data.get("actions")
        does = sorted(actions) if isinstance(actions, dict) else []
        return Item(required(ident(data.get("id")), "an inbox rule"), "inbox rule", words(data.get("displayName")),
                    ", ".join(does), active=data.get("isEnabled") is True)

    yield from get_user(user_id)
    found, done = yield from everything(listed("/users/{}/mailFolders/inbox/messageRules", user_id, keep="inbox_rules",
                                               gate="MailboxSettings.Read, and a mailbox"), make)
    return Listing.of(found, done.complete, done.notes, suspect=lambda item: any(
        verb in item.detail for verb in ("forward", "redirect", "delete", "moveToFolder")))
