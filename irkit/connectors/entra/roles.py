"""What a person may do in the directory: groups, roles held and through groups, roles that PIM can activate; licences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import Effect, Item, Listing, Steps, Trace, UserId, at, ident, words
from irkit.connectors.entra.base import entra, everything, guid, listed, quoted, required


def _group(data: Mapping[str, Any]) -> Item:
    kind = words(data.get("@odata.type")).rpartition(".")[2] or "group"
    return Item(required(ident(data.get("id")), "a group"), kind, words(data.get("displayName")),
                "can hold roles" if data.get("isAssignableToRole") is True else "")


def groups(user_id: str, keep: str = "") -> Steps[tuple[list[Item], bool, list[str]]]:
    """The groups of a person, direct and through others; those with a `detail` can hold directory roles."""
    found, done = yield from everything(listed("/users/{}/transitiveMemberOf", guid(user_id, "user"), keep=keep,
                                               gate="User.Read.All"), _group)
    return found, done.complete, done.notes


@entra.action(Effect.READ, preserves=[Trace("groups", of="user_id")])
def collect_groups(user_id: UserId) -> Steps[Listing]:
    """Keep the groups the person is in, directly or through others.

    Source: learn.microsoft.com, Graph, List a user's transitive memberships. Needs User.Read.All. Suspects are those that can
    hold directory roles.
    """
    found, complete, notes = yield from groups(user_id, keep="groups")
    return Listing.of(found, complete, notes, suspect=lambda item: bool(item.detail))


def _assignment(data: Mapping[str, Any]) -> Item:
    name = words(at(data, "roleDefinition.displayName")) or ident(data.get("roleDefinitionId"))
    return Item(required(ident(data.get("id")), "a role assignment"), "directory role", name,
                f"scope {words(data.get('directoryScopeId')) or '/'}", ident(data.get("principalId")),
                created_at=words(data.get("startDateTime")))


def _held(kind: str, principal: str, gate: str, keep: str = "") -> Steps[tuple[list[Item], bool, list[str]]]:
    """Assignments of one principal; rows of others, from a filter that was ignored, are told and left out."""
    found, done = yield from everything(listed(f"/roleManagement/directory/{kind}", keep=keep, gate=gate, params={
        "$filter": f"principalId eq {quoted(principal)}", "$expand": "roleDefinition"}), _assignment)
    own = [item for item in found if item.owner == principal]
    foreign = len(found) - len(own)
    said = [f"{foreign} rows of others, that the filter did not ask for"] if foreign else []
    return own, done.complete, [*done.notes, *said]


def _of_all(kind: str, user_id: str, gate: str, keep: str) -> Steps[tuple[list[Item], bool, list[str]]]:
    """Those of the person and of each group of theirs that can hold roles."""
    found, complete, notes = yield from _held(kind, user_id, gate, keep)
    members, whole, more = yield from groups(user_id)
    for group in (group for group in members if group.detail):
        through, done, said = yield from _held(kind, group.id, gate, f"{keep}_of_group")
        found, complete, notes = found + through, complete and done, notes + said
    return found, complete and whole, notes + more


@entra.action(Effect.READ, preserves=[Trace("roles", of="user_id")])
def collect_roles(user_id: UserId) -> Steps[Listing]:
    """Keep the directory roles the person holds, directly or by group.

    Source: learn.microsoft.com, Graph, List unifiedRoleAssignments. Needs RoleManagement.Read.Directory. Assignments carry no
    date: the directory audit says when they were made. Every role is a suspect.
    """
    found, complete, notes = yield from _of_all("roleAssignments", guid(user_id, "user"), "RoleManagement.Read.Directory",
                                             "roles")
    return Listing.of(found, complete, notes, suspect=lambda _item: True)


@entra.action(Effect.READ, preserves=[Trace("roles", of="user_id")])
def collect_pim(user_id: UserId, since: datetime | None = None) -> Steps[Listing]:
    """Keep the roles that PIM lets the person activate, or has activated.

    Source: learn.microsoft.com, Graph, List roleEligibilityScheduleInstances; List roleAssignmentScheduleInstances. Needs
    RoleEligibilitySchedule.Read.Directory, RoleAssignmentSchedule.Read.Directory and Entra ID P2: without them a gap. Suspects
    begin since `since`.
    """
    guid(user_id, "user")
    eligible, one, said = yield from _of_all("roleEligibilityScheduleInstances", user_id,
                                             "Entra ID P2, and RoleEligibilitySchedule.Read.Directory", "pim_eligible")
    active, two, more = yield from _of_all("roleAssignmentScheduleInstances", user_id,
                                           "Entra ID P2, and RoleAssignmentSchedule.Read.Directory", "pim_active")
    return Listing.of([*eligible, *active], one and two, [*said, *more], since=since)


def plans() -> Steps[set[str]]:
    """Names of the enabled service plans: AAD_PREMIUM, AAD_PREMIUM_P2. {"unknown"} when they may not be read."""
    answer = yield listed("/subscribedSkus", ok=(403,))
    if answer.status == 403:
        return {"unknown"}
    return {words(plan.get("servicePlanName")) for sku in answer.get("value", list) if isinstance(sku, dict)
            and sku.get("capabilityStatus") in ("Enabled", "Warning")
            for plan in sku.get("servicePlans") or () if isinstance(plan, dict)}


class Licences(Listing, frozen=True):
    """The licences. `plan`: free, p1 or p2, whichever is the highest that is enabled."""

    plan: str = "free"


@entra.action(Effect.READ)
def collect_licences() -> Steps[Licences]:
    """List the licences: they say which logs there are, and for how long.

    Source: learn.microsoft.com, Graph, List subscribedSkus. Needs Organization.Read.All. Logs are kept 7 days on Free, 30 on P1
    and P2; risk and PIM take P2. A licence bought now brings nothing back.
    """
    def make(data: Mapping[str, Any]) -> Item:
        kept = data.get("servicePlans")
        names = sorted(words(at(plan, "servicePlanName")) for plan in kept) if isinstance(kept, list) else []
        return Item(ident(data.get("id")), "licence", words(data.get("skuPartNumber")), ", ".join(names),
                    active=data.get("capabilityStatus") in ("Enabled", "Warning"))

    found, done = yield from everything(listed("/subscribedSkus", keep="licences", gate="Organization.Read.All"), make)
    names = {name for item in found if item.active for name in item.detail.split(", ")}
    plan = "p2" if "AAD_PREMIUM_P2" in names else "p1" if "AAD_PREMIUM" in names else "free"
    return Licences(**asdict(Listing.of(found, done.complete, done.notes)), plan=plan)
