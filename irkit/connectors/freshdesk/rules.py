"""Automations: rules that act on tickets by themselves, call webhooks, forward, mail. Off can be undone; nothing is deleted.

A rule's switch is sent alone. The look afterwards compares all else that the rule does, so that one that lost its conditions by
being switched is noticed. Lists come as {"rules": […]} by the documentation, as a bare list by clients' code: both are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from irkit.action import (
    GET,
    PUT,
    ActionError,
    BadAnswer,
    Effect,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Refused,
    Response,
    Steps,
    Trace,
    UserId,
    ident,
    row,
    words,
)
from irkit.connectors.freshdesk.base import everything, freshdesk, listed, next_page, number, required
from irkit.connectors.freshdesk.people import own

SECRETS = ("api_key", "auth_header", "custom_headers", "password")
GATE = "right to manage automations"
TYPES = {"1": "on new tickets", "2": "of type 2", "3": "by the hour", "4": "on ticket updates"}
SURE = ("1", "4")           # all sources have these; what 2 and 3 are, and whether they are, differs
MOST_WORDS = 200
SWITCH = "whether Freshdesk takes a rule's switch alone; third-party clients send it"


class Rule(Record, frozen=True):
    """One rule. `sends` says where to, where it calls an address or mails; times are RFC 3339, or ""."""

    type: str                      # "1" on new tickets, "4" on ticket updates
    id: str
    title: str
    does: str
    sends: str
    active: bool
    changed_by: str
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, kind: str, data: Mapping[str, Any]) -> Rule:
        """Raises BadAnswer without an id or whether it is active."""
        active = data.get("active")
        if not isinstance(active, bool):
            raise BadAnswer("an automation came without whether it is active")
        parts = data.get("actions")
        steps = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        return cls(kind, required(data.get("id"), "an automation"), words(data.get("name")),
                   "; ".join(words(part.get("field_name")) for part in steps)[:MOST_WORDS],
                   "; ".join(filter(None, map(_sends, steps)))[:MOST_WORDS], active, ident(data.get("last_updated_by")),
                   words(data.get("created_at")), words(data.get("updated_at")))

    @property
    def told(self) -> str:
        told = [self.sends or self.does, "" if self.active else "off", self.changed_by and f"last changed by {self.changed_by}",
                self.updated_at and f"changed {self.updated_at}"]
        return ", ".join([f'{self.type}/{self.id} "{self.title}" {TYPES[self.type]}', *filter(None, told)])


def _sends(part: Mapping[str, Any]) -> str:
    """Where one of a rule's actions sends to; an address without its query, which may bear a key."""
    url, to = urlsplit(_plain(words(part.get("url")))), part.get("fwd_to")
    if url.netloc:
        return f"calls {url.scheme}://{url.netloc}{url.path}"
    many = [*(to if isinstance(to, list) else [to]), part.get("fwd_cc"), part.get("fwd_bcc")]
    mailed = ", ".join(filter(None, map(words, many)))
    return f"forwards to {mailed}" if mailed else f"posts to {words(part.get('push_to'))}" if words(part.get("push_to")) else ""


def _plain(url: str) -> str:
    """A URL that `urlsplit` can take apart: brackets outside an IPv6 address are an error to it."""
    return url[:2000].replace("[", "%5B").replace("]", "%5D")


class Rules(Record, frozen=True):
    """All automations. `suspects` were changed in the window, or last by the agent; `senders` are all that send out."""

    count: int
    suspects: tuple[Rule, ...]
    named: tuple[str, ...]         # the suspects in words
    senders: tuple[str, ...]       # in words: look at every address, whenever the rule was made
    complete: bool
    notes: tuple[str, ...]
    items: tuple[Rule, ...]


def _of_type(kind: str) -> Steps[list[Rule]]:
    found: list[Rule] = []
    request, followed = listed("/automations/{}/rules", kind, secret=SECRETS, gate=GATE, ok=(400, 404)), set[str]()
    while True:
        answer: Response = yield request
        if answer.status in (400, 404):
            raise Refused(f"Freshdesk knows no automations of type {kind}", status=answer.status)
        data = answer.json
        rows = data.get("rules") if isinstance(data, dict) else data
        if not isinstance(rows, list):
            raise BadAnswer(f"the automations of type {kind} came without their list")
        found += [Rule.of(kind, row(one, "automation")) for one in rows]
        followed.add(request.target)
        following = next_page(request, answer)
        if following is None:
            return found
        if following.target in followed:
            raise BadAnswer(f"the automations of type {kind} give a next page that was read before")
        request = following


@freshdesk.action(Effect.READ, preserves=[Trace("automations")])
def collect_automations(since: datetime, agent_id: UserId | None = None) -> Steps[Rules]:
    """List the automations, and where they send tickets to.

    Source: developers.freshdesk.com, List All Automation Rules. Needs the right to manage automations. Types 1 to 4 are asked
    for, since sources differ about 2 and 3. Suspects were changed since `since`, or last by `agent_id`; senders are all that
    call an address, forward or post, however old. Keys, passwords and headers of webhooks are removed.
    """
    yield from own()
    found, notes = list[Rule](), list[str]()
    for kind in TYPES:
        try:
            found += yield from _of_type(kind)
        except Refused as refused:
            if kind in SURE:
                raise
            notes.append(refused.what)
    suspects = [rule for rule in found if Item("", "", "", created_at=rule.created_at, updated_at=rule.updated_at).since(since)
                or (agent_id is not None and rule.changed_by == agent_id)]
    return Rules(len(found), tuple(suspects), tuple(rule.told for rule in suspects),
                 tuple(rule.told for rule in found if rule.sends), True, tuple(notes), tuple(found))


def _scenario(data: Mapping[str, Any]) -> Item:
    parts = data.get("actions")
    does = "; ".join(words(part.get("name")) for part in parts if isinstance(part, dict)) if isinstance(parts, list) else ""
    return Item(required(data.get("id"), "a scenario automation"), "scenario automation", words(data.get("name")),
                does[:MOST_WORDS], created_at=words(data.get("created_at")), updated_at=words(data.get("updated_at")))


@freshdesk.action(Effect.READ)
def collect_scenario_automations(since: datetime) -> Steps[Listing]:
    """Keep the list of scenario automations, which agents run with one click.

    Source: developers.freshdesk.com, List All Scenario Automations. Needs an agent; private ones of others may be missing.
    """
    yield from own()
    found, done = yield from everything(listed("/scenario_automations", keep="scenario_automations"), _scenario)
    return Listing.of(found, done.complete, done.notes, since=since)


def _look(kind: str, rule_id: str) -> Steps[tuple[Rule, Mapping[str, Any]]]:
    """A rule, and what it does besides being on or off."""
    answer = yield GET("/api/v2/automations/{}/rules/{}", kind, rule_id, secret=SECRETS)
    data = row(answer.json, "automation")
    rule = Rule.of(kind, data)
    if rule.id != rule_id:
        raise BadAnswer(f"automation {rule_id} was asked for, {rule.id} came")
    return rule, {name: data.get(name) for name in ("name", "performer", "events", "conditions", "operator", "actions")}


def _switch(kind: str, rule_id: str, active: bool) -> Steps[Rule]:
    if kind not in TYPES:
        raise ActionError(f"{kind!r} is no type of automation: {', '.join(TYPES)}")
    number(rule_id, "an automation")
    before, was = yield from _look(kind, rule_id)
    if before.active is active:
        return before
    yield PUT("/api/v2/automations/{}/rules/{}", kind, rule_id, json={"active": active}, secret=SECRETS, seen=before,
              affects=[before.told], noun="automation")
    after, now = yield from _look(kind, rule_id)
    lost = [name for name, value in was.items() if now[name] != value]
    if lost:
        raise NotConfirmed(f"automation {rule_id} is {'on' if after.active else 'off'}, and its {' and '.join(lost)} changed "
                           "with it: put it right by hand from the kept list")
    return after.require(active=active)


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.enable_automation", unverified=SWITCH)
def disable_automation(type: str, id: str) -> Steps[Rule]:
    """Turn an automation off.

    Source: developers.freshdesk.com, Update an Automation Rule. Needs the right to manage automations. What it did before
    stands in the kept list. Rules below it in the order may then run in its place.
    """
    return (yield from _switch(type, id, False))


@freshdesk.action(Effect.REVERSIBLE, undo="freshdesk.disable_automation", unverified=SWITCH)
def enable_automation(type: str, id: str) -> Steps[Rule]:
    """Turn an automation back on.

    Source: developers.freshdesk.com, Update an Automation Rule. Needs the right to manage automations.
    """
    return (yield from _switch(type, id, True))
