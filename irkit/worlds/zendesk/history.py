"""The routine past of the account: rows of its logs as pure functions of (seed, number), written from templates."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

from irkit.worlds.log import Log, mix
from irkit.worlds.world import encode
from irkit.worlds.zendesk.state import OFFICE, Obj, Tenant

SITE = "https://northwind-drill.zendesk.com"
AGENTS = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 Safari/605.1",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
          "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0",
          "Zendesk for iPhone/24.2 CFNetwork/1490 Darwin/23.2.0")
GRAPHQL = {"operation_name": "ticketView", "operation_type": "query", "query": "query ticketView($id: ID!)", "variables": {}}
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _CROCKFORD for b in _CROCKFORD]


def ulid(seconds: int, bits: int) -> str:
    """A ULID of that time; `bits` fill its random part."""
    number = seconds * 1000 << 80 | bits * 0x10001 & (1 << 80) - 1
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def write(tenant: Tenant) -> None:
    """Give the account its logs: access 95 days back (five of them aged out), audit 400 days, ticket events 60."""
    staff = [user for user in tenant.users.values() if user["role"] != "end-user" and not user["suspended"]]
    options = tenant.options
    tenant.access_log = Log(options.rows, tenant.ago(days=95), timedelta(days=95), _access(tenant, staff))
    tenant.audit_log = Log(options.audit_rows, tenant.ago(days=400), timedelta(days=400), _audit(tenant, staff))
    tenant.ticket_events = Log(options.tickets * 2, tenant.ago(days=60), timedelta(days=60), _event(tenant, staff))


def when(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# What an agent's screen asks for: method, path, category, summary, bytes.
_READS = (("POST", "/api/graphql", "ticket", "Viewed ticket {}", 5200),
          ("GET", "/api/v2/tickets/{}.json", "ticket", "Viewed ticket {}", 3100),
          ("GET", "/api/v2/tickets/{}/comments.json", "ticket", "Viewed comments of ticket {}", 9800),
          ("PUT", "/api/v2/tickets/{}.json", "ticket", "Updated ticket {}", 3300),
          ("GET", "/api/v2/views/count_many.json", "view", "Counted views", 700),
          ("GET", "/attachments/token/k{}/photo.jpg", "attachment", "Downloaded an attachment of ticket {}", 240_000))
_ACCESS_ROW = (
    '{"id":"%s","timestamp":"%s","user_id":%d,"ip_address":"' + OFFICE + '%d","method":"%s","url":"' + SITE + '%s",'
    '"status":200,"authorization_type":%s,"client":%s,"referer":"' + SITE + '/agent/","bytes_sent":%d,"category":"%s",'
    '"summary":"%s","graphql":%s}')


def access_row(tenant: Tenant, number: int, at: int, user: Obj, **fields: object) -> Obj:
    """One access-log row, for what the routine templates do not cover; `number` tells it from others of its second."""
    return {"id": ulid(at, mix(number)), "timestamp": when(at), "user_id": user["id"], "ip_address": OFFICE + "20",
            "method": "GET", "url": SITE + "/", "status": 200, "authorization_type": "session",
            "client": tenant.words(AGENTS[0]), "referer": "", "bytes_sent": 1000, "category": "api", "summary": "",
            "graphql": None, **fields}


def _access(tenant: Tenant, staff: list[Obj]) -> Callable[[int, int], str]:
    seed, tickets = tenant.options.seed, max(1, tenant.options.tickets)
    ids = [user["id"] for user in staff]
    clients = [encode(tenant.words(client)).decode() for client in AGENTS]
    graphql = encode(GRAPHQL).decode()

    def render(number: int, at: int) -> str:
        bits = mix(number, seed)
        who = bits % len(ids)
        method, path, category, summary, size = _READS[(bits >> 8) % len(_READS)]
        ticket = 1 + (bits >> 16) % tickets
        screen = path == "/api/graphql"          # for which the log states no authorization type
        return _ACCESS_ROW % (ulid(at, bits), when(at), ids[who], 10 + who % 200, method, path.format(ticket),
                              "null" if screen else '"session"', clients[who % len(clients)], size + (bits >> 40) % size,
                              category, summary.format(ticket), graphql if screen else "null")
    return render


_CHANGES = (("login", "user", "User: {}", "Signed in"), ("login", "user", "User: {}", "Signed in"),
            ("update", "ticket", "Ticket #{}", "Status changed from open to solved"),
            ("update", "view", "View: Team {}", "Conditions changed"), ("create", "rule", "Macro: Reply {}", ""),
            ("update", "rule", "Trigger: Notify group {}", "Conditions changed"),
            ("destroy", "ticket", "Ticket #{}", "Marked as spam"), ("update", "user", "User: {}", "Time zone changed"))


_AUDIT_ROW = (
    '{"id":%d,"action":"%s","action_label":"%s","actor_id":%d,"actor_name":%s,"change_description":"%s","created_at":"%s",'
    '"ip_address":"' + OFFICE + '%d","source_id":%d,"source_label":%s,"source_type":"%s"}')


def _audit(tenant: Tenant, staff: list[Obj]) -> Callable[[int, int], str]:
    seed = tenant.options.seed
    people = [(user["id"], encode(user["name"]).decode(), encode(f"User: {user['name']}").decode()) for user in staff]

    def render(number: int, at: int) -> str:
        bits = mix(number, seed + 1)
        who = bits % len(people)
        actor, name, label = people[who]
        action, kind, about, change = _CHANGES[(bits >> 8) % len(_CHANGES)]
        thing = (bits >> 16) % 900
        return _AUDIT_ROW % (5_000_000_000_000 + number, action, action.capitalize(), actor, name, change, when(at),
                             10 + who % 200, actor if kind == "user" else thing,
                             label if kind == "user" else '"' + about.format(thing) + '"', kind)
    return render


_VIA = '{"channel":"web","source":{"from":{},"to":{},"rel":null}}'
_EVENT_ROW = (
    '{"id":%d,"ticket_id":%d,"timestamp":%d,"created_at":"%s","updater_id":%d,"via":' + _VIA + ',"system":{"client":"Web",'
    '"location":"Northwind"},"event_type":"Audit","child_events":[{"id":%d,"event_type":"Comment","via":' + _VIA +
    ',"via_reference_id":null,"comment_present":true,"comment_public":true,"author_id":%d,"public":true,"body":%s}]}')


def event_row(tenant: Tenant, at: int, updater: Obj, ticket: int, *, channel: str, body: str, public: bool) -> Obj:
    """One ticket event that holds a comment."""
    number = tenant.new_id()
    via = {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}}
    comment = {"id": number + 1, "event_type": "Comment", "via": via, "via_reference_id": None, "comment_present": True,
               "comment_public": public, "author_id": updater["id"], "public": public, "body": body}
    return {"id": number, "ticket_id": ticket, "timestamp": at, "created_at": when(at), "updater_id": updater["id"],
            "via": via, "system": {"client": tenant.words(AGENTS[1]), "location": "Northwind"}, "event_type": "Audit",
            "child_events": [comment]}


def _event(tenant: Tenant, staff: list[Obj]) -> Callable[[int, int], str]:
    seed, tickets = tenant.options.seed, tenant.options.tickets
    ids = [user["id"] for user in staff]
    body = encode(tenant.words("Thank you for writing. We are looking into it.")).decode()

    def render(number: int, at: int) -> str:
        bits = mix(number, seed + 2)
        who, own = ids[bits % len(ids)], 7_000_000_000_000 + number * 2
        return _EVENT_ROW % (own, 1 + (bits >> 8) % tickets, at, when(at), who, own + 1, who, body)
    return render
