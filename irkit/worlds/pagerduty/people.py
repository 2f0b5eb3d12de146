"""REST of people: users, what is signed in for them, audit records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from irkit.worlds.pagerduty.account import Account, Obj, Refusal, classic, cursored, stamp
from irkit.worlds.routes import Routes
from irkit.worlds.world import Answer, Call

routes: Routes[Callable[[Account, Call, list[str]], Answer]] = Routes()


def _user(account: Account, key: str) -> Obj:
    if key not in account.users:
        raise Refusal(404, 2100, "Not Found")
    return account.users[key]


def users(account: Account, call: Call, _: list[str]) -> Answer:
    wanted = call.get("query").casefold()
    return classic(account, call, "users", [one for one in account.users.values() if wanted in one["email"].casefold()
                                            or wanted in one["name"].casefold()])


def user(account: Account, _call: Call, parts: list[str]) -> Answer:
    return Answer.json({"user": _user(account, parts[0])})


def change(account: Account, call: Call, parts: list[str]) -> Answer:
    found, given = _user(account, parts[0]), (call.data or {}).get("user") or {}
    if not given.get("name") or not given.get("email"):
        raise Refusal(400, 2001, "Invalid Input Provided", ["Name and email are required"])
    found.update({name: given[name] for name in ("name", "email", "role") if name in given})
    return Answer.json({"user": found})


def delegations(account: Account, call: Call, parts: list[str]) -> Answer:
    if not account.options.delegations:
        raise Refusal(402, 2012, "Payment Required")
    wanted = call.get("status")
    rows = [{name: value for name, value in one.items() if name != "user"} for one in account.delegations.values()
            if one["user"] == _user(account, parts[0])["id"] and wanted in ("", one["status"])]
    return cursored(account, call, "oauth_delegations", rows)


def sign_out(account: Account, call: Call, _: list[str]) -> Answer:
    """One kind a call: the schema's enum takes no list, and integrations are in no enum."""
    kind = call.get("type")
    if not call.get("user_id") or kind not in ("mobile", "web"):
        raise Refusal(400, 2001, "Invalid Input Provided", ["type must be one of mobile, web"])
    for one in account.delegations.values():
        if one["user"] == call.get("user_id") and one["type"] == kind:
            one["status"] = "revoked"
    return Answer.json({"status": "ok"})


def audit(account: Account, call: Call, _: list[str]) -> Answer:
    """The last day unless asked; a window over 31 days is refused; newest first."""
    if not account.options.audit:
        raise Refusal(402, 2012, "Payment Required")
    now = account.now()
    until = call.get("until") or stamp(now)
    since = call.get("since") or stamp(now - timedelta(days=1))
    if datetime.fromisoformat(until) - datetime.fromisoformat(since) > timedelta(days=31):
        raise Refusal(400, 2001, "Invalid Input Provided", ["until must be at most 31 days after since"])
    return cursored(account, call, "records", [one for one in account.audit if since <= one["execution_time"] <= until])


for _method, _path, _handler in (
        ("GET", "/users", users), ("GET", "/users/me", user), ("GET", "/users/{}", user), ("PUT", "/users/{}", change),
        ("GET", "/users/{}/oauth_delegations", delegations), ("DELETE", "/oauth_delegations", sign_out),
        ("GET", "/audit/records", audit)):
    routes.add(_method, _path, _handler)
