"""What intruders did before anybody noticed. Each attack leaves its traces in the account and in its logs.

The times are relative to the moment the world was built. The far address is one of RFC 5737's, as are all others. While IP
restrictions are on, no sign-in and no API call of an agent's from outside the ranges succeeds (support.zendesk.com, Restricting
access to Zendesk using IP restrictions), so they are off wherever the intruder reads from afar: from the start, or from when an
intruder who came through the account's own tunnel turned them off.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from irkit.worlds.log import mix
from irkit.worlds.traces import Left, planted
from irkit.worlds.world import Person
from irkit.worlds.zendesk import history, seed
from irkit.worlds.zendesk.state import BREAK_GLASS, FAR, OWNER, TUNNEL, Obj, Options, Tenant, stamp

_SCRIPT = "python-requests/2.31.0"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/121.0.0.0 Safari/537.36"


def _role(options: Options) -> str:
    return "admin" if options.attack in ("admin_takeover", "settings_takeover") else "agent"


def cast(options: Options, people: Sequence[Person], subjects: dict[str, str]) -> tuple[list[Person], str]:
    """(everybody who must exist, the address of the attacked account).

    The account is the option `subject`, else the first address of a dry run's inputs, else the first person of the role
    that the attack is on.
    """
    role = _role(options)
    everybody = {person.email.lower(): person for person in people}
    wanted = [options.subject, *(value for value in subjects.values() if "@" in value)]
    for email in filter(None, wanted):
        name = email.partition("@")[0].replace(".", " ").title()
        everybody.setdefault(email.lower(), Person(name, email, role))
    return list(everybody.values()), next(filter(None, [*wanted, *(p.email for p in people if p.role == role)]), "")


def strike(tenant: Tenant, email: str) -> None:
    """Let the attack of the options, if any, have happened to this account; without one, to one of the right role."""
    if tenant.options.attack:
        role = _role(tenant.options)
        any_one = (user for user in tenant.users.values() if user["role"] == role and user["email"] not in (OWNER, BREAK_GLASS))
        subject = tenant.person(email) or next(any_one)
        admins = _admins(tenant)
        tenant.security["ip"]["ip_restriction_enabled"] = tenant.options.attack in _LIFT_IT
        tenant.planted = planted(lambda: {name: getattr(tenant, name) for name in _SHELVES},
                                 lambda: _ATTACKS[tenant.options.attack](tenant, subject))
        made = tenant.planted["users"]
        made += [key for key in _admins(tenant) if key not in admins and key not in made]       # an old account that was raised


def _admins(tenant: Tenant) -> list[str]:
    """Keys of those with the role."""
    return [key for key, user in tenant.users.items() if user["role"] == "admin"]


_SHELVES = ("users", "identities", "sessions", "tokens", "clients", "api_tokens", "apps", "webhooks", "targets", "triggers",
            "automations")


def _acts(tenant: Tenant, user_id: object) -> bool:
    """Whether somebody in that person's session could do harm with it."""
    user = tenant.users[str(user_id)]
    return user["role"] != "end-user" and not user["suspended"]


def alive(tenant: Tenant) -> Iterator[Left]:
    """What of the attack still lets somebody in, or still sends."""
    lives: dict[str, tuple[str, Callable[[Obj], bool], Callable[[Obj], str]]] = {
        "sessions": ("session", lambda it: _acts(tenant, it["user_id"]),
                     lambda it: f"of {tenant.users[str(it['user_id'])]['email']}"),
        "tokens": ("token", lambda _: True, lambda it: f"OAuth token {it['token']}"),
        "webhooks": ("webhook", lambda it: it["status"] == "active", lambda it: it["endpoint"]),
        "triggers": ("rule", lambda it: it["active"], lambda it: f"trigger {it['raw_title']}"),
        "automations": ("rule", lambda it: it["active"], lambda it: f"automation {it['raw_title']}"),
        "targets": ("target", lambda it: it["active"], lambda it: it["email"]),
        "apps": ("app", lambda it: it["enabled"], lambda it: it["settings"]["name"]),
        "users": ("administrator", lambda it: it["role"] == "admin" and not it["suspended"], lambda it: it["email"]),
        "clients": ("client", lambda _: True, lambda it: it["identifier"]),
        "identities": ("address", lambda it: not it["primary"], lambda it: it["value"]),
        "api_tokens": ("api_token", lambda it: it["active"], lambda it: it["description"])}
    for shelf, (kind, living, named) in lives.items():
        there = getattr(tenant, shelf)
        for key in tenant.planted.get(shelf, ()):
            if key in there and living(there[key]):
                yield Left(kind, named(there[key]))


def _read(tenant: Tenant, subject: Obj, urls: Sequence[str], *, minutes: float, every: float, **fields: object) -> None:
    """Access-log rows of the intruder: one url after another, the first `minutes` ago, `every` so many seconds."""
    first = tenant.ago(minutes=minutes)
    same = {"ip_address": FAR, "client": tenant.words(_SCRIPT), "summary": tenant.words("Read records"), **fields}
    for number, url in enumerate(urls):
        at = first + timedelta(seconds=every * number)
        tenant.access_log.plant(at, functools.partial(_row, tenant, tenant.new_id(), int(at.timestamp()), subject, url, number,
                                                      same))


def _row(tenant: Tenant, own: int, at: int, subject: Obj, url: str, number: int, same: Mapping[str, object]) -> Obj:
    size = 40_000 + mix(number, tenant.options.seed) % 900_000
    return history.access_row(tenant, own, at, subject, url=history.SITE + url, bytes_sent=size, **same)


def _sign_in(tenant: Tenant, subject: Obj, *, hours: float, address: str = FAR) -> None:
    seed.add_session(tenant, subject, hours=hours, seen=0.1)
    tenant.audit(tenant.ago(hours=hours), subject, "login", ("user", subject["id"], f"User: {subject['name']}"),
                 "Signed in", address)
    _read(tenant, subject, ["/access/login", "/agent/", "/api/v2/users/me.json"], minutes=hours * 60, every=4,
          ip_address=address, client=tenant.words(_BROWSER), summary=tenant.words("Signed in"))


def _attachments(tenant: Tenant, count: int) -> list[str]:
    return [f"/attachments/token/{tenant.secret(f'file {n}', 16)}/passport-{n}.jpg" for n in range(count)]


def bulk_export(tenant: Tenant, subject: Obj) -> None:
    """An agent's stolen browser session: searches, exports and attachments by the hundred, a rule that forwards mail."""
    _sign_in(tenant, subject, hours=9)
    export = [f"/api/v2/search/export.json?query=passport&page%5Bsize%5D=100&n={n}" for n in range(60)]
    pages = [f"/api/v2/incremental/tickets/cursor.json?cursor=MTc3{n:04d}" for n in range(90)]
    _read(tenant, subject, export, minutes=8.7 * 60, every=11)
    _read(tenant, subject, pages, minutes=7.9 * 60, every=14)
    _read(tenant, subject, _attachments(tenant, 140), minutes=6.2 * 60, every=9)
    _read(tenant, subject, ["/api/graphql"] * 40, minutes=3 * 60, every=31, method="POST", client=tenant.words(_BROWSER),
          graphql=history.GRAPHQL, authorization_type=None)
    _read(tenant, subject, ["/api/v2/views/360001/export.json"], minutes=8.5 * 60, every=1)
    tenant.audit(tenant.ago(hours=8.5), subject, "exported", ("view", 360001, "View: All unsolved tickets"), "CSV export", FAR)
    rule = seed.add_rule(tenant, tenant.triggers, "Notify archive of new tickets",
                         ("notification_user", ["archive@mailbox.attacker.example", "Copy", "{{ticket.comments_formatted}}"]),
                         days=0.33, _author=subject["id"])
    _log_new(tenant, subject, "rule", rule, f"Trigger: {rule['title']}", days=0.33)
    _authorise(tenant, subject, "Inbox sync", days=0.35)
    seed.add_identity(tenant, subject, "backup.mailbox@attacker.example", days=0.3)


def _authorise(tenant: Tenant, subject: Obj, name: str, *, days: float) -> None:
    """A client of the intruder's own and a token for it: both outlive the suspension of the account."""
    identifier = name.lower().replace(" ", "_")
    client = seed.add_client(tenant, subject, name, identifier, "https://sync.attacker.example/callback", days=days)
    seed.add_token(tenant, subject, client, identifier, days=days, used=0.01)
    _log_new(tenant, subject, "oauth_client", client, f"OAuth client: {client['name']}", days=days)


def admin_takeover(tenant: Tenant, subject: Obj) -> None:
    """An administrator's account: everything that lets somebody come back, and tickets deleted to hide it."""
    _sign_in(tenant, subject, hours=31, address=TUNNEL)
    _authorise(tenant, subject, "Reporting sync", days=1.25)
    hook = seed.add_webhook(tenant, subject, "Ticket mirror", "https://hooks.attacker.example/in", days=1.2)
    seed.add_invocations(tenant, hook, 160, minutes=10)
    _log_new(tenant, subject, "webhook", hook, f"Webhook: {hook['name']}", days=1.2)
    trigger = seed.add_rule(tenant, tenant.triggers, "Mirror updates", ("notification_webhook", [hook["id"], "{{ticket.id}}"]),
                            days=1.19, _author=subject["id"])
    _log_new(tenant, subject, "rule", trigger, f"Trigger: {trigger['title']}", days=1.19)
    automation = seed.add_rule(tenant, tenant.automations, "Tidy solved tickets", ("notification_target", ["mirror"]),
                               days=1.1, _author=subject["id"])
    _log_new(tenant, subject, "rule", automation, f"Automation: {automation['title']}", days=1.1)
    target = seed.add_target(tenant, "Mirror mail", "mirror@mailbox.attacker.example", days=1.1)
    _log_new(tenant, subject, "target", target, f"Target: {target['title']}", days=1.1)
    app = seed.add_app(tenant, "Bulk data mover", days=1.0)
    _log_new(tenant, subject, "zendesk/app_market/installation", app, f"App: {app['settings']['name']}", days=1.0)
    _new_admin(tenant, subject)
    _cover(tenant, subject)


def _log_new(tenant: Tenant, subject: Obj, kind: str, thing: Obj, label: str, *, days: float) -> None:
    tenant.audit(tenant.ago(days=days), subject, "create", (kind, thing["id"], label), "", FAR)


def _new_admin(tenant: Tenant, subject: Obj) -> None:
    """The audit log does not record that users are made, only that one was promoted."""
    friend = seed.add_user(tenant, "Support Sync", "svc-sync@mailbox.attacker.example", "admin", days=1.15)
    seed.add_session(tenant, friend, hours=26)
    tenant.audit(tenant.ago(days=1.14), subject, "update", ("user", friend["id"], f"User: {friend['name']}"),
                 "role changed from end-user to admin", FAR)
    seed.add_identity(tenant, subject, "second.mailbox@attacker.example", days=1.2)


def _cover(tenant: Tenant, subject: Obj) -> None:
    """The address restriction lifted, the account exported, tickets that told of it deleted."""
    tenant.security["ip"]["ip_restriction_enabled"] = False
    tenant.audit(tenant.ago(hours=30.5), subject, "update", ("account", 1, "Account settings"),
                 "IP restriction changed from on to off", TUNNEL)
    tenant.audit(tenant.ago(hours=24), subject, "exported", ("account", 1, "Account: all tickets"), "JSON export", FAR)
    _read(tenant, subject, ["/api/v2/users.json?role=agent", *_attachments(tenant, 30)], minutes=23 * 60, every=20)
    tickets = tenant.options.tickets
    for number in range(max(1, tickets - 11), tickets + 1):
        seed.delete_ticket(tenant, number, subject, hours=20)
        tenant.audit(tenant.ago(hours=20), subject, "destroy", ("ticket", number, f"Ticket #{number}"), "Deleted", FAR)


def api_token_leak(tenant: Tenant, subject: Obj) -> None:
    """An API token from a leaked file, used under an agent's address: no sign-in, no session, and replies to customers."""
    seed.add_api_token(tenant, "Nightly export", subject, days=730, used=0.008)
    basic = {"authorization_type": "basic"}
    _read(tenant, subject, [f"/api/v2/incremental/tickets.json?start_time={1_520_000_000 + n * 86_400}" for n in range(120)],
          minutes=46 * 60, every=40, **basic)
    _read(tenant, subject, [f"/api/v2/search.json?query=password&page={n + 1}" for n in range(40)], minutes=30 * 60, every=20,
          **basic)
    _read(tenant, subject, _attachments(tenant, 60), minutes=28 * 60, every=15, **basic)
    subject["last_login_at"] = stamp(tenant.ago(days=0.008))
    for number in range(25):
        at = tenant.ago(minutes=90) + timedelta(seconds=45 * number)
        ticket = 1 + mix(number, tenant.options.seed + 9) % max(1, tenant.options.tickets)
        body = "Your parcel is held. Confirm your address within 24 hours: https://northwind-help.attacker.example/confirm"
        tenant.ticket_events.plant(at, history.event_row(tenant, int(at.timestamp()), subject, ticket, channel="api",
                                                         body=tenant.words(body), public=True))
    _read(tenant, subject, [f"/api/v2/tickets/{n + 1}.json" for n in range(25)], minutes=90, every=45, method="PUT",
          summary=tenant.words("Replied to a customer"), **basic)


def stale_integration(tenant: Tenant, subject: Obj) -> None:
    """The vendor of a chat app lost its customers' tokens: one of a retired app, unused for months, reads ten days long."""
    identifier = "chat_companion"
    client = seed.add_client(tenant, subject, "Chat companion", identifier, "https://app.chat-companion.example/callback",
                             days=540)
    seed.add_token(tenant, subject, client, identifier, days=540, used=0.02)
    seed.add_token(tenant, subject, client, f"{identifier} trial", days=530, used=400)
    seed.add_app(tenant, "Chat companion", days=540)
    hook = seed.add_webhook(tenant, subject, "Chat companion events", "https://events.chat-companion.example/zendesk", days=540)
    seed.add_invocations(tenant, hook, 90, minutes=40)
    oauth = {"authorization_type": "bearer", "client": tenant.words("chat-companion/2.4")}
    _read(tenant, subject, [f"/api/v2/incremental/tickets/cursor.json?cursor=MTY5{n:04d}" for n in range(150)],
          minutes=10 * 24 * 60, every=25, **oauth)
    _read(tenant, subject, [f"/api/v2/search.json?query={word}&page={n + 1}" for word in ("AKIA", "password", "token")
                            for n in range(15)], minutes=8 * 24 * 60, every=30, **oauth)
    _read(tenant, subject, _attachments(tenant, 80), minutes=7 * 24 * 60, every=20, **oauth)


def _colleagues(tenant: Tenant, subject: Obj) -> list[Obj]:
    return [u for u in tenant.users.values() if u["role"] == "agent" and not u["suspended"] and u is not subject]


def settings_takeover(tenant: Tenant, subject: Obj) -> None:
    """An administrator's account that looks after itself: sign-in loosened, an old agent raised, mail turned aside."""
    _sign_in(tenant, subject, hours=52, address=TUNNEL)
    _loosen(tenant, subject)
    sleeper = _colleagues(tenant, subject)[-1]
    sleeper.update(role="admin", role_type=4, custom_role_id=None)
    tenant.audit(tenant.ago(hours=50), subject, "update", ("user", sleeper["id"], f"User: {sleeper['name']}"),
                 "role changed from agent to admin", FAR)
    tier = next(iter(tenant.custom_roles.values()), None)
    if tier:
        tier["configuration"] |= {"manage_business_rules": True, "manage_extensions_and_channels": True}
        tier["updated_at"] = stamp(tenant.ago(hours=49))
        tenant.audit(tenant.ago(hours=49), subject, "update", ("permission_set", tier["id"], f"Role: {tier['name']}"),
                     "Permissions changed", FAR)
    address = seed.add_support_address(tenant, "care@northwind-care.attacker.example", days=2)
    _log_new(tenant, subject, "recipient_address", address, f"Support address: {address['email']}", days=2)
    hook = seed.add_webhook(tenant, subject, "Quality sampling", "https://qa.attacker.example/in", days=1.9)
    seed.add_invocations(tenant, hook, 70, minutes=35)
    _log_new(tenant, subject, "webhook", hook, f"Webhook: {hook['name']}", days=1.9)
    trigger = seed.add_rule(tenant, tenant.triggers, "Quality sample", ("notification_webhook", [hook["id"], "{{ticket.id}}"]),
                            days=1.9, _author=subject["id"])
    _log_new(tenant, subject, "rule", trigger, f"Trigger: {trigger['title']}", days=1.9)
    _authorise(tenant, subject, "Directory sync", days=1.8)
    seed.add_identity(tenant, subject, "night.mailbox@attacker.example", days=2.1)
    _read(tenant, sleeper, ["/api/v2/users.json?role=admin", *_attachments(tenant, 20)], minutes=20 * 60, every=25)


def _loosen(tenant: Tenant, subject: Obj) -> None:
    agent = tenant.security["authentication"]["agent"]
    agent.update(enforce_sso=False, zendesk_login=True, two_factor_enforce=False)
    tenant.security["ip"]["ip_restriction_enabled"] = False
    for words in ("Single sign-on for team members changed from required to optional", "IP restriction changed from on to off"):
        tenant.audit(tenant.ago(hours=51), subject, "update", ("account", 1, "Account settings"), words, TUNNEL)


def token_spree(tenant: Tenant, subject: Obj) -> None:
    """A leaked API token under many people's addresses, and a client that nobody used for a year and somebody uses again."""
    seed.add_api_token(tenant, "Survey import", subject, days=690, used=0.004)
    basic = {"authorization_type": "basic"}
    names = [subject, tenant.known(OWNER), *_colleagues(tenant, subject)[:3]]
    for number, user in enumerate(names):
        _read(tenant, user, [f"/api/v2/incremental/tickets.json?start_time={1_520_000_000 + (number * 30 + n) * 86_400}"
                             for n in range(30)], minutes=(40 - number * 3) * 60, every=37, **basic)
    tickets = max(1, tenant.options.tickets)
    body = "We could not refund your card. Confirm it here within a day: https://refund-northwind.attacker.example/card"
    for number in range(36):
        at = tenant.ago(minutes=170) + timedelta(seconds=70 * number)
        ticket = 1 + mix(number, tenant.options.seed + 5) % tickets
        tenant.ticket_events.plant(at, history.event_row(tenant, int(at.timestamp()), names[number % 4], ticket, channel="api",
                                                         body=tenant.words(body), public=True))
    old = seed.add_client(tenant, subject, "Old importer", "old_importer", "https://import.northwind.example/cb", days=900)
    seed.add_token(tenant, subject, old, "old importer", days=900, used=380)
    seed.add_token(tenant, subject, old, "old importer batch", days=880, used=0.02)


def har_harvest(tenant: Tenant, subject: Obj) -> None:
    """Tickets opened one by one for the files in them: recorded browser sessions, keys, stores of passwords; then a list."""
    _sign_in(tenant, subject, hours=20)
    words = ("har", "BEGIN PRIVATE KEY", "kubeconfig", "password")
    _read(tenant, subject, [f"/api/v2/search.json?query={word.replace(' ', '+')}&page={n + 1}" for word in words
                            for n in range(6)], minutes=19 * 60, every=21)
    numbers = sorted({1 + mix(n, tenant.options.seed + 3) % max(1, tenant.options.tickets) for n in range(60)})
    _read(tenant, subject, [f"/api/v2/tickets/{n}/comments.json" for n in numbers], minutes=18 * 60, every=33)
    files = [f"/attachments/token/{tenant.secret(f'loot {n}', 16)}/{name}" for n, name in enumerate(
        [*(f"session-{n}.har" for n in range(14)), "deploy.pem", "team.kdbx", ".env", "kubeconfig.yaml", "prod-backup.sql",
         *(f"screenshot-{n}.png" for n in range(40))])]
    _read(tenant, subject, files, minutes=17 * 60, every=12)
    _read(tenant, subject, ["/api/v2/views/360002/export.json"], minutes=15 * 60, every=1)
    tenant.audit(tenant.ago(hours=15), subject, "exported", ("view", 360002, "View: Cases with files"), "CSV export", FAR)
    second = _colleagues(tenant, subject)[0]
    seed.add_session(tenant, second, hours=12)
    _read(tenant, second, ["/agent/", *(f"/api/v2/tickets/{n}.json" for n in numbers[:9]), *files[:4]], minutes=12 * 60,
          every=45)


PARTNER = "contact-partner.example"


def vendor_team(tenant: Tenant, subject: Obj) -> None:
    """An outsourced team of eight, of whom the intruder has three: one sits in no group, one has a private address."""
    names = ("Ada Quill", "Ben Osei", "Cleo Marsh", "Dov Lerner", "Eva Stone")
    team = [seed.add_user(tenant, name, f"{name.split()[0].lower()}@{PARTNER}", "agent", days=200) for name in names]
    private = seed.add_user(tenant, "Finn Hale", "finn.hale@mail.example", "agent", days=120)
    loose = seed.add_user(tenant, "Gus Pike", f"gus@emea.{PARTNER}", "agent", days=90)
    for user in (*team, private, loose):
        for hours in (30, 5):
            seed.add_session(tenant, user, hours=hours, seen=2)
    seed.add_group(tenant, 7, "Partner tier 1", [subject, *team, private], days=250)
    _sign_in(tenant, subject, hours=58)
    for number, user in enumerate((subject, private, loose)):
        tickets = [f"/api/v2/tickets/{1 + mix(n, tenant.options.seed + number) % max(1, tenant.options.tickets)}.json"
                   for n in range(50)]
        _read(tenant, user, tickets, minutes=(50 - number * 6) * 60, every=25)
        _read(tenant, user, _attachments(tenant, 25), minutes=(48 - number * 6) * 60, every=18)
    _authorise(tenant, loose, "Shift planner", days=1.5)
    rule = seed.add_rule(tenant, tenant.triggers, "Copy to shift desk",
                         ("notification_user", ["desk@mailbox.attacker.example", "Copy", "{{ticket.comments_formatted}}"]),
                         days=1.4, _author=subject["id"])
    _log_new(tenant, subject, "rule", rule, f"Trigger: {rule['title']}", days=1.4)


_LIFT_IT = ("admin_takeover", "settings_takeover")     # attacks that turn the IP restriction off themselves
_ATTACKS: dict[str, Callable[[Tenant, Obj], None]] = {
    attack.__name__: attack for attack in (bulk_export, admin_takeover, api_token_leak, stale_integration, settings_takeover,
                                           token_spree, har_harvest, vendor_team)}
