"""What Freshdesk changes: agents and contacts, rules, blind copies, deleted tickets."""

from __future__ import annotations

from irkit.worlds.freshdesk.tenant import DENIED, Obj, Operations, Refusal, Visit, shown, stamp
from irkit.worlds.world import Answer

operations = Operations()
STANDING = ("ticket_scope", "role_ids", "group_ids", "skill_ids", "occasional")
CONTACT = ("name", "email", "active", "last_login_at", "created_at", "updated_at")


def _checked(v: Visit, data: Obj) -> None:
    """Refuse what no agent can be: without a role, in a group that is not there."""
    if data.get("ticket_scope", 1) not in (1, 2, 3):
        raise Refusal(400, "invalid_value", "It should be one of these values: '1,2,3'", field="ticket_scope")
    if data.get("role_ids") == []:
        raise Refusal(400, "invalid_value", "Agent must have at least one role", field="role_ids")
    for field, shelf in (("role_ids", "roles"), ("group_ids", "groups")):
        wrong = [one for one in data.get(field, []) if str(one) not in v.tenant.shelves[shelf]]
        if wrong:
            raise Refusal(400, "invalid_value", f"The following values are invalid: {wrong[0]}", field=field)


@operations.on("PUT", "/agents/{}")
def update_agent(v: Visit, key: str) -> Answer:
    agent = v.tenant.one("agents", key)
    data = v.body(*STANDING, "signature", "email", "agent_type", "language", "time_zone", "focus_mode")
    if agent is v.caller and data.keys() & {"ticket_scope", "role_ids"}:
        raise Refusal(400, "inaccessible_field", "You cannot update your own role or scope", field="ticket_scope")
    _checked(v, data)
    agent.update({name: data[name] for name in STANDING if name in data}, updated_at=stamp(v.world.now()))
    if data.get("ticket_scope") == 3 and key == v.tenant.subject and v.world.options.deactivates:
        v.world.later(v.world.options.deactivates, lambda: _deactivate(v, agent))
    return Answer.json(shown(agent))


def _deactivate(v: Visit, agent: Obj) -> None:
    """What a colleague does by hand: open and pending tickets become nobody's."""
    agent["deactivated"] = True
    for ticket in v.tenant.tickets.values():
        if ticket["responder_id"] == agent["id"] and ticket["status"] in (2, 3):
            ticket["responder_id"] = None


@operations.on("DELETE", "/agents/{}")
def delete_agent(v: Visit, key: str) -> Answer:
    """The agent becomes a contact of the same id. Assigned tickets are nobody's from then on."""
    agent = v.tenant.one("agents", key)
    if agent is v.caller:
        raise Refusal(*DENIED)
    del v.tenant.shelves["agents"][key]
    v.tenant.put("contacts", {**agent["contact"], "id": agent["id"], "other_emails": [], "deleted": False,
                              "_key": agent["_key"], "updated_at": stamp(v.world.now())})
    for ticket in v.tenant.tickets.values():
        if ticket["responder_id"] == agent["id"]:
            ticket["responder_id"] = None
    return Answer(204)


@operations.on("PUT", "/contacts/{}/make_agent")
def make_agent(v: Visit, key: str) -> Answer:
    """Without a body the contact would see all tickets. Further addresses are deleted."""
    contact = v.tenant.one("contacts", key)
    data = v.body(*STANDING, "type", "signature", "focus_mode")
    if not v.world.options.seats:
        raise Refusal(403, "max_agents_reached", "You have reached the maximum number of agents (12)")
    _checked(v, data)
    del v.tenant.shelves["contacts"][key]
    now = stamp(v.world.now())
    agent = v.tenant.put("agents", {
        "id": contact["id"], "available": True, "occasional": data.get("occasional", False), "signature": None,
        "ticket_scope": data.get("ticket_scope", 1), "role_ids": data.get("role_ids", [v.tenant.role("Agent")]),
        "group_ids": data.get("group_ids", []), "skill_ids": data.get("skill_ids", []), "deactivated": False,
        "type": data.get("type", "support_agent"), "last_active_at": None, "created_at": now, "updated_at": now,
        "contact": {name: contact.get(name) for name in CONTACT},
        "_key": contact.get("_key", v.tenant.secret(f"key {key}"))})
    return Answer.json({**agent["contact"], "agent": shown(agent, "contact")})


@operations.on("PUT", "/contacts/{}/restore", "contacts")
def restore_contact(v: Visit, key: str) -> Answer:
    v.tenant.one("contacts", key)["deleted"] = False
    return Answer(204)


@operations.on("DELETE", "/contacts/{}", "contacts")
def delete_contact(v: Visit, key: str) -> Answer:
    v.tenant.one("contacts", key)["deleted"] = True
    return Answer(204)


@operations.on("PUT", "/tickets/{}/restore", "")
def restore_ticket(v: Visit, key: str) -> Answer:
    ticket = v.tenant.tickets.get(key)
    if ticket is None or not ticket["deleted"]:
        raise Refusal(404, "", "")
    ticket["deleted"] = False
    return Answer(204)


@operations.on("PUT", "/automations/{}/rules/{}", "automations")
def update_rule(v: Visit, kind: str, key: str) -> Answer:
    rule = v.tenant.one("rules", key)
    data = v.body("active", "name", "position", "performer", "events", "conditions", "operator", "actions")
    if rule["_type"] != kind:
        raise Refusal(404, "", "")
    rule.update(data, last_updated_by=v.caller["id"], updated_at=stamp(v.world.now()))
    if v.world.options.rules_clear and "conditions" not in data:
        rule["conditions"] = []
    return Answer.json({**shown(rule), "meta": {"total_active_count": 1, "total_count": len(v.tenant.shelves["rules"])}})


@operations.on("PUT", "/notifications/email/bcc", "email")
def update_bcc(v: Visit) -> Answer:
    emails = v.body("emails").get("emails")
    if not isinstance(emails, list) or not all(isinstance(one, str) and "@" in one for one in emails):
        raise Refusal(400, "invalid_value", "It should be a valid array of email addresses", field="emails")
    if len(",".join(emails)) > 255:
        raise Refusal(400, "invalid_value", "Has more than 255 characters", field="emails")
    v.tenant.bcc = emails
    return Answer.json({"emails": emails})
