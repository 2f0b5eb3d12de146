"""What an agent may do: restrict, give back what was seen, turn into a contact and back. Never of irkit's own agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from irkit.action import (
    DELETE,
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Effect,
    NotConfirmed,
    Record,
    Response,
    Steps,
    Trace,
    Unavailable,
    UserId,
    counted,
    row,
    words,
)
from irkit.connectors.freshdesk.base import ADMIN, freshdesk, number, required
from irkit.connectors.freshdesk.people import SCOPES, Agent, get_agent, look_for, own, role_names

LEAST = "Agent"             # the built-in role with the fewest rights of support agents


def _not_own(agent_id: str) -> Steps[None]:
    """Raises ActionError for irkit's own agent: Freshdesk lets nobody change their own scope or roles."""
    me = yield from own()
    if me.id == agent_id:
        raise ActionError(f"irkit uses the key of this very agent, {me.person}: Freshdesk lets nobody change their own ticket "
                          "scope or roles", next="irkit connect freshdesk, with the key of another account administrator")


def _sorted(ids: Sequence[str], what: str) -> tuple[str, ...]:
    """Each id once, smallest first. Raises ActionError for what is no id."""
    return tuple(str(one) for one in sorted({number(one, what) for one in ids}))


def _roles() -> Steps[Mapping[str, str]]:
    names = yield from role_names()
    if names is None:
        raise Unavailable("irkit's key may not list the roles", status=403, needs=ADMIN)
    return names


def _least(agent: Agent, names: Mapping[str, str]) -> tuple[str, ...]:
    """The roles to leave. At least one must remain, and it must suit the kind of agent."""
    if agent.kind != "support_agent":
        return agent.role_ids
    found = [role for role, name in names.items() if name == LEAST]
    if len(found) != 1:
        raise ActionError(f"{len(found) or 'no'} roles are called {LEAST}: name the smallest one as role_ids. Roles: "
                          + ", ".join(f"{role} {name}" for role, name in names.items()))
    return tuple(found)


def _named(ids: Sequence[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(one) or f"role {one}" for one in ids)


def _told(before: Agent, scope: int, roles: Sequence[str], groups: Sequence[str], names: Mapping[str, str]) -> str:
    return (f"{before.person}: ticket scope {before.scope} to {SCOPES[scope]}, {_named(before.role_ids, names)} to "
            f"{_named(roles, names)}, {counted(len(before.group_ids), 'group')} to {counted(len(groups), 'group')}")


def _put(before: Agent, scope: int, roles: tuple[str, ...], groups: tuple[str, ...], names: Mapping[str, str],
         skills: tuple[str, ...] | None = None) -> Steps[Agent]:
    """Bring an agent to this scope, these roles and groups; skills alone where they differ, since not all plans have them."""
    wanted = {"ticket_scope": scope, "role_ids": roles, "group_ids": groups}
    if skills is not None and skills != before.skill_ids:
        wanted["skill_ids"] = skills
    if all(getattr(before, name) == value for name, value in wanted.items()):
        return before
    body = {name: list(map(int, value)) if isinstance(value, tuple) else value for name, value in wanted.items()}
    yield PUT("/api/v2/agents/{}", before.id, json=body, seen=before.account, noun="person",
              affects=[_told(before, scope, roles, groups, names)])
    return (yield from get_agent(before.id)).require(**wanted)


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.restore_agent", destroys=[Trace("agent", of="agent_id")])
def restrict_agent(agent_id: UserId, role_ids: list[str] | None = None) -> Steps[Agent]:
    """Restrict an agent: smallest role, their own tickets alone, no group.

    Source: developers.freshdesk.com, Update an Agent. Needs the key of another account administrator.

    The strongest containment that can be undone in full. The agent can still sign in, and still sees tickets assigned to
    them: deactivate by hand next. Freshdesk has neither a list of sessions nor a way to end them, and the agent's API key goes
    on working with what is left. `role_ids`: the roles to leave; without them the built-in role "Agent", and of field agents
    and collaborators, whose roles are of another kind, those they have.
    """
    number(agent_id, "an agent")
    yield from _not_own(agent_id)
    before = yield from get_agent(agent_id)
    names = yield from _roles()
    roles = _sorted(role_ids, "a role") if role_ids is not None else _least(before, names)
    if not roles:
        raise ActionError("at least one role has to remain: Freshdesk refuses an agent without any")
    return (yield from _put(before, 3, roles, (), names))


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.restore_agent")
def restore_agent(agent_id: UserId, ticket_scope: int, role_ids: list[str], group_ids: list[str],
                  skill_ids: list[str] | None = None) -> Steps[Agent]:
    """Give an agent the ticket scope, roles and groups back.

    Source: developers.freshdesk.com, Update an Agent. Needs the key of another account administrator. Only when the person,
    the password and the API key are safe again. What was unassigned meanwhile stays so.
    """
    if ticket_scope not in SCOPES:
        raise ActionError(f"{ticket_scope} is no ticket scope: 1 is global, 2 group, 3 restricted")
    number(agent_id, "an agent")
    yield from _not_own(agent_id)
    before = yield from get_agent(agent_id)
    names = yield from _roles()
    return (yield from _put(before, ticket_scope, _sorted(role_ids, "a role"), _sorted(group_ids, "a group"), names,
                            None if skill_ids is None else _sorted(skill_ids, "a skill")))


class NoAgent(Record, frozen=True):
    """A contact that is no agent (any more)."""

    id: str
    person: str
    email: str
    other_emails: tuple[str, ...]
    proof: str


def _contact(contact_id: str) -> Steps[NoAgent]:
    answer: Response = yield GET("/api/v2/contacts/{}", contact_id, ok=(404,))
    if answer.status == 404:
        raise ActionError(f"there is neither an agent nor a contact {contact_id}", next="look at Admin > Team > Agents")
    data = row(answer.json, "contact")
    found, more = required(data.get("id"), "a contact"), data.get("other_emails")
    if found != contact_id:
        raise BadAnswer(f"contact {contact_id} was asked for, {found} came")
    email = words(data.get("email"))
    return NoAgent(found, f"{words(data.get('name')) or 'contact ' + found} <{email}>", email,
                   tuple(map(words, more)) if isinstance(more, list) else (),
                   "no agent has this id, and the contact is there")


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.make_agent",
                  destroys=[Trace("agent", of="agent_id"), Trace("ticket_assignments", of="agent_id")],
                  unverified="whether turning an agent into a contact ends open sessions and the API key at once")
def convert_to_contact(agent_id: UserId) -> Steps[NoAgent]:
    """Turn an agent into a contact: no agent any more.

    Source: developers.freshdesk.com, Delete an Agent; support.freshdesk.com, article 225495. Needs the key of another account
    administrator.

    Disruptive: all their tickets become unassigned, and undoing it (make_agent) does not assign them again. Roles, scope and
    groups come back from the copy that was kept; the seat may be taken by then. Restricting and deactivating lose less.
    """
    number(agent_id, "an agent")
    yield from _not_own(agent_id)
    before = yield from look_for(agent_id)
    if before is None:
        return (yield from _contact(agent_id))
    yield DELETE("/api/v2/agents/{}", agent_id, ok=(404,), seen=before.account, noun="person", affects=[
        f"{before.person}: from agent to contact. All their tickets become unassigned, which no undo brings back"])
    if (yield from look_for(agent_id)) is not None:
        raise NotConfirmed(f"{before.person} is still an agent")
    return (yield from _contact(agent_id))


class Visitor(Record, frozen=True):
    """What making somebody an agent is shown and approved for."""

    person: str
    other_emails: tuple[str, ...]


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.convert_to_contact")
def make_agent(agent_id: UserId, ticket_scope: int, role_ids: list[str], group_ids: list[str],
               skill_ids: list[str] | None = None, occasional: bool = False, kind: str = "support_agent") -> Steps[Agent]:
    """Make a contact an agent again, with scope, roles and groups.

    Source: developers.freshdesk.com, Make Agent. Needs the key of another account administrator and a free seat (403
    otherwise). Tickets are not assigned again, and the contact's further e-mail addresses are deleted by it.
    """
    if ticket_scope not in SCOPES:
        raise ActionError(f"{ticket_scope} is no ticket scope: 1 is global, 2 group, 3 restricted")
    roles, groups, skills = _sorted(role_ids, "a role"), _sorted(group_ids, "a group"), _sorted(skill_ids or (), "a skill")
    number(agent_id, "a contact")
    yield from own()
    names = yield from _roles()
    wanted: dict[str, Any] = {"ticket_scope": ticket_scope, "role_ids": roles, "group_ids": groups, "occasional": occasional,
                              "kind": kind}
    there = yield from look_for(agent_id)
    if there is not None:
        return there.require(**wanted)
    before = yield from _contact(agent_id)
    if not before.email:
        raise ActionError(f"{before.person} has no e-mail address, without which nobody becomes an agent")
    body = {"occasional": occasional, "ticket_scope": ticket_scope, "role_ids": list(map(int, roles)),
            "group_ids": list(map(int, groups)), "type": kind, **({"skill_ids": list(map(int, skills))} if skills else {})}
    lost = f"; {', '.join(before.other_emails)} will be deleted" if before.other_emails else ""
    yield PUT("/api/v2/contacts/{}/make_agent", agent_id, json=body, seen=Visitor(before.person, before.other_emails),
              affects=[f"{before.person}: agent, ticket scope {SCOPES[ticket_scope]}, {_named(roles, names)}, "
                       f"{counted(len(groups), 'group')}{lost}"], noun="person")
    return (yield from get_agent(agent_id)).require(**wanted)
