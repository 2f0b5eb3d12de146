"""Agents as they are: whom irkit acts as, whom to act on, and what of an agent has to be kept before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from irkit.action import (
    GET,
    ActionError,
    BadAnswer,
    Effect,
    Email,
    Identity,
    Item,
    Listing,
    Record,
    Response,
    Steps,
    Trace,
    Unavailable,
    UserId,
    at,
    counted,
    flag,
    ident,
    row,
    walk,
    words,
)
from irkit.connectors.freshdesk.base import ADMIN, everything, freshdesk, idents, listed, next_page, number, required

SCOPES = {1: "global", 2: "group", 3: "restricted"}


class Account(Record, frozen=True):
    """What a change of an agent is shown and approved for, and what its undo restores; nothing in it moves by itself."""

    person: str
    ticket_scope: int
    role_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    skill_ids: tuple[str, ...]
    occasional: bool
    kind: str


class Agent(Record, frozen=True):
    """An agent as Freshdesk shows one. Times are RFC 3339, or "".

    `ticket_scope`: 1 sees all tickets, 2 those of their groups, 3 those assigned to them; `scope` is the word for it.
    `last_login_at` may be moved by the API key: it proves no sign-in by hand. `deactivated` can be read and not be set.
    """

    id: str
    name: str
    email: str
    kind: str                          # support_agent, field_agent, collaborator
    ticket_scope: int
    scope: str
    role_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    skill_ids: tuple[str, ...]
    occasional: bool
    deactivated: bool | None
    verified: bool | None              # the address was confirmed
    last_login_at: str
    last_active_at: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Agent:
        """Raises BadAnswer without an id, a known ticket scope, roles or groups, without which no undo is possible."""
        scope = data.get("ticket_scope")
        if isinstance(scope, bool) or not isinstance(scope, int) or scope not in SCOPES:
            raise BadAnswer("an agent came without a ticket scope that is known (1, 2 or 3)")
        return cls(required(data.get("id"), "an agent"), words(at(data, "contact.name")), words(at(data, "contact.email")),
                   words(data.get("type")) or "support_agent", scope, SCOPES[scope],
                   idents(data.get("role_ids"), "an agent's roles"), idents(data.get("group_ids"), "an agent's groups"),
                   idents(data.get("skill_ids") or [], "an agent's skills"), data.get("occasional") is True,
                   flag(data.get("deactivated")), flag(at(data, "contact.active")), words(at(data, "contact.last_login_at")),
                   words(data.get("last_active_at")), words(data.get("created_at")), words(data.get("updated_at")))

    @property
    def person(self) -> str:
        return f"{self.name or 'agent ' + self.id} <{self.email}>" if self.email else self.name or f"agent {self.id}"

    @property
    def account(self) -> Account:
        return Account(self.person, self.ticket_scope, self.role_ids, self.group_ids, self.skill_ids, self.occasional,
                       self.kind)


def look_for(agent_id: str, keep: str = "") -> Steps[Agent | None]:
    """The agent of that id, None where there is none (any more). Raises BadAnswer when another one comes."""
    number(agent_id, "an agent")
    answer: Response = yield GET("/api/v2/agents/{}", agent_id, ok=(404,), keep=keep)
    if answer.status == 404:
        return None
    agent = Agent.of(row(answer.json, "agent"))
    if agent.id != agent_id:
        raise BadAnswer(f"agent {agent_id} was asked for, {agent.id} came")
    return agent


def get_agent(agent_id: str, keep: str = "") -> Steps[Agent]:
    """The agent of that id, who must be there."""
    agent = yield from look_for(agent_id, keep)
    if agent is None:
        raise ActionError(f"there is no agent {agent_id}: removed, or turned into a contact",
                          next="look at Admin > Team > Agents; where a step of this run did it, irkit undo INCIDENT")
    return agent


def own() -> Steps[Agent]:
    """The agent whose key irkit uses."""
    return Agent.of(row((yield GET("/api/v2/agents/me")).json, "agent"))


def sees_all_tickets() -> Steps[None]:
    """Raises Unavailable where irkit's own agent sees a part of the tickets: every list would be short and look whole."""
    me = yield from own()
    if me.ticket_scope != 1:
        raise Unavailable(f"irkit's own agent, {me.person}, has the ticket scope {me.scope}: Freshdesk would show that agent's "
                          "tickets alone, as if there were no others", status=200, needs="global ticket scope",
                          next="irkit doctor freshdesk")


def role_names() -> Steps[dict[str, str] | None]:
    """Names of all roles by id; None where irkit's key may not list them."""
    found: dict[str, str] = {}

    def add(value: Any) -> None:
        found[required(row(value, "role").get("id"), "a role")] = words(value.get("name"))

    try:
        yield from walk(listed("/roles", gate=ADMIN), "", add, after=next_page)
    except Unavailable:
        return None
    return found


@freshdesk.action(Effect.READ)
@freshdesk.identity
def whoami() -> Steps[Identity]:
    """Check who irkit acts as.

    Source: developers.freshdesk.com, Currently Authenticated Agent; List All Roles; View Account. Open to any agent. `admin`
    says that the key may list the roles, which takes administrator privileges. Who else is an administrator is not listed:
    lists of agents come without their roles.
    """
    me = yield from own()
    names = yield from role_names()
    held = [(names or {}).get(role) or f"role {role}" for role in me.role_ids]
    answer = yield GET("/api/v2/account", ok=(403, 404))
    plan = words(row(answer.json, "account").get("tier_type")) if answer.status == 200 else ""
    return Identity(me.id, me.email, me.name, ", ".join(held), names is not None, plan)


@freshdesk.action(Effect.READ)
def find_agent(email: Email) -> Steps[Agent]:
    """Find the agent with exactly this e-mail address.

    Source: developers.freshdesk.com, List All Agents; View an Agent. Needs an account administrator. The filter is not
    trusted, addresses are compared here; none or several end the step. A contact of that address is named, not taken.
    """
    wanted, found = email.strip(), list[str]()

    def add(value: Any) -> None:
        if words(at(row(value, "agent"), "contact.email")).casefold() == wanted.casefold():
            found.append(required(value.get("id"), "an agent"))

    yield from walk(listed("/agents", params={"email": wanted}, gate=ADMIN), "", add, after=next_page)
    if len(found) != 1:
        raise ActionError(f"{len(found) or 'no'} agents have exactly the address {wanted}"
                          + (": ids " + ", ".join(found) if found else (yield from _no_agent(wanted))),
                          next="look at Admin > Team > Agents, deactivated ones too")
    return (yield from get_agent(found[0]))


def _no_agent(email: str) -> Steps[str]:
    contacts: list[str] = []

    def add(value: Any) -> None:
        if words(row(value, "contact").get("email")).casefold() == email.casefold():
            contacts.append(ident(value.get("id")))

    yield from walk(listed("/contacts", params={"email": email}), "", add, after=next_page)
    return f"; it is a contact, id {contacts[0]}, and no agent (any more)" if contacts else ", and no contact has it"


@freshdesk.action(Effect.READ, preserves=[Trace("agent", of="agent_id")])
def collect_agent(agent_id: UserId) -> Steps[Agent]:
    """Keep the agent as it is: ticket scope, roles, groups, last sign-in.

    Source: developers.freshdesk.com, View an Agent. Needs an account administrator. Take it before anything else: Freshdesk
    keeps no history, and every undo is made from this copy.
    """
    return (yield from get_agent(agent_id, keep="agent"))


@freshdesk.action(Effect.READ)
def check_deactivated(agent_id: UserId) -> Steps[Agent]:
    """Check that the agent was deactivated by hand.

    Source: developers.freshdesk.com, View an Agent; support.freshdesk.com, article 50000008338 (deactivating agents). Needs
    an account administrator. Freshdesk can be asked whether an agent is deactivated, not to do it.
    """
    return (yield from get_agent(agent_id)).require(deactivated=True)


def _agent(names: Mapping[str, str]) -> Callable[[Mapping[str, Any]], Item]:
    def make(data: Mapping[str, Any]) -> Item:
        roles = data.get("role_ids")
        held = ", ".join(names.get(ident(one)) or ident(one) for one in roles) if isinstance(roles, list) else ""
        scope = data.get("ticket_scope")
        told = [words(data.get("type")), f"scope {SCOPES[scope]}" if scope in (1, 2, 3) else "", held,
                "deactivated" if data.get("deactivated") is True else ""]
        return Item(required(data.get("id"), "an agent"), "agent", words(at(data, "contact.email")),
                    ", ".join(filter(None, told)), created_at=words(data.get("created_at")),
                    updated_at=words(data.get("updated_at")), used_at=words(at(data, "contact.last_login_at")))
    return make


@freshdesk.action(Effect.READ, preserves=[Trace("agents")])
def collect_agents(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of agents.

    Source: developers.freshdesk.com, List All Agents. Needs an account administrator. The list says nothing of roles, as a
    rule. Suspects were created since `since`, never irkit's own; compare the rest with the people you expect.
    """
    me = yield from own()
    names = yield from role_names()
    found, done = yield from everything(listed("/agents", keep="agents", gate=ADMIN), _agent(names or {}))
    if done.complete and me.id not in {item.id for item in found}:
        raise BadAnswer(f"the list of agents does not hold irkit's own, {me.person}: it is not whole")
    return Listing.of(found, done.complete, done.notes, since=since, suspect=lambda item: (
        Item("", "", "", created_at=item.created_at).since(since) and item.id != me.id))


def _role(data: Mapping[str, Any]) -> Item:
    return Item(required(data.get("id"), "a role"), "role", words(data.get("name")),
                "built in" if data.get("default") is True else "made here", created_at=words(data.get("created_at")),
                updated_at=words(data.get("updated_at")))


@freshdesk.action(Effect.READ)
def collect_roles(since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of roles.

    Source: developers.freshdesk.com, List All Roles. Needs an account administrator. The API can only read them; a role that
    was changed since `since` may give more than its name says.
    """
    yield from own()
    found, done = yield from everything(listed("/roles", keep="roles", gate=ADMIN), _role)
    return Listing.of(found, done.complete, done.notes, since=since)


@freshdesk.action(Effect.READ)
def collect_groups(agent_id: UserId | None = None, since: datetime | None = None) -> Steps[Listing]:
    """Keep the list of groups, and who is in them.

    Source: developers.freshdesk.com, List All Groups. Needs an account administrator. Suspects are the groups of `agent_id`;
    without one, those made or changed since `since`.
    """
    yield from own()
    inside = (yield from get_agent(agent_id)).group_ids if agent_id else ()

    def make(data: Mapping[str, Any]) -> Item:
        agents = data.get("agent_ids")
        return Item(required(data.get("id"), "a group"), "group", words(data.get("name")),
                    counted(len(agents), "agent") if isinstance(agents, list) else "",
                    created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))

    found, done = yield from everything(listed("/groups", keep="groups", gate=ADMIN), make)
    missing = sorted({*inside} - {item.id for item in found})
    notes = [*done.notes, *(f"group {group} of the agent is not in the list" for group in missing)]
    return Listing.of(found, done.complete and not missing, notes, since=since,
                      suspect=(lambda item: item.id in inside) if agent_id else None)


class Plan(Record, frozen=True):
    """The account as Freshdesk shows it. `plan` is what it calls the tier."""

    id: str
    name: str
    plan: str
    organisation: str


def _plan(keep: str = "") -> Steps[Plan]:
    data = row((yield GET("/api/v2/account", keep=keep, gate=ADMIN)).json, "account")
    plan = words(data.get("tier_type"))
    if not plan:
        raise BadAnswer("the account came without its plan")
    return Plan(ident(data.get("account_id")), words(data.get("account_name")), plan, words(data.get("organisation_name")))


@freshdesk.action(Effect.READ)
def collect_account() -> Steps[Plan]:
    """Keep the account's data: its plan, its organisation.

    Source: developers.freshdesk.com, View Account; View Helpdesk Settings. Needs an account administrator. A person of the
    organisation may be in other accounts of it, where nothing done here has any effect.
    """
    plan = yield from _plan(keep="account")
    row((yield GET("/api/v2/settings/helpdesk", keep="helpdesk_settings", gate=ADMIN)).json, "helpdesk's settings")
    return plan


@freshdesk.action(Effect.READ, unverified="which plans have an audit log; what is known of it is secondary")
def check_audit_log() -> Steps[Plan]:
    """Check whether the plan has an audit log to look at by hand.

    Source: developers.freshdesk.com, View Account; resellers' copies of the vendor's article on the audit log. Needs an account
    administrator. Below Enterprise there is none: a gap, administrative changes cannot be established. Where there is one, no
    API reads it, and it holds no sign-ins, reads or exports; the audit-log API that people remember is Freshservice's.
    """
    plan = yield from _plan()
    if "enterprise" not in plan.plan.casefold():
        raise Unavailable(f"the plan {plan.plan} has no audit log: administrative changes cannot be established", status=200,
                          needs="Enterprise plan", next="ask Freshworks, and the people who may have made changes")
    return plan


# -- what `irkit doctor` proves ------------------------------------------------------------------------------------

@freshdesk.proof("role Account Administrator", "see, restrict and restore agents")
def _reads_agents() -> Steps[Any]:
    yield GET("/api/v2/agents", params={"per_page": 1}, gate=ADMIN)


@freshdesk.proof("ticket scope Global", "see all tickets; a smaller scope shortens lists in silence")
def _sees_tickets() -> Steps[Any]:
    yield from sees_all_tickets()
    yield GET("/api/v2/tickets", params={"per_page": 1}, gate="right to see tickets")


@freshdesk.proof("right to see contacts", "see contacts that were changed or deleted")
def _reads_contacts() -> Steps[Any]:
    yield GET("/api/v2/contacts", params={"per_page": 1}, gate="right to see contacts")


@freshdesk.proof("right to manage automations", "see and switch off rules that send tickets out")
def _reads_rules() -> Steps[Any]:
    yield GET("/api/v2/automations/1/rules", params={"per_page": 1}, gate="right to manage automations",
              secret=("api_key", "auth_header", "custom_headers"))


@freshdesk.proof("right to manage email settings", "see mailboxes, and see and remove automatic BCC addresses")
def _reads_mail() -> Steps[Any]:
    yield GET("/api/v2/notifications/email/bcc", gate="right to manage email settings")


@freshdesk.proof("right to manage the account", "read the plan, which says what logs there are")
def _reads_account() -> Steps[Any]:
    yield GET("/api/v2/account", gate=ADMIN)
