"""A simulated Opsgenie account: alerts whose requests are worked on later, two kinds of key, users, integrations, policies.

Its traps: 202 for what then fails, a request status that is 404 at first, keys that may not do each other's work, integrations
that no call switches. In flavour jsm an integration's key writes alerts and reads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.world import Answer, Call, Person, World

SITES = {"opsgenie": "https://api.opsgenie.com", "opsgenie-eu": "https://api.eu.opsgenie.com",
         "jsm": "https://api.atlassian.com/jsm/ops/integration"}
FIXED = ("Zendesk", "Slack", "IncomingCall")


class Options(Struct, frozen=True):
    """`lag`: seconds until a request is worked on. `fails`: what is taken is then not done. `page`: rows of a page."""

    flavour: Literal["opsgenie", "opsgenie-eu", "jsm"] = "opsgenie"
    lag: int = 7
    fails: bool = False
    page: int = 100
    hostile: bool = False


class No(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Opsgenie(World):
    """The account northwind."""

    connector: ClassVar[str] = "opsgenie"
    ready_token = "world-opsgenie-alert-key"            # noqa: S105 - of a simulated account
    config_key = "world-opsgenie-config-key"
    small: ClassVar[Mapping[str, object]] = {"lag": 0}

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, self.connector)
        self.base_url, self.settings = SITES[self.options.flavour], {"flavour": self.options.flavour}
        text = self._text = hostile if self.options.hostile else str
        self.began = self.now()
        known = list(people) or [Person("Dana Reyes", "dana@example.org", "agent")]
        known += [Person(email.partition("@")[0], email, "agent") for email in subjects.values()
                  if "@" in email and email.casefold() not in {one.email.casefold() for one in known}]
        self.users: dict[str, dict[str, Any]] = {
            f"u-{n}": {"id": f"u-{n}", "username": one.email, "fullName": text(one.name), "blocked": False, "verified": True,
                       "role": {"id": "x", "name": "Admin" if one.role == "admin" else "User"}}
            for n, one in enumerate(known, 1)}
        self.integrations = {f"i-{n}": {"id": f"i-{n}", "name": text(name), "type": kind, "enabled": True, "teamId": "t-1"}
                             for n, (name, kind) in enumerate((("Forward all", "Webhook"), ("Helpdesk", "Zendesk"),
                                                               ("Old feed", "API")), 1)}
        self.integrations["i-3"]["enabled"] = False
        self.policies = {"p-1": {"id": "p-1", "name": text("Mute helpdesk"), "type": "alert", "enabled": True},
                         "p-2": {"id": "p-2", "name": text("Night"), "type": "alert", "enabled": False}}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        for alias, acknowledged in (("open-1", False), ("taken-1", True)):
            self._create({"message": "Queue is long", "alias": alias})
            self.alerts[alias]["acknowledged"] = acknowledged

    # -- answering -------------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        try:
            return self._answer(call)
        except No as no:
            return Answer.json({"message": no.message, "took": 0.001, "requestId": "r-0"}, no.status,
                               {"x-request-id": "r-0"})

    def _answer(self, call: Call) -> Answer:
        path = call.path.removeprefix("/jsm/ops/integration")
        parts = path.strip("/").split("/")
        alerts = parts[:2] == ["v2", "alerts"]
        key = call.authorization.removeprefix("GenieKey ").removeprefix("Bearer ")
        if key not in (self.ready_token, self.config_key):
            raise No(401, "Could not authenticate")
        drill = call.authorization.startswith("Bearer ")
        if not drill and (key == self.config_key) == alerts and not (alerts and call.method == "GET"):
            raise No(403, "You are not authorized to make this request with this key")
        if self.options.flavour == "jsm" and (call.method == "GET" or not alerts):
            raise No(404, "Not found")
        return self._alerts(call, parts[2:]) if alerts else self._account(call, parts[1:])

    def _rows(self, call: Call, rows: Sequence[Any]) -> Answer:
        limit, offset = min(int(call.get("limit", "20")), self.options.page), int(call.get("offset", "0"))
        more = {"next": f"{self.base_url}{call.path}?limit={limit}&offset={offset + limit}"
                        + (f"&identifierType={call.get('identifierType')}" if call.get("identifierType") else "")}
        return Answer.json({"data": rows[offset:offset + limit], "paging": more if offset + limit < len(rows) else {},
                            "requestId": "r-0", "took": 0.001})

    # -- alerts ----------------------------------------------------------------------------------------------------

    def _alerts(self, call: Call, parts: list[str]) -> Answer:
        given = call.data if isinstance(call.data, dict) else {}
        if call.method == "POST":
            if not parts:
                if not given.get("message") or len(str(given["message"])) > 130:
                    raise No(422, "Request body is not processable: message must be 1 to 130 characters")
                return self._taken("Create", given, str(given.get("alias") or "made"))
            return self._taken(parts[1], given, self._alias(call, parts[0]))
        if not parts:
            return self._rows(call, list(self.alerts.values()))
        if parts[0] == "requests":
            return self._status(parts[1])
        alert = self.alerts.get(self._alias(call, parts[0]))
        if alert is None:
            raise No(404, "Alert does not exist")
        if len(parts) > 1:
            return self._rows(call, alert[f"_{parts[1]}"])
        return Answer.json({"data": {name: value for name, value in alert.items() if name[0] != "_"}, "requestId": "r-0"})

    def _alias(self, call: Call, identifier: str) -> str:
        if call.get("identifierType") == "alias":
            return identifier
        return next((alias for alias, one in self.alerts.items() if one["id"] == identifier), "")

    def _taken(self, action: str, given: Mapping[str, Any], alias: str) -> Answer:
        request_id = f"r-{len(self.requests) + 1}"
        status = {"success": False, "isSuccess": False, "action": action, "status": "Alert does not exist", "alias": alias}

        def work() -> None:
            done = not self.options.fails and (action == "Create" or alias in self.alerts)
            if done:
                self._create(given) if action == "Create" else self._change(action, given, alias)
                status.update(success=True, isSuccess=True, status="Done")
            self.requests[request_id] = status
        self.later(self.options.lag, work)
        return Answer.json({"result": "Request will be processed", "took": 0.1, "requestId": request_id}, 202)

    def _status(self, request_id: str) -> Answer:
        if request_id not in self.requests:
            raise No(404, "Request does not exist, or is not worked on yet")
        return Answer.json({"data": self.requests[request_id], "requestId": "r-0", "took": 0.001})

    def _create(self, given: Mapping[str, Any]) -> None:
        alias = str(given.get("alias"))
        if alias in self.alerts and self.alerts[alias]["status"] == "open":
            return
        self.alerts[alias] = {
            "id": f"a-{len(self.alerts) + 1}", "alias": alias, "status": "open", "acknowledged": False, "_notes": [],
            "message": self._text(str(given["message"])), "priority": given.get("priority", "P3"),
            "_logs": [{"log": self._text("Alert created"), "createdAt": f"{self.now() - timedelta(0):%Y-%m-%dT%H:%M:%SZ}"}]}

    def _change(self, action: str, given: Mapping[str, Any], alias: str) -> None:
        alert = self.alerts[alias]
        if action == "notes":
            alert["_notes"].append({"note": given.get("note"), "owner": "irkit"})
        else:
            changes: dict[str, dict[str, Any]] = {"close": {"status": "closed"}, "acknowledge": {"acknowledged": True},
                                                  "unacknowledge": {"acknowledged": False}}
            alert.update(changes.get(action, {}))

    # -- configuration ---------------------------------------------------------------------------------------------

    def _account(self, call: Call, parts: list[str]) -> Answer:
        match (call.method, *parts):
            case ("GET", "users"):
                return self._rows(call, list(self.users.values()))
            case ("GET" | "PATCH", "users", key) if key in self.users:
                if call.method == "PATCH":
                    self.users[key]["role"] = {"id": "x", "name": call.data["role"]["name"]}
                return Answer.json({"data": self.users[key]})
            case ("GET", "integrations"):
                return Answer.json({"data": list(self.integrations.values())})
            case ("GET", "policies", "alert"):
                return Answer.json({"data": list(self.policies.values())})
            case ("GET", "policies", key) if key in self.policies:
                return Answer.json({"data": self.policies[key]})
            case ("POST", "integrations" | "policies" as kind, key, "enable" | "disable" as verb):
                return self._switch(self.integrations if kind == "integrations" else self.policies, key, verb == "enable")
        raise No(404, "Not found")

    def _switch(self, things: dict[str, dict[str, Any]], key: str, on: bool) -> Answer:
        if key not in things:
            raise No(404, "Not found")
        if things[key]["type"] in FIXED:
            raise No(422, "This integration cannot be enabled or disabled")
        things[key]["enabled"] = on
        return Answer.json({"result": "Enabled" if on else "Disabled"}, 201)

    # -- what a world tells ----------------------------------------------------------------------------------------

    def state(self) -> object:
        return [self.users, self.integrations, self.policies,
                {alias: {name: value for name, value in one.items() if name != "_logs"} for alias, one in self.alerts.items()}]

    def samples(self) -> Mapping[str, object]:
        return {"message": "Helpdesk account taken over", "alias": "open-1", "unacknowledge_alert.alias": "taken-1",
                "text": "Contained at 02:41Z.", "email": "dana@example.org", "user_id": "u-1", "role": "Observer",
                "integration_id": "i-1", "enable_integration.integration_id": "i-3", "policy_id": "p-1",
                "enable_policy.policy_id": "p-2", "find_user.email": next(iter(self.users.values()))["username"]}

    def credentials(self) -> Mapping[str, str]:
        return {"alert_key": self.ready_token, "config_key": self.config_key}

    def signs_in(self) -> tuple[str, str]:
        return "alert_key", self.ready_token

    def more_credentials(self) -> Mapping[str, str]:
        return {"config": self.config_key}
