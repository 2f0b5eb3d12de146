"""The Reports API: asked by the actor, deaf to what it does not know, clamped to 180 days, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from irkit.worlds.google_workspace.tenant import Obj, Operations, Refusal, page, stamp
from irkit.worlds.world import Answer, Call

if TYPE_CHECKING:
    from irkit.worlds.google_workspace import GoogleWorkspace

operations = Operations()
EVERYWHERE = ("login", "token", "admin", "user_accounts", "saml", "groups_enterprise", "mobile", "takeout")
EDITION = (*EVERYWHERE, "drive", "rules", "vault", "gmail", "context_aware_access", "access_evaluation", "admin_data_action")
DAYS, GMAIL = timedelta(days=180), timedelta(days=30)


def _time(text: str) -> datetime | None:
    """None for what is no time: it is ignored, not refused."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _last(call: Call, name: str) -> str:
    """Of a parameter that was given twice, only the last value counts."""
    return next((value for key, value in reversed(call.query) if key == name), "")


@operations.on("GET", "/admin/reports/v1/activity/users/{}/applications/{}", "admin.reports.audit.readonly")
def activities(world: GoogleWorkspace, call: Call, who: str, application: str) -> Answer:
    if application not in EDITION:
        raise Refusal(400, "invalid", f"Invalid value '{application}'. Values must match one of the known applications")
    if world.options.edition == "starter" and application not in EVERYWHERE:
        raise Refusal(403, "forbidden", f"This edition does not provide the log of {application}.")
    start, end = _time(_last(call, "startTime")), _time(_last(call, "endTime"))
    if application == "gmail" and (start is None or end is None or end - start > GMAIL):
        raise Refusal(400, "invalid", "The start and end time are required, and 30 days apart at most.")
    if start and end and start > end:
        raise Refusal(400, "invalid", "The start time is after the end time.")
    rows = _between(world, application, max(start or world.now() - DAYS, world.now() - DAYS), end)
    if not world.options.ignore_filters:
        rows = [row for row in rows if _asked(world, call, row, who)]
    return page(world, call, "admin#reports#activities", "items", rows, 1000)


def _between(world: GoogleWorkspace, application: str, start: datetime, end: datetime | None) -> list[Obj]:
    last = stamp(end) if end else "9"
    return sorted((row for row in world.tenant.logs.get(application, ()) if stamp(start) <= row["id"]["time"] <= last),
                  key=lambda row: str(row["id"]["time"]), reverse=True)


def _asked(world: GoogleWorkspace, call: Call, row: Obj, who: str) -> bool:
    """Of somebody by address or id; who was deleted is known by the id alone."""
    if who != "all":
        users = world.tenant.shelves["users"].values()
        known = [one["id"] for one in users if one["primaryEmail"].casefold() == who.casefold()]
        if row["actor"].get("profileId") not in (who, *known):
            return False
    event = _last(call, "eventName")
    return not event or any(one["name"] == event for one in row["events"])
