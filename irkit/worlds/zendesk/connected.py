"""What acts by itself: apps, webhooks, targets, triggers, automations, support addresses, sharing; and the settings."""

from __future__ import annotations

from irkit.worlds.world import Answer
from irkit.worlds.zendesk.state import Obj, stamp
from irkit.worlds.zendesk.visit import Operations, Refusal, Visit, invalid

operations = Operations()


def _log(v: Visit, kind: str, thing: Obj, label: str, change: str) -> None:
    v.tenant.audit(v.now, v.caller, "update", (kind, thing["id"], label), change)


def _flag(given: Obj, name: str) -> bool:
    if not isinstance(given.get(name), bool):
        raise invalid(name, f"{name.capitalize()}: is not true or false")
    return bool(given[name])


# -- apps --------------------------------------------------------------------------------------------------------

@operations.on("GET", "/apps/installations")
def list_apps(v: Visit) -> Answer:
    return v.page("installations", v.tenant.apps.values(), cursor_only=True)


@operations.on("GET", "/apps/owned", needs="admin")
def owned_apps(_: Visit) -> Answer:
    return Answer.json({"apps": []})


@operations.on("GET", "/apps/installations/{}")
def show_app(v: Visit, app_id: str) -> Answer:
    return Answer.json(v.show("", v.one(v.tenant.apps, app_id)))


@operations.on("PUT", "/apps/installations/{}", needs="admin")
def update_app(v: Visit, app_id: str) -> Answer:
    app = v.one(v.tenant.apps, app_id)
    given = v.body()
    if "enabled" in given:
        app["enabled"] = _flag(given, "enabled")
    if isinstance(given.get("settings"), dict):
        app["settings"] = {**app["settings"], **given["settings"]}
    app["updated_at"] = stamp(v.now)
    _log(v, "zendesk/app_market/installation", app, f"App: {app['settings']['name']}", f"Enabled changed to {app['enabled']}")
    return Answer.json(v.show("", app))


# -- webhooks ----------------------------------------------------------------------------------------------------

@operations.on("GET", "/webhooks", needs="admin", newer=True)
def list_webhooks(v: Visit) -> Answer:
    return v.page("webhooks", v.tenant.webhooks.values(), cursor_only=True)


@operations.on("GET", "/webhooks/{}", needs="admin", newer=True)
def show_webhook(v: Visit, webhook_id: str) -> Answer:
    return Answer.json({"webhook": v.show("", v.one(v.tenant.webhooks, webhook_id))})


@operations.on("PATCH", "/webhooks/{}", needs="admin", newer=True)
def patch_webhook(v: Visit, webhook_id: str) -> Answer:
    webhook = v.one(v.tenant.webhooks, webhook_id)
    given = v.body("webhook")
    if given.get("status", "active") not in ("active", "inactive"):
        raise Refusal(400, "InvalidParameter", "status must be active or inactive")
    changed = ("name", "endpoint", "http_method", "status", "subscriptions")
    webhook.update({name: given[name] for name in changed if name in given},
                   updated_at=stamp(v.now), updated_by=str(v.caller["id"]))
    _log(v, "webhook", webhook, f"Webhook: {webhook['name']}", f"Status changed to {webhook['status']}")
    return Answer(204)


@operations.on("GET", "/webhooks/{}/invocations", needs="admin", newer=True)
def list_invocations(v: Visit, webhook_id: str) -> Answer:
    webhook = v.one(v.tenant.webhooks, webhook_id)
    return v.page("invocations", v.tenant.invocations.get(webhook["id"], []), cursor_only=True)


@operations.on("GET", "/webhooks/{}/invocations/{}/attempts", needs="admin", newer=True)
def list_attempts(v: Visit, webhook_id: str, invocation_id: str) -> Answer:
    webhook = v.one(v.tenant.webhooks, webhook_id)
    shelf = {row["id"]: row for row in v.tenant.invocations.get(webhook["id"], [])}
    call = v.one(shelf, invocation_id)
    return Answer.json({"attempts": [{"id": call["id"], "invocation_id": call["id"], "status": "success", "status_code": 200,
                                      "completed_at": call["latest_completed_at"],
                                      "request": {"headers": {}, "payload": v.tenant.words('{"ticket": 1}')},
                                      "response": {"headers": {}, "payload": v.tenant.words("ok")}}]})


# -- targets, triggers, automations ------------------------------------------------------------------------------

@operations.on("GET", "/targets")
def list_targets(v: Visit) -> Answer:
    return v.page("targets", v.tenant.targets.values(), path="targets")


@operations.on("GET", "/targets/{}")
def show_target(v: Visit, target_id: str) -> Answer:
    return Answer.json({"target": v.show("targets", v.one(v.tenant.targets, target_id))})


@operations.on("PUT", "/targets/{}", needs="admin")
def update_target(v: Visit, target_id: str) -> Answer:
    target = v.one(v.tenant.targets, target_id)
    target["active"] = _flag(v.body("target"), "active")
    _log(v, "target", target, f"Target: {target['title']}", f"Active changed to {target['active']}")
    return Answer.json({"target": v.show("targets", target)})


@operations.on("GET", "/target_failures", needs="admin")
def target_failures(_: Visit) -> Answer:
    return Answer.json({"target_failures": [], "count": 0, "next_page": None, "previous_page": None})


def _rules(kind: str) -> None:
    """Triggers and automations answer alike: list, show, update."""
    one, source = kind.removesuffix("s"), "rule" if kind == "automations" else "trigger"

    @operations.on("GET", f"/{kind}")
    def list_rules(v: Visit) -> Answer:
        wanted = v.call.get("active")
        shelf: dict[str, Obj] = getattr(v.tenant, kind)
        return v.page(kind, [rule for rule in shelf.values() if not wanted or str(rule["active"]).lower() == wanted], path=kind)

    @operations.on("GET", f"/{kind}/{{}}")
    def show_rule(v: Visit, rule_id: str) -> Answer:
        return Answer.json({one: v.show(kind, v.one(getattr(v.tenant, kind), rule_id))})

    @operations.on("PUT", f"/{kind}/{{}}", needs="admin")
    def update_rule(v: Visit, rule_id: str) -> Answer:
        rule = v.one(getattr(v.tenant, kind), rule_id)
        given = v.body(one)
        if "active" in given:
            rule["active"] = _flag(given, "active")
        if "title" in given:
            rule["title"] = rule["raw_title"] = str(given["title"])
        if kind == "automations" and ("conditions" in given or "actions" in given):
            rule.update(conditions={"all": [], "any": []}, actions=[])            # touching one array clears both
        rule.update({name: given[name] for name in ("conditions", "actions") if name in given}, updated_at=stamp(v.now))
        _log(v, source, rule, f"{one.capitalize()}: {rule['title']}", f"Active changed to {rule['active']}")
        return Answer.json({one: v.show(kind, rule)})


_rules("triggers")
_rules("automations")


@operations.on("GET", "/triggers/{}/revisions", needs="admin", plan="enterprise")
def trigger_revisions(v: Visit, trigger_id: str) -> Answer:
    trigger = v.one(v.tenant.triggers, trigger_id)
    author = trigger.get("_author")
    users = [v.show("users", v.tenant.users[str(author)])] if author else []
    return Answer.json({"trigger_revisions": [{"id": 1, "author_id": author, "created_at": trigger["created_at"], "diff": {}}],
                        "users": users, "count": 1, "after_cursor": None, "after_url": None})


@operations.on("GET", "/recipient_addresses")
def list_addresses(v: Visit) -> Answer:
    return v.page("recipient_addresses", v.tenant.recipient_addresses.values(), path="recipient_addresses")


@operations.on("GET", "/sharing_agreements")
def list_agreements(v: Visit) -> Answer:
    """All at once: this list is not paged."""
    rows = [v.show("sharing_agreements", row) for row in v.tenant.sharing_agreements.values()]
    return Answer.json({"sharing_agreements": rows})


# -- settings ----------------------------------------------------------------------------------------------------

@operations.on("GET", "/security_settings", needs="admin")
def security_settings(v: Visit) -> Answer:
    return Answer.json({"security_settings": v.tenant.security})


@operations.on("GET", "/account/settings")
def account_settings(v: Visit) -> Answer:
    return Answer.json({"settings": {
        "api": {"accepted_api_agreement": True, "api_password_access": False, "api_token_access": True},
        "active_features": {"sandbox": v.tenant.options.plan == "enterprise", "business_hours": True},
        "branding": {"header_color": "1A2B3C"}, "tickets": {"list_newest_comments_first": True}}})
