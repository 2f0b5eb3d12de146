"""What Freshdesk shows: agents, roles, groups, contacts, tickets and what was written on them, automations, mail, exports."""

from __future__ import annotations

from datetime import timedelta

from irkit.worlds.freshdesk.tenant import Obj, Operations, Refusal, Visit, shown, stamp
from irkit.worlds.world import Answer

operations = Operations()
TYPES = ("1", "3", "4")             # of automations; the vendor's own page knows no 2
OLDEST = 10                         # conversations that a ticket shows with include=conversations


@operations.on("GET", "/agents/me", "")
def me(v: Visit) -> Answer:
    return Answer.json(shown(v.caller))


@operations.on("GET", "/agents")
def agents(v: Visit) -> Answer:
    """The rows of a list say nothing of roles, groups and skills."""
    email = "" if v.world.options.ignore_filters else v.call.get("email").lower()
    rows = [one for one in v.tenant.shelves["agents"].values() if email in ("", one["contact"]["email"].lower())]
    return v.list(rows, "role_ids", "group_ids", "skill_ids")


@operations.on("GET", "/agents/{}")
def agent(v: Visit, key: str) -> Answer:
    return Answer.json(shown(v.tenant.one("agents", key)))


@operations.on("GET", "/roles")
def roles(v: Visit) -> Answer:
    return v.list(list(v.tenant.shelves["roles"].values()))


@operations.on("GET", "/groups")
def groups(v: Visit) -> Answer:
    everybody = v.tenant.shelves["agents"].values()
    return v.list([{**group, "agent_ids": [one["id"] for one in everybody if group["id"] in one["group_ids"]]}
                   for group in v.tenant.shelves["groups"].values()])


@operations.on("GET", "/account", "account")
def account(v: Visit) -> Answer:
    return Answer.json({"account_id": 4711, "account_name": v.tenant.words("Northwind drill"), "organisation_id": 9,
                        "organisation_name": v.tenant.words("northwind"), "tier_type": v.world.options.plan.title(),
                        "account_domain": "northwind-drill.freshdesk.com", "data_center": "EU"})


@operations.on("GET", "/settings/helpdesk", "account")
def helpdesk(_v: Visit) -> Answer:
    return Answer.json({"primary_language": "en", "supported_languages": [], "portal_languages": []})


# -- contacts ------------------------------------------------------------------------------------------------------

@operations.on("GET", "/contacts", "contacts")
def contacts(v: Visit) -> Answer:
    """Deleted ones come when they are asked for alone. Agents are no contacts."""
    email, since = v.call.get("email").lower(), "" if v.world.options.ignore_filters else v.call.get("_updated_since")
    gone = v.call.get("state") == "deleted" and not v.world.options.ignore_filters
    return v.list([one for one in v.tenant.shelves["contacts"].values() if one["deleted"] is gone
                   and email in ("", one["email"].lower()) and one["updated_at"] >= since])


@operations.on("GET", "/contacts/{}", "contacts")
def contact(v: Visit, key: str) -> Answer:
    return Answer.json(shown(v.tenant.one("contacts", key)))


# -- tickets -------------------------------------------------------------------------------------------------------

def _may_see(v: Visit, ticket: Obj) -> bool:
    scope = v.caller["ticket_scope"]
    return bool(scope == 1 or ticket["responder_id"] == v.caller["id"]
                or (scope == 2 and ticket["group_id"] in v.caller["group_ids"]))


@operations.on("GET", "/tickets", "")
def tickets(v: Visit) -> Answer:
    """Without `updated_since` those made in the last 30 days; newest first unless asked; short by the caller's scope."""
    ignored = v.world.options.ignore_filters
    since, gone = "" if ignored else v.call.get("updated_since"), v.call.get("filter") == "deleted" and not ignored
    floor = stamp(v.world.now() - timedelta(days=30))
    order = v.call.get("order_by", "created_at")
    if order not in ("created_at", "updated_at", "due_by", "status"):
        raise Refusal(400, "invalid_value", "It should be one of these values: 'created_at,due_by,updated_at,status'",
                      field="order_by")
    rows = [one for one in v.tenant.tickets.values() if one["deleted"] is gone and _may_see(v, one)
            and (one["updated_at"] >= since if since else one["created_at"] >= floor)]
    rows.sort(key=lambda one: (one[order], one["id"]), reverse=v.call.get("order_type", "desc") == "desc")
    answer = v.list(rows, "deleted") if not gone else v.list(rows)
    if v.world.options.busy:
        _touch(v, rows)
    return answer


def _touch(v: Visit, rows: list[Obj]) -> None:
    """Somebody works on the oldest ticket that was just listed: it moves to the end of the list."""
    for ticket in (one for one in rows[:1] if one["updated_at"] < stamp(v.tenant.start)):
        ticket["updated_at"] = stamp(v.tenant.start)


def _ticket(v: Visit, key: str) -> Obj:
    found = v.tenant.tickets.get(key)
    if found is None or not _may_see(v, found):
        raise Refusal(404, "", "")
    return found


@operations.on("GET", "/tickets/{}", "")
def ticket(v: Visit, key: str) -> Answer:
    found = shown(_ticket(v, key))
    if "conversations" in v.call.get("include"):
        found["conversations"] = v.tenant.written.get(key, [])[:OLDEST]
    return Answer.json(found)


@operations.on("GET", "/tickets/{}/conversations", "")
def conversations(v: Visit, key: str) -> Answer:
    if _ticket(v, key)["_archived"]:
        raise Refusal(404, "", "")
    return v.list(v.tenant.written.get(key, []))


@operations.on("GET", "/tickets/archived/{}/conversations", "")
def archived(v: Visit, key: str) -> Answer:
    if not _ticket(v, key)["_archived"]:
        raise Refusal(404, "", "")
    return v.list(v.tenant.written.get(key, []))


# -- what acts by itself, mail, exports ----------------------------------------------------------------------------

@operations.on("GET", "/automations/{}/rules", "automations")
def rules(v: Visit, kind: str) -> Answer:
    if kind not in TYPES:
        raise Refusal(404, "", "")
    rows = [shown(one) for one in v.tenant.shelves["rules"].values() if one["_type"] == kind]
    return Answer.json(rows if v.world.options.bare_rules else {
        "rules": rows, "meta": {"count": len(rows), "cascading_rules": kind == "4"}})


@operations.on("GET", "/automations/{}/rules/{}", "automations")
def rule(v: Visit, kind: str, key: str) -> Answer:
    found = v.tenant.one("rules", key)
    if found["_type"] != kind:
        raise Refusal(404, "", "")
    return Answer.json(shown(found))


@operations.on("GET", "/scenario_automations", "")
def scenarios(v: Visit) -> Answer:
    return v.list(list(v.tenant.shelves["scenarios"].values()))


@operations.on("GET", "/email/mailboxes", "email")
def mailboxes(v: Visit) -> Answer:
    return v.list(list(v.tenant.shelves["mailboxes"].values()))


@operations.on("GET", "/email_configs", "email")
def configs(v: Visit) -> Answer:
    return v.list(list(v.tenant.shelves["configs"].values()))


@operations.on("GET", "/email/settings", "email")
def settings(_v: Visit) -> Answer:
    return Answer.json({"personalized_email_replies": True, "create_requester_using_reply_to": False,
                        "allow_agent_to_initiate_conversation": True, "original_sender_as_requester_for_forward": True})


@operations.on("GET", "/notifications/email/bcc", "email")
def bcc(v: Visit) -> Answer:
    return Answer.json({"emails": v.tenant.bcc})


def _export(kind: str) -> None:
    @operations.on("GET", f"/{kind}/export/{{}}")
    def export(v: Visit, key: str) -> Answer:
        found = v.tenant.one("exports", key)
        if found["_of"] != kind:
            raise Refusal(404, "", "")
        return Answer.json(shown(found))


_export("contacts")
_export("companies")


@operations.on("GET", "/jobs/{}")
def job(v: Visit, key: str) -> Answer:
    return Answer.json(shown(v.tenant.one("jobs", key)))
