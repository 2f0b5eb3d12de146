"""Arguments with which every action finds something, and every write has something to do."""

from __future__ import annotations

from collections.abc import Mapping

from irkit.worlds.freshdesk.seed import BREAK_GLASS, FAR
from irkit.worlds.freshdesk.tenant import Obj, Tenant


def _rule(tenant: Tenant, *, active: bool) -> Obj:
    own = tenant.agent(BREAK_GLASS)["id"]
    rules = [one for one in tenant.shelves["rules"].values() if one["active"] is active]
    return next((one for one in rules if one["last_updated_by"] != own), rules[0])


def _contact(tenant: Tenant, *, deleted: bool) -> str:
    return next((str(one["id"]) for one in tenant.shelves["contacts"].values() if one["deleted"] is deleted), "1")


def samples(tenant: Tenant) -> Mapping[str, object]:
    on, off = _rule(tenant, active=True), _rule(tenant, active=False)
    standing = {"ticket_scope": 1, "role_ids": [str(tenant.role("Supervisor"))],
                "group_ids": [str(one["id"]) for one in tenant.shelves["groups"].values()]}
    returned = next((key for key, one in tenant.shelves["contacts"].items() if one["email"] == "returned@example.org"), "1")
    exports = {one["_of"]: key for key, one in tenant.shelves["exports"].items()}
    return {
        "agent_id": tenant.subject, "email": tenant.email,
        "since": tenant.ago(days=40), "check_deactivated.agent_id": str(tenant.agent("former@example.org")["id"]),
        **{f"restore_agent.{name}": value for name, value in standing.items()},
        "restore_agent.agent_id": str(tenant.agent("temp@example.org")["id"]),
        **{f"make_agent.{name}": value for name, value in standing.items()}, "make_agent.agent_id": returned,
        "type": on["_type"], "id": str(on["id"]),
        "enable_automation.type": off["_type"], "enable_automation.id": str(off["id"]),
        "addresses": [FAR if FAR in tenant.bcc else "journal@northwind.example"],
        "add_bcc.addresses": ["second-journal@northwind.example"],
        "ticket_id": next((key for key, one in tenant.tickets.items() if one["deleted"]), "1"),
        "contact_id": _contact(tenant, deleted=True), "delete_contact.contact_id": _contact(tenant, deleted=False),
        "check_contact_export.export_id": exports["contacts"], "check_company_export.export_id": exports["companies"],
        "job_id": next(iter(tenant.shelves["jobs"]))}
