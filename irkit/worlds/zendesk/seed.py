"""The ordinary account, before anything goes wrong in it: its people, what they connected, its rules."""

from __future__ import annotations

from collections.abc import Sequence

from irkit.worlds.world import Person
from irkit.worlds.zendesk import history
from irkit.worlds.zendesk.state import BREAK_GLASS, OFFICE, OWNER, Obj, Tenant, stamp

_FIRST = ("Aiko", "Bruno", "Chidi", "Daria", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Mateo",
          "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sven", "Tariq", "Uma", "Vera", "Wanda", "Xenia", "Yusuf", "Zofia")
_LAST = ("Almeida", "Berg", "Castillo", "Dubois", "Eriksen", "Fontaine", "Garcia", "Haddad", "Ivanova", "Jansen", "Kowalski",
         "Lindholm", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Schmidt", "Tanaka", "Urban", "Vargas", "Weber")
_ROLES = ("Support tier 1", "Support tier 2", "Team lead")


def furnish(tenant: Tenant, people: Sequence[Person]) -> None:
    """Fill an empty account. `people` exist in it, with their roles."""
    _custom_roles(tenant)
    _staff(tenant, people)
    _customers(tenant, people)
    history.write(tenant)
    _oauth(tenant)
    _api_tokens(tenant)
    _connected(tenant)
    _rules(tenant)
    _deleted(tenant)
    _settings(tenant)
    _groups(tenant)
    _deleted_users(tenant)
    _agreements(tenant)


def _custom_roles(tenant: Tenant) -> None:
    if tenant.options.plan == "enterprise":
        for name in _ROLES:
            tenant.add(tenant.custom_roles, {
                "name": tenant.words(name), "description": "", "role_type": 0, "team_member_count": 0,
                "created_at": stamp(tenant.ago(days=700)), "updated_at": stamp(tenant.ago(days=500)),
                "configuration": {"view_deleted_tickets": name == "Team lead", "ticket_deletion": name == "Team lead",
                                  "end_user_list_access": "full", "report_access": "readonly", "manage_business_rules":
                                  name == "Team lead", "manage_extensions_and_channels": False}})


def add_user(tenant: Tenant, name: str, email: str, role: str, *, days: float = 400, **fields: object) -> Obj:
    """A new user with its first e-mail identity; agents and administrators get a session too."""
    custom = list(tenant.custom_roles.values())
    tier = custom[tenant.random.randrange(2)] if role == "agent" and custom else None
    user = tenant.add(tenant.users, {
        "name": tenant.words(name), "email": email.lower(), "role": role,
        "role_type": 4 if role == "admin" else 0 if tier else None, "custom_role_id": tier["id"] if tier else None,
        "suspended": False, "active": True, "verified": True,
        "two_factor_auth_enabled": (role != "end-user" and tenant.random.random() < 0.7) or None,
        "last_login_at": stamp(tenant.ago(hours=tenant.random.randrange(1, 200))), "restricted_agent": False,
        "ticket_restriction": None if role != "end-user" else "requested", "details": tier["name"] if tier else "",
        "created_at": stamp(tenant.ago(days=days)), "updated_at": stamp(tenant.ago(days=days / 2)), "time_zone": "UTC",
        "locale": "en-US", "phone": None, "organization_id": None, "_owner": False, **fields})
    add_identity(tenant, user, user["email"], primary=True, days=days)
    return user


def add_identity(tenant: Tenant, user: Obj, email: str, *, primary: bool = False, days: float = 0) -> None:
    at = stamp(tenant.ago(days=days))
    tenant.add(tenant.identities, {"user_id": user["id"], "type": "email", "value": email, "verified": True, "primary": primary,
                                   "created_at": at, "updated_at": at})


def add_session(tenant: Tenant, user: Obj, *, hours: float, seen: float = 0.1) -> None:
    tenant.add(tenant.sessions, {"user_id": user["id"], "authenticated_at": stamp(tenant.ago(hours=hours)),
                                 "last_seen_at": stamp(tenant.ago(hours=min(seen, hours)))})


def _staff(tenant: Tenant, people: Sequence[Person]) -> None:
    add_user(tenant, "Alma Northwind", OWNER, "admin", days=1500, _owner=True)
    add_user(tenant, "ir-break-glass", BREAK_GLASS, "admin", days=300)
    for person in people:
        if person.role != "end-user" and tenant.person(person.email) is None:
            add_user(tenant, person.name, person.email, person.role)
    for number in range(max(4, tenant.options.agents)):
        first, last = _FIRST[number % len(_FIRST)], _LAST[(number * 7 + number // len(_FIRST)) % len(_LAST)]
        tail = "" if number < len(_FIRST) else str(number)
        add_user(tenant, f"{first} {last}", f"{first}.{last}{tail}@northwind.example", "admin" if number == 3 else "agent",
                 days=40 + tenant.random.randrange(900), suspended=number == 2)
    for user in [u for u in tenant.users.values() if not u["suspended"] and u["email"] != BREAK_GLASS]:
        for _ in range(tenant.random.randrange(1, 4)):
            add_session(tenant, user, hours=tenant.random.randrange(1, 300), seen=tenant.random.randrange(24))


def _customers(tenant: Tenant, people: Sequence[Person]) -> None:
    """Those who write tickets, and for every named person one whose address contains theirs: search is fuzzy."""
    for person in people:
        if tenant.person(person.email) is None:
            add_user(tenant, person.name, person.email, "end-user")
        add_user(tenant, person.name, f"old-{person.email}", "end-user", days=900)
    for number in range(30):
        add_user(tenant, f"{_FIRST[-number % 26]} {_LAST[number % 23]}", f"customer{number}@mail.example", "end-user",
                 days=number * 9 + 3)
    tenant.customers = [user["id"] for user in tenant.users.values() if user["role"] == "end-user"]


def add_client(tenant: Tenant, user: Obj, name: str, identifier: str, redirect: str, *, days: float) -> Obj:
    at = stamp(tenant.ago(days=days))
    return tenant.add(tenant.clients, {
        "identifier": identifier, "name": tenant.words(name), "kind": "confidential", "company": "",
        "redirect_uri": [redirect] if redirect else [], "user_id": user["id"], "created_at": at, "updated_at": at,
        "global": False,
        "secret": tenant.secret(identifier)[:10], "_secret": tenant.secret(identifier)})


def add_token(tenant: Tenant, user: Obj, client: Obj, name: str, *, days: float, used: float,
              scopes: Sequence[str] = ("read", "write")) -> Obj:
    """An OAuth token; only its first ten characters are ever listed."""
    value = tenant.secret(f"token {name}")
    return tenant.add(tenant.tokens, {
        "user_id": user["id"], "client_id": client["id"], "scopes": list(scopes), "created_at": stamp(tenant.ago(days=days)),
        "used_at": stamp(tenant.ago(days=used)), "expires_at": None, "refresh_token_expires_at": None, "token": value[:10],
        "_value": value})


def _oauth(tenant: Tenant) -> None:
    owner, glass = tenant.known(OWNER), tenant.known(BREAK_GLASS)
    own = add_client(tenant, glass, "irkit break-glass", "irkit_break_glass", "", days=300)
    add_token(tenant, glass, own, "irkit", days=300, used=0)
    warehouse = add_client(tenant, owner, "Data warehouse", "data_warehouse", "https://etl.northwind.example/callback",
                           days=610)
    add_token(tenant, owner, warehouse, "warehouse", days=610, used=0.04, scopes=("read",))
    for name, company in (("Zendesk for iOS", "Zendesk"), ("Survey Monkey", "Survey Monkey")):
        tenant.add(tenant.global_clients, {         # as listed: neither who authorised it nor when
            "identifier": name.lower().replace(" ", "_"), "name": tenant.words(name), "company": tenant.words(company),
            "description": "", "logo_url": ""})
    mobile = next(iter(tenant.global_clients.values()))
    for number, user in enumerate(u for u in tenant.users.values() if u["role"] == "agent"):
        if number % 3 == 0:
            add_token(tenant, user, mobile, f"mobile {number}", days=60 + number, used=number * 3)


def add_api_token(tenant: Tenant, description: str, user: Obj, *, days: float, used: float, active: bool = True) -> Obj:
    at = stamp(tenant.ago(days=days))
    return tenant.add(tenant.api_tokens, {
        "description": tenant.words(description), "active": active, "created_at": at, "updated_at": at,
        "last_used": stamp(tenant.ago(days=used)), "user_id": user["id"], "_value": tenant.secret(f"api {description}")})


def _api_tokens(tenant: Tenant) -> None:
    owner = tenant.known(OWNER)
    add_api_token(tenant, "irkit", owner, days=200, used=3)
    add_api_token(tenant, "Phone system", owner, days=800, used=0.5)
    add_api_token(tenant, "Old website form", owner, days=1200, used=420, active=False)


def add_app(tenant: Tenant, name: str, *, days: float, enabled: bool = True) -> Obj:
    at = stamp(tenant.ago(days=days))
    settings = {"name": tenant.words(name), "title": tenant.words(name), "api_key": tenant.secret(f"app {name}")}
    return tenant.add(tenant.apps, {
        "app_id": tenant.new_id() % 10**6, "product": "support", "enabled": enabled, "paid": False, "settings": settings,
        "setting_objects": [{"name": name, "value": value} for name, value in settings.items()],
        "recurring_payment": False, "created_at": at, "updated_at": at})


def add_webhook(tenant: Tenant, user: Obj, name: str, endpoint: str, *, days: float, status: str = "active") -> Obj:
    at = tenant.ago(days=days)
    secret = {"token": tenant.secret(f"webhook {name}")}
    return tenant.add(tenant.webhooks, {
        "id": history.ulid(int(at.timestamp()), tenant.new_id()), "name": tenant.words(name), "endpoint": endpoint,
        "http_method": "POST", "request_format": "json", "status": status, "subscriptions": ["conditional_ticket_events"],
        "external_source": None, "authentication": {"type": "bearer_token", "add_position": "header", "data": secret},
        "created_at": stamp(at), "created_by": str(user["id"]), "updated_at": stamp(at), "updated_by": str(user["id"])})


def add_invocations(tenant: Tenant, webhook: Obj, count: int, *, minutes: float) -> None:
    """`count` deliveries, one every `minutes`, the last of them `minutes` ago."""
    tenant.invocations[webhook["id"]] = [
        {"id": history.ulid(int(at.timestamp()), number), "webhook_id": webhook["id"], "latest_completed_at": stamp(at),
         "latest_response_code": 200, "latest_status": "success", "status_code": 200}
        for number in range(count) for at in [tenant.ago(minutes=minutes * (count - number))]]


def add_target(tenant: Tenant, title: str, email: str, *, days: float, active: bool = True) -> Obj:
    return tenant.add(tenant.targets, {"title": tenant.words(title), "type": "email_target", "active": active, "email": email,
                                       "subject": "{{ticket.title}}", "created_at": stamp(tenant.ago(days=days))})


def add_rule(tenant: Tenant, shelf: dict[str, Obj], title: str, action: tuple[str, object], *, days: float,
             active: bool = True, _author: int | None = None) -> Obj:
    """A trigger or an automation; `_author` made it, as its revisions tell."""
    at = stamp(tenant.ago(days=days))
    return tenant.add(shelf, {
        "title": tenant.words(title), "raw_title": title, "active": active, "position": len(shelf) + 1, "description": None,
        "conditions": {"all": [{"field": "status", "operator": "less_than", "value": "closed"}], "any": []},
        "actions": [{"field": action[0], "value": action[1]}], "default": False, "created_at": at, "updated_at": at,
        "_author": _author})


def _connected(tenant: Tenant) -> None:
    owner = tenant.known(OWNER)
    add_app(tenant, "Order lookup", days=420)
    add_app(tenant, "Five most recent", days=300)
    add_app(tenant, "Old survey", days=900, enabled=False)
    orders = add_webhook(tenant, owner, "Orders", "https://orders.northwind.example/zendesk", days=350)
    add_webhook(tenant, owner, "Old chat", "https://chat.northwind.example/hook", days=800, status="inactive")
    add_invocations(tenant, orders, 24, minutes=55)
    add_target(tenant, "Warehouse mail", "warehouse@northwind.example", days=1100)
    add_target(tenant, "Old pager", "pager@northwind.example", days=1300, active=False)
    for address in ("support@northwind.example", "returns@northwind.example"):
        add_support_address(tenant, address, days=1400)


def add_support_address(tenant: Tenant, email: str, *, days: float) -> Obj:
    at = stamp(tenant.ago(days=days))
    return tenant.add(tenant.recipient_addresses, {
        "name": tenant.words("Northwind"), "email": email, "default": email.startswith("support"),
        "forwarding_status": "verified", "created_at": at, "updated_at": at})


def _rules(tenant: Tenant) -> None:
    for title, days, active in (("Notify requester of received request", 1400, True), ("Tag refunds", 260, True),
                                ("Notify assignee of assignment", 1400, True), ("Holiday notice 2024", 640, False)):
        action = ("notification_user", ["requester_id", title, "{{ticket.comments_formatted}}"])
        add_rule(tenant, tenant.triggers, title, action, days=days, active=active)
    for title, days, active in (("Close four days after solved", 1400, True), ("Remind of pending tickets", 330, True),
                                ("Old satisfaction survey", 900, False)):
        add_rule(tenant, tenant.automations, title, ("status", "closed"), days=days, active=active)


def delete_ticket(tenant: Tenant, number: int, user: Obj, *, hours: float) -> None:
    subject = tenant.any_ticket(number)["subject"]
    tenant.deleted_tickets[str(number)] = {"id": number, "subject": subject, "actor": {"id": user["id"], "name": user["name"]},
                                           "deleted_at": stamp(tenant.ago(hours=hours)), "previous_state": "open"}


def _deleted(tenant: Tenant) -> None:
    agents = [user for user in tenant.users.values() if user["role"] == "agent"]
    for number in range(min(5, tenant.options.tickets)):
        delete_ticket(tenant, number + 1, agents[number % len(agents)], hours=200 + number * 40)


def _settings(tenant: Tenant) -> None:
    sso = tenant.options.sso
    tenant.security = {
        "authentication": {
            "agent": {"enforce_sso": sso, "zendesk_login": not sso, "google_login": False, "office_365_login": False,
                      "remote_login": sso, "remote_bypass": 2, "two_factor_enforce": False,
                      "security_policy_name": "recommended", "password": {"password_history_length": 5, "password_length": 12}},
            "end_user": {"zendesk_login": True}},
        "ip": {"ip_ranges": OFFICE + "0/24", "ip_restriction_enabled": True, "enable_agent_ip_restrictions": True},
        "agent_session_timeout": 480, "maximum_session_duration": 20160, "maximum_session_duration_enabled": False,
        "mobile_app_access": True, "assumable": False, "assumption_duration": "off", "assumption_expiration": None,
        "admins_can_set_user_passwords": False, "two_factor_last_update": stamp(tenant.ago(days=610))}


def add_group(tenant: Tenant, number: int, name: str, members: Sequence[Obj], *, days: float) -> Obj:
    """A group of agents; ids of groups and memberships are from a range of their own."""
    at = stamp(tenant.ago(days=days))
    group = tenant.add(tenant.groups, {
        "id": 360_000_000 + number, "name": tenant.words(name), "description": "", "deleted": False, "default": number == 1,
        "is_public": True, "created_at": at, "updated_at": at})
    for place, user in enumerate(members):
        tenant.add(tenant.memberships, {
            "id": 361_000_000 + number * 1000 + place, "user_id": user["id"], "group_id": group["id"], "default": True,
            "created_at": at, "updated_at": at})
    return group


def _groups(tenant: Tenant) -> None:
    agents = [user for user in tenant.users.values() if user["role"] == "agent"]
    add_group(tenant, 1, "Support", agents, days=1400)
    add_group(tenant, 2, "Billing", agents[:2], days=900)


def _deleted_users(tenant: Tenant) -> None:
    """Customers who asked to be forgotten, the last for good, and an agent who left; ids are from a range of their own."""
    for number, (name, days) in enumerate((("Imre Kovacs", 30), ("Sara Holm", 95), ("Former agent", 160), ("", 410))):
        tenant.add(tenant.deleted_users, {
            "id": 362_000_000 + number, "name": tenant.words(name) if name else "Permanently Deleted User",
            "email": f"gone{number}@mail.example" if name else None, "phone": None, "photo": None, "organization_id": None,
            "role": "end-user", "active": False, "locale": "en-US", "locale_id": 1, "shared_phone_number": None,
            "time_zone": "UTC", "created_at": stamp(tenant.ago(days=days + 200)), "updated_at": stamp(tenant.ago(days=days))})


def _agreements(tenant: Tenant) -> None:
    """Tickets shared with the carrier, and an offer that was never accepted; ids are from a range of their own."""
    for number, (name, status, kind, days) in enumerate((("Northwind carrier", "accepted", "outbound", 900),
                                                        ("Northwind returns", "pending", "inbound", 420))):
        at = stamp(tenant.ago(days=days))
        tenant.add(tenant.sharing_agreements, {
            "id": 363_000_000 + number, "name": tenant.words(name), "type": kind, "status": status, "partner_name": None,
            "remote_subdomain": name.lower().replace(" ", "-"), "created_at": at, "updated_at": at})
