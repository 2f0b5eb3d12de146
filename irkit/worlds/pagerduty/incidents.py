"""REST of incidents: listing by key, opening, changing, notes, timelines; and webhooks and extensions."""

from __future__ import annotations

from collections.abc import Callable

from irkit.worlds.pagerduty.account import Account, Obj, Refusal, classic, stamp
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call

routes: Routes[Callable[[Account, Call, list[str]], Answer]] = Routes()
MOST_NOTES = 2000


def _incident(account: Account, key: str) -> Obj:
    if key not in account.incidents:
        raise Refusal(404, 2100, "Not Found")
    return account.incidents[key]


def listed(account: Account, call: Call, _: list[str]) -> Answer:
    wanted = call.get("incident_key")
    return classic(account, call, "incidents", [one for one in account.incidents.values()
                                                if wanted in ("", one["incident_key"])])


def made(account: Account, call: Call, _: list[str]) -> Answer:
    given = (call.data or {}).get("incident") or {}
    key, service = str(given.get("incident_key") or ""), str((given.get("service") or {}).get("id") or "")
    if not given.get("title") or not service:
        raise Refusal(400, 2001, "Invalid Input Provided", ["Title and service are required"])
    if any(one["incident_key"] == key and one["service"]["id"] == service and one["status"] != "resolved"
           for one in account.incidents.values()):
        raise Refusal(400, 2002, "Arguments Caused Error", ["Open incident with matching dedup key already exists"])
    found = account.incident(f"PNEW{len(account.incidents) + 1:03}", str(given["title"]), key, service)
    return Answer.json({"incident": found}, 201)


def one(account: Account, _call: Call, parts: list[str]) -> Answer:
    return Answer.json({"incident": _incident(account, parts[0])})


def changed(account: Account, call: Call, parts: list[str]) -> Answer:
    found, given = _incident(account, parts[0]), (call.data or {}).get("incident") or {}
    if found["status"] != "resolved":
        found["status"] = given.get("status", found["status"])
    return Answer.json({"incident": found})


def notes(account: Account, _call: Call, parts: list[str]) -> Answer:
    return Answer.json({"notes": account.notes.get(_incident(account, parts[0])["id"], [])})


def noted(account: Account, call: Call, parts: list[str]) -> Answer:
    written = account.notes.setdefault(_incident(account, parts[0])["id"], [])
    if len(written) >= MOST_NOTES:
        raise Refusal(400, 2001, "Invalid Input Provided", ["Too many notes"])
    note = {"id": f"PNOTE{len(written) + 1:03}", "content": str(((call.data or {}).get("note") or {}).get("content", "")),
            "created_at": stamp(account.now())}
    written.append(note)
    return Answer.json({"note": note})


def timeline(account: Account, call: Call, parts: list[str]) -> Answer:
    found = _incident(account, parts[0])
    rows = [{"id": f"R{number}", "type": kind, "created_at": found["created_at"], "summary": account.text(kind)}
            for number, kind in enumerate(("notify_log_entry", "trigger_log_entry"))]
    return classic(account, call, "log_entries", rows)


def webhooks(account: Account, call: Call, _: list[str]) -> Answer:
    return classic(account, call, "webhook_subscriptions", list(account.webhooks.values()))


def _webhook(account: Account, key: str) -> Obj:
    if key not in account.webhooks:
        raise Refusal(404, 2100, "Not Found")
    return account.webhooks[key]


def webhook(account: Account, _call: Call, parts: list[str]) -> Answer:
    return Answer.json({"webhook_subscription": _webhook(account, parts[0])})


def switched(account: Account, call: Call, parts: list[str]) -> Answer:
    found = _webhook(account, parts[0])
    found["active"] = ((call.data or {}).get("webhook_subscription") or {}).get("active", found["active"])
    return Answer.json({"webhook_subscription": found})


def extensions(account: Account, call: Call, _: list[str]) -> Answer:
    return classic(account, call, "extensions", account.extensions)


for _method, _path, _handler in (
        ("GET", "/incidents", listed), ("POST", "/incidents", made), ("GET", "/incidents/{}", one),
        ("PUT", "/incidents/{}", changed), ("GET", "/incidents/{}/notes", notes), ("POST", "/incidents/{}/notes", noted),
        ("GET", "/incidents/{}/log_entries", timeline), ("GET", "/webhook_subscriptions", webhooks),
        ("GET", "/webhook_subscriptions/{}", webhook), ("PUT", "/webhook_subscriptions/{}", switched),
        ("GET", "/extensions", extensions)):
    routes.add(_method, _path, _handler)
