"""Arguments with which every action of the connector has something to find, and every write something to do."""

from __future__ import annotations

from collections.abc import Mapping

from irkit.worlds.zendesk.state import BREAK_GLASS, FAR, Obj, Tenant, stamp


def samples(tenant: Tenant) -> Mapping[str, object]:
    other, agent = [u for u in tenant.users.values() if u["role"] == "agent" and not u["suspended"]][-2:]
    customer = _first(tenant.users, role="end-user")
    glass = tenant.known(BREAK_GLASS)
    token = next(key for key, row in tenant.tokens.items() if row["user_id"] != glass["id"])
    return {
        "email": agent["email"], "user_id": str(agent["id"]), "actor_id": str(agent["id"]),
        "user_ids": [str(agent["id"]), str(other["id"])], "token_id": token, "role": "end-user",
        "custom_role_id": next(iter(tenant.custom_roles), None),
        "domain": "northwind.example", "group": next(iter(tenant.groups.values()))["name"], "channel": "api",
        "addresses": [FAR], "collect_agents.domain": "northwind.example", "collect_reads.user_ids": [str(agent["id"])],
        "count_requesters.ticket_ids": ["7", "8", "9"],
        "collect_oauth_tokens.global_client_ids": list(tenant.global_clients), "collect_global_clients.name": "zendesk",
        "ticket_ids": list(tenant.deleted_tickets), "since": stamp(tenant.ago(days=30)), "until": None,
        "unsuspend_user.user_id": str(_first(tenant.users, suspended=True)["id"]),
        "restore_role.user_id": str(customer["id"]), "restore_role.role": "agent", **_switches(tenant)}


def _switches(tenant: Tenant) -> dict[str, object]:
    """For each kind of thing that can be turned off: one that is on, and one that is off for the action that turns it on."""
    found: dict[str, object] = {}
    for name, shelf, flag in (("target", tenant.targets, "active"), ("trigger", tenant.triggers, "active"),
                              ("automation", tenant.automations, "active"), ("app", tenant.apps, "enabled")):
        param = "installation_id" if name == "app" else f"{name}_id"
        found[param] = str(_first(shelf, **{flag: True})["id"])
        found[f"enable_{name}.{param}"] = str(_first(shelf, **{flag: False})["id"])
    found["webhook_id"] = _first(tenant.webhooks, status="active")["id"]
    found["enable_webhook.webhook_id"] = _first(tenant.webhooks, status="inactive")["id"]
    return found


def _first(shelf: Mapping[str, Obj], **wanted: object) -> Obj:
    return next(thing for thing in shelf.values() if all(thing[name] == value for name, value in wanted.items()))
