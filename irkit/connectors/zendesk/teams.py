"""Who belongs together: the agents of a group or of a mail domain, who is new among them, and whose role was raised.

A supplier's team is rarely tidy: some of its people sit in the group with a private address, some bear the supplier's domain
and sit in no group. So both are asked, and either is enough.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import asdict

from irkit.action import ActionError, Effect, Item, Listing, Steps, ident, row, words
from irkit.connectors.zendesk.access import MOST_USERS
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.paging import Tally, given, items, listed, walk
from irkit.connectors.zendesk.people import User, administrator


def _group(name: str) -> Steps[str]:
    """The id of the group of exactly this name; capitals do not count, and nothing is guessed."""
    names: dict[str, str] = {}

    def add(value: Any) -> None:
        group = row(value, "group")
        names[ident(group.get("id"))] = words(group.get("name"))

    yield from walk(listed("/api/v2/groups"), "groups", add)
    found = [key for key, said in names.items() if said.casefold() == name.casefold()]
    if len(found) != 1:
        raise ActionError(f"{len(found) or 'no'} groups are called {name!r}; there are: "
                          + ", ".join(sorted(names.values())[:20]))
    return found[0]


class Agents(Listing, frozen=True):
    """Agents and administrators. The suspects are the team, or the new ones; the rest tells who of it needs a second look."""

    batches: tuple[tuple[str, ...], ...] = ()      # the team's ids, as many as one logout_many takes
    domains: tuple[str, ...] = ()                  # "partner.example: 5": the mail domains of the team
    admins: tuple[str, ...] = ()                   # who of the team is an administrator, in words
    outside: tuple[str, ...] = ()                  # who of the team is in the group alone or of the domain alone, in words


def _members(group_id: str) -> Steps[set[str]]:
    members: set[str] = set()

    def add(value: Any) -> None:
        members.add(ident(row(value, "group membership").get("user_id")))

    yield from walk(listed("/api/v2/groups/{}/memberships", group_id, keep="group_memberships"), "group_memberships", add)
    return members


@zendesk.action(Effect.READ)
def collect_agents(domain: str | None = None, group: str | None = None, since: datetime | None = None) -> Steps[Agents]:
    """List the agents of a mail domain or of a group, or the new ones.

    Source: developer.zendesk.com, Users, List Users; Groups; Group Memberships, List Memberships. Needs an administrator. All
    agents and administrators are kept; suspects are those of the group of this whole name, and those whose address is of the
    domain or of one below it, suspended ones and administrators too, never irkit's own user. "none" is none.

    With `since` alone, suspects are those who were made since then: the audit log does not record that a user is made. When an
    older one became an agent, this list does not say; collect_role_changes does.
    """
    wanted, name = given(domain).lower().removeprefix("@"), given(group)
    new = domain is None and group is None and since is not None      # where both are "none", a team was asked for, not these
    if not wanted and not name and not new:
        raise ActionError("neither a mail domain nor a group was given: whose agents?")
    own = ident((yield from administrator())["id"])
    members = (yield from _members((yield from _group(name)))) if name else set[str]()
    users: dict[str, User] = {}

    def make(data: Mapping[str, Any]) -> Item:
        user = User.of(data)
        users[user.id] = user
        return Item(user.id, user.role, user.person, active=user.active and not user.suspended, created_at=user.created_at)

    found, done = yield from items(listed("/api/v2/users", params=[("role[]", "agent"), ("role[]", "admin")], keep="agents"),
                                   "users", make)
    of_domain = {key for key, user in users.items() if wanted and _is_of(user, wanted)}
    made = {item.id for item in found if new and item.since(since)}
    team = (members | of_domain | made) & set(users) - {own}
    listing = Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: item.id in team)
    ids = listing.suspect_ids
    odd = (members ^ of_domain) & team if wanted and name else set()
    return Agents(
        **asdict(listing), batches=tuple(ids[at:at + MOST_USERS] for at in range(0, len(ids), MOST_USERS)),
        domains=tuple(f"{name}: {count}" for name, count in Counter(_domain(users[key]) for key in ids).most_common()),
        admins=tuple(users[key].person for key in ids if users[key].role == "admin"),
        outside=tuple(f"{users[key].person}: {'in the group alone' if key in members else 'of the domain alone'}"
                      for key in ids if key in odd))


def _domain(user: User) -> str:
    return user.email.rpartition("@")[2].lower()


def _is_of(user: User, domain: str) -> bool:
    return f".{_domain(user)}".endswith(f".{domain}")


CHANGED = re.compile(r"\brole [^;\n]*\bto ", re.IGNORECASE)                     # "Role changed from Administrator to End User"
RAISED = re.compile(CHANGED.pattern + r"(?!end.?user)", re.IGNORECASE)


@zendesk.action(Effect.READ, unverified="how the audit log words a change of role")
def collect_role_changes(since: datetime) -> Steps[Listing]:
    """List whose role was changed, by whom.

    Source: developer.zendesk.com, Audit Logs. Needs an administrator and the Enterprise plan.

    The list of administrators says when a user was made and not when they became one, so an old account that was raised
    looks like any other there. Suspects are those whose role was changed to another than end user. A user who was made with
    the role from the start is not in this log at all.
    """
    tally, found = Tally("audit_log", "created_at", since, None), dict[str, Item]()

    def add(value: Any) -> None:
        if tally.add(value) and isinstance(value, dict) and words(value.get("source_type")) == "user":
            change, user = words(value.get("change_description")), ident(value.get("source_id"))
            known = user in found and (CHANGED.search(found[user].detail) or not CHANGED.search(change))      # newest first
            if "role" in change.lower() and user and not known:
                found[user] = Item(user, "role", words(value.get("source_label")),
                                   f"{change}, by {words(value.get('actor_name')) or 'unknown'}", ident(value.get("actor_id")),
                                   created_at=words(value.get("created_at")))

    done = yield from walk(listed("/api/v2/audit_logs", params={"sort": "-created_at"}, keep="audit_log",
                                  gate="Enterprise plan"), "audit_logs", add, tally.past, tally.inside)
    return Listing.of(found.values(), done.complete, done.notes, since=since,
                      suspect=lambda item: bool(RAISED.search(item.detail)))
