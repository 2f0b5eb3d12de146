"""What was read, as far as the access log tells: which tickets, which files, what was searched for, by which accounts.

An account and an address are asked together: whoever sits at the intruder's address under another name is found by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from msgspec.structs import asdict

from irkit.action import GET, ActionError, Collection, Effect, Record, Steps, Trace, UserId, counted, ident, row, stamp, words
from irkit.connectors.zendesk.base import zendesk
from irkit.connectors.zendesk.logs import ACCESS_LOG_DAYS, address
from irkit.connectors.zendesk.paging import MOST_LINES, Tally, listed, number, walk

MOST_WORDS = 120    # of one of them
AT_ONCE = 100       # tickets of one show_many

TICKET = re.compile(r"/api/v2/tickets/([0-9]+)")
FILE = re.compile(r"/attachments/token/[^/]+/([^/]+)")
EXPORT = re.compile(r"/api/v2/(?:views/[0-9]+|suspended_tickets)/export")
SHOWN = re.compile(r"/api/v2/tickets/show_many(?:\.json)?$")      # names its tickets, a hundred at most
# Lists of tickets, or of what is in them; lists of views and mere counts hold none.
MANY = re.compile(r"/api/v2/(?:incremental/|search(?!/count)|ticket_audits|(?:suspended_|deleted_)?tickets(?:\.json)?$|"
                  r"tickets/recent|views/(?:[0-9]+/(?:tickets|execute)|preview)|problems|"
                  r"(?:users|organizations)/[0-9]+/tickets(?!.*/count))")
# Names of files that let somebody sign in: recorded sessions, keys, stores of passwords, configurations
CREDENTIAL = re.compile(r"\.(har|pem|key|p12|pfx|ppk|jks|kdbx|ovpn|rdp|env|ini|conf|config|kubeconfig|sql)\b|"
                        r"(^|[^a-z])(id_rsa|id_ed25519|passwords?|credentials?|secrets?|kubeconfig)([^a-z]|$)", re.IGNORECASE)


class Reads(Collection, frozen=True):
    """The kept access log, and what the accounts and addresses in question read in it. Lists of words are cut at 25 lines."""

    matched: int                       # rows of those accounts or addresses
    bytes_sent: int
    user_ids: tuple[str, ...]          # under whose names; more than were asked for, when an address was
    others: tuple[str, ...]            # "user 3971: 40 requests": the accounts that nobody had asked for
    addresses: tuple[str, ...]         # "203.0.113.9: 40 requests"
    tickets: tuple[str, ...]           # ids of the tickets that were asked for by their number
    many: int                          # requests that return many tickets: which ones the log does not tell
    graphql: int                       # requests of the agent's screens whose ticket the address does not tell
    sign_ins: tuple[str, ...]          # "basic: 40 requests": session (a browser), bearer (OAuth), basic (an API token), digest
    files: int                         # attachments that were fetched
    credentials: tuple[str, ...]       # names of files among them that let somebody sign in
    searches: tuple[str, ...]          # "passport: 12 requests"
    exports: tuple[str, ...]           # paths that mail a file


class _Reads:
    def __init__(self) -> None:
        self.count = self.sent = self.many = self.graphql = 0
        self.users, self.addresses, self.sign_ins, self.files, self.searches, self.exports = (
            Counter[str]() for _ in range(6))
        self.tickets: dict[str, None] = {}

    def add(self, data: Mapping[str, Any]) -> None:
        sent = data.get("bytes_sent")
        self.sent += sent if isinstance(sent, int) and not isinstance(sent, bool) and sent > 0 else 0
        self.count += 1
        self.users[ident(data.get("user_id"))] += 1
        self.addresses[words(data.get("ip_address")) or "not stated"] += 1
        self.sign_ins[words(data.get("authorization_type")) or "not stated"] += 1
        asked = address(data)
        if found := TICKET.search(asked.path):
            self.tickets[found[1]] = None
        elif SHOWN.search(asked.path):
            self.tickets |= dict.fromkeys(_numbers(asked.query))
        elif found := FILE.search(asked.path):
            self.files[unquote(found[1])[:MOST_WORDS]] += 1
        elif EXPORT.search(asked.path):
            self.exports[asked.path[:MOST_WORDS]] += 1
        else:
            self.many += MANY.search(asked.path) is not None
            self.graphql += asked.path == "/api/graphql"
        for said in parse_qs(asked.query).get("query", ()):
            self.searches[said[:MOST_WORDS]] += 1

    def credentials(self) -> tuple[str, ...]:
        return tuple(name for name in self.files if CREDENTIAL.search(name))[:MOST_LINES]


def _numbers(query: str) -> list[str]:
    """The tickets of `ids=1,2,3`."""
    return [part for said in parse_qs(query).get("ids", ()) for part in said.split(",") if part.isascii() and part.isdecimal()]


def _most(counts: Counter[str], before: str = "") -> tuple[str, ...]:
    return tuple(f"{before}{name}: {counted(count, 'request')}" for name, count in counts.most_common(MOST_LINES))


@zendesk.action(Effect.READ, preserves=[Trace("access_log")])
def collect_reads(since: datetime, until: datetime | None = None, user_ids: list[UserId] | None = None,
                  addresses: list[str] | None = None) -> Steps[Reads]:
    """Keep everybody's access log, and list what accounts or addresses read.

    Source: developer.zendesk.com, Access Logs. Needs an administrator and the ADPP add-on; without it, what was read through
    screens and API cannot be established.

    Holds 90 days. A row counts when it is of one of the accounts, or from one of the addresses under whatever name. Pages of
    a bulk read name no tickets, and neither do most requests of the agent's screens: they are counted, and what they showed
    has to be taken as everything the account could see. How a request signed in tells an API token from a browser; Zendesk
    does not state it for requests of the agent's screens.
    """
    people, places = set(map(str, user_ids or ())), {place.strip() for place in addresses or () if place.strip()}
    for user_id in people:
        number(user_id, "user")
    if not people and not places:
        raise ActionError("neither accounts nor addresses were given: whose reads?")
    tally, sums = Tally("access_log", "timestamp", since, until), _Reads()

    def add(value: Any) -> None:
        if tally.add(value) and isinstance(value, dict) and (
                ident(value.get("user_id")) in people or words(value.get("ip_address")) in places):
            sums.add(value)

    first = listed("/api/v2/access_logs", size=1000, keep="access_log", gate="ADPP add-on",
                   params={"filter[start]": stamp(since), "filter[end]": stamp(until) or None})
    done = yield from walk(first, "access_logs", add, inside=lambda _last: True)
    unasked = Counter({user: count for user, count in sums.users.items() if user not in people})
    return Reads(**asdict(tally.collection(done, days=ACCESS_LOG_DAYS)), matched=sums.count, bytes_sent=sums.sent,
                 user_ids=tuple(filter(None, sums.users)), others=_most(unasked, "user "), addresses=_most(sums.addresses),
                 tickets=tuple(sums.tickets), many=sums.many, graphql=sums.graphql, sign_ins=_most(sums.sign_ins),
                 files=sums.files.total(), credentials=sums.credentials(), searches=_most(sums.searches),
                 exports=_most(sums.exports))


class Requesters(Record, frozen=True):
    """Whose tickets they are. Somebody with several tickets counts once."""

    tickets: int
    people: int
    people_ids: tuple[str, ...]
    organizations: int
    missing: tuple[str, ...]           # ids of tickets that Zendesk no longer shows: deleted, or archived out of reach


@zendesk.action(Effect.READ)
def count_requesters(ticket_ids: list[str]) -> Steps[Requesters]:
    """Count the people whose tickets these are.

    Source: developer.zendesk.com, Tickets, Show Multiple Tickets; a hundred in one request. Needs an agent. Counts who asked,
    not who else is named in a ticket: a notice needs both.
    """
    ids = list(dict.fromkeys(ticket_ids))
    for ticket in ids:
        number(ticket, "ticket")
    people, organizations, found = dict[str, None](), set[str](), set[str]()
    for start in range(0, len(ids), AT_ONCE):
        answer = yield GET("/api/v2/tickets/show_many", params={"ids": ",".join(ids[start:start + AT_ONCE])}, keep="tickets")
        for value in answer.get("tickets", list):
            shown = row(value, "ticket")
            found.add(ident(shown.get("id")))
            people[ident(shown.get("requester_id"))] = None
            organizations.add(ident(shown.get("organization_id")))
    named = tuple(filter(None, people))
    return Requesters(len(found & set(ids)), len(named), named, len(organizations - {""}),
                      tuple(ticket for ticket in ids if ticket not in found))
