"""A simulated Slack organization: people, channels, messages, sessions, SCIM and logs; reproducible by its seed.

Its traps: 200 for refusals; `no_active_sessions` as an error; session.list that wants user and workspace together; a name that
a channel has which nobody sees; private channels shown to members alone; texts that are cut with a warning; plan and kind of
token that withhold methods; page numbers that end at 100; methods that take a form and no JSON; limits per method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar

from irkit.worlds import options as world_options
from irkit.worlds.slack import admin, channels, files, logs
from irkit.worlds.slack.workspace import Asked, Method, Options, Refusal, Workspace, stamp
from irkit.worlds.world import Answer, Call, Person, World

METHODS: Mapping[str, Method] = {**channels.METHODS, **admin.METHODS, **files.METHODS, **logs.METHODS}


class Slack(World):
    """The workspace northwind. irkit bears the user token of an owner; "xoxb-…" is a bot's, "xoxp-…-member" a member's."""

    connector: ClassVar[str] = "slack"
    base_url = "https://slack.com"
    settings: Mapping[str, str] = {"use": "both"}
    small: ClassVar[Mapping[str, object]] = {"messages": 3, "log_rows": 6}
    ready_token = "xoxp-world-slack-owner"              # noqa: S105 - of a simulated workspace
    bot_token = "xoxb-world-slack-bot"                  # noqa: S105
    admin_token = "xoxp-world-slack-admin"              # noqa: S105
    member_token = "xoxp-world-slack-member"            # noqa: S105

    def build(self, given: Mapping[str, object], persons: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = world_options.read(Options, given, self.connector)
        self.workspace = Workspace(self.options, self.now)
        self.workspace.files_address = lambda: self.address("files")
        self.workspace.furnish(persons, subjects)
        self._asked: dict[str, list[float]] = {}

    def answer(self, call: Call) -> Answer:
        if call.host == "files" or call.path.startswith("/upload/"):
            return files.taken(self.workspace, call)
        token = call.authorization.removeprefix("Bearer ")
        asked = Asked(call, {self.ready_token: "owner", self.admin_token: "admin", self.member_token: "member",
                             self.bot_token: "bot"}.get(token, ""))
        try:
            if call.path.startswith("/scim/"):
                return admin.scim(self.workspace, asked)
            if call.path.startswith("/audit/"):
                return logs.audit(self.workspace, asked)
            return self._method(call.path.removeprefix("/api/"), asked)
        except Refusal as refusal:
            return refusal.answer()

    def _method(self, name: str, asked: Asked) -> Answer:
        """One method of the Web API: who asks, with which scope, how often, and in which form."""
        found = METHODS.get(name)
        if found is None:
            raise Refusal("unknown_method")
        if not asked.who:
            raise Refusal("invalid_auth" if asked.call.authorization else "not_authed")
        self._count(name, found)
        if found.scope and (found.scope == self.options.lacks):
            raise Refusal("missing_scope", needed=found.scope, provided="chat:write,users:read")
        if found.admin and asked.who == "bot":
            raise Refusal("not_allowed_token_type")
        if found.form_only and "json" in asked.call.headers.get("content-type", ""):
            raise Refusal("invalid_arguments")
        return Answer.json({"ok": True, **found.answer(self.workspace, asked)})

    def _count(self, name: str, method: Method) -> None:
        """So many calls of one method in a minute, where limits count; then 429 with Retry-After."""
        if not self.options.limits:
            return
        now = self.now().timestamp()
        times = self._asked[name] = [one for one in self._asked.get(name, []) if one > now - 60]
        if len(times) >= method.per_minute:
            raise Refusal("ratelimited", status=429, retry_after=int(times[0] + 60 - now) + 1)
        times.append(now)

    def state(self) -> object:
        """Of channels those that are open; of sessions those that nobody reset (a deactivation ends them, and is undone)."""
        it = self.workspace
        shown = {one["name"]: [sorted(one["members"]), one["is_private"], it.messages[one["id"]]]
                 for one in it.channels.values() if not one["is_archived"]}
        return [it.users, [one["session_id"] for one in it.sessions], shown, it.files]

    def samples(self) -> Mapping[str, object]:
        it = self.workspace
        began = it.began
        return {"email": it.users[it.subject]["profile"]["email"], "user_id": it.subject, "actor": it.subject,
                "action": "manual_export_started", "session_id": str(it.sessions[0]["session_id"]),
                "activate_user.user_id": it.left, "channel": "helpdesk", "unarchive_channel.channel": "old-incident",
                "name": "inc-2041", "text": "Contained at 02:41Z.", "file": "evidence.txt",
                "since": stamp(began - timedelta(days=30)), "until": stamp(began),
                "invite.email": it.users[it.subject]["profile"]["email"],
                "remove_from_channel.email": it.users[it.colleague]["profile"]["email"]}

    def credentials(self) -> Mapping[str, str]:
        return {"user_token": self.ready_token, "admin_token": self.admin_token, "member_token": self.member_token,
                "bot_token": self.bot_token}

    def signs_in(self) -> tuple[str, str]:
        return "user_token", self.ready_token


__all__ = ["Slack"]

