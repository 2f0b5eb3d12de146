"""Slack: the incident's channel, a compromised person's sessions and account, and logs.

The Web API answers 200 to nearly everything: what counts is `ok` in the body, and the code in `error`. Two codes say that part
of it may have happened. The rate limit is per method. SCIM and the audit logs, at another address, use HTTP's own statuses.

One connection bears one token. A bot's token makes the channel and posts; containment and logs need the user token of an
administrator, the audit logs that of an owner of the organization: make it a second connection.

Sources: docs.slack.dev (Web API methods, rate limits, SCIM API, Audit Logs API).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from irkit.action import (
    GET,
    POST,
    ActionError,
    BadAnswer,
    Bucket,
    Connector,
    Host,
    Identity,
    NoAnswer,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Throttled,
    Token,
    Unavailable,
    UserId,
    at,
    by_token,
    flag,
    ident,
    one,
    retry_after,
    setting,
    words,
)

PLAN = "Enterprise plan and the user token of an organization's owner or administrator"
PAID = "paid plan and the user token of an administrator"
OWNER = "Enterprise plan, an app installed on the organization, and the user token of an organization's owner"

# Calls a minute by tier; a method that is not named is of tier 3. posting: about one a second and channel.
TIERS = {
    "chat.postMessage": 60, "auth.test": 100, "files.getUploadURLExternal": 100, "files.completeUploadExternal": 100,
    "files.info": 100, "users.info": 100, "conversations.members": 100, "conversations.create": 20, "conversations.list": 20,
    "conversations.archive": 20, "conversations.unarchive": 20, "admin.users.session.list": 20,
    "admin.users.session.reset": 20, "admin.users.session.invalidate": 20, "team.accessLogs": 20, "team.integrationLogs": 20,
}
UNCERTAIN = frozenset({"internal_error", "fatal_error", "service_unavailable"})
SLOW = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
WITHHELD = frozenset({
    "feature_not_enabled", "not_an_admin", "admin_unauthorized", "paid_only", "team_not_authorized", "not_allowed_token_type",
    "missing_scope", "no_permission", "access_denied", "unknown_method", "enterprise_is_restricted", "ekm_access_denied",
    "not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "org_login_required"})
SAID = {
    "channel_not_found": "there is no such channel, or irkit is not in it",
    "not_in_channel": "irkit is not in that channel: somebody invites it",
    "is_archived": "the channel is archived: nothing can be written there",
    "name_taken": "a channel of that name is there already, and irkit is not in it",
    "restricted_action": "a setting of the workspace forbids it",
    "users_not_found": "nobody has that address",
    "no_text": "there is no text", "msg_too_long": "the message is too long", "msg_blocks_too_long": "the message is too long",
    "feature_not_enabled": "the plan does not have it", "paid_only": "only paid plans have it",
    "not_an_admin": "the token is not an administrator's", "not_allowed_token_type": "it is not for this kind of token",
    "team_not_authorized": "the organization is not allowed to use it",
    "invalid_auth": "the token is not accepted", "not_authed": "no token came", "token_revoked": "the token was revoked",
    "token_expired": "the token has expired", "account_inactive": "the token's user was deactivated",
    "cannot_reset_primary_owner": "the primary owner's sessions cannot be reset: they sign out themselves",
    "cannot_reset_bot": "a bot has no sessions", "file_uploads_disabled": "uploads are switched off in this workspace",
    "storage_limit_reached": "the workspace has no room left", "file_type_not_allowed": "this kind of file is not allowed",
    "over_pagination_limit": "no more than 100 pages of 1,000 rows are given",
}


def described(data: object) -> str:
    """"missing_scope (needs admin.users:read)": the code and what it means, or ""."""
    code = words(data.get("error")) if isinstance(data, dict) else ""
    if not code or not isinstance(data, dict):
        return ""
    needed = words(data.get("needed"))
    told = f"the token lacks {needed}" if needed else SAID.get(code, "")
    return f"{code[:100]}{f' ({told[:200]})' if told else ''}"


def describe(response: Response) -> str:
    """{"ok": false, "error": "code"} of the Web API and the audit logs, or {"Errors": {"description", "code"}} of SCIM."""
    try:
        data = response.json
    except BadAnswer:
        return ""
    return described(data) or words(at(data, "Errors.description"))[:300]


def method_of(request: Request) -> str:
    """"chat.postMessage"; "" for what is no method of the Web API."""
    path = urlsplit(request.target).path
    return path.removeprefix("/api/") if not request.host and path.startswith("/api/") else ""


def bucket(request: Request) -> Bucket | None:
    """Each method has a rate limit of its own; SCIM's writes and the audit logs are counted over the whole organization."""
    if request.host == "org":
        scim = request.target.startswith("/scim/")
        return Bucket("SCIM", 180) if scim else Bucket("audit logs", 50)
    method = method_of(request)
    return Bucket(method, TIERS.get(method, 50)) if method else None


def judge(request: Request, response: Response) -> ActionError | None:
    """An answer of 200 is one only with `ok`. A write that Slack is not sure of is unknown."""
    if not 200 <= response.status < 300 or (request.host == "files" and response.status == 200):
        return None
    if request.host == "files":
        return Refused(f"the upload was answered {response.status}, and only 200 is success", status=response.status)
    try:
        data = response.json
    except BadAnswer as bad:
        return None if request.host else _unreadable(request, response, bad.what)
    told = data.get("ok") if isinstance(data, dict) else None
    if told is True or (request.host and told is None):
        return None
    if told is not False:
        return _unreadable(request, response, f"{method_of(request)} answered without saying ok")
    return None if data.get("error") in request.accepts else _failed(request, response, data)


def _unreadable(request: Request, response: Response, what: str) -> ActionError:
    return NoAnswer(what, status=response.status) if request.is_write else BadAnswer(what)


def _failed(request: Request, response: Response, data: Mapping[str, Any]) -> ActionError:
    code, name = words(data.get("error")), method_of(request) or urlsplit(request.target).path
    text = f"{name} answered {described(data) or 'ok: false, without a reason'}"
    if code in UNCERTAIN:
        return NoAnswer(f"{text}: it may have happened", status=response.status)
    if code in SLOW:
        return Throttled(text, status=response.status, wait=_seconds(response))
    if code in WITHHELD and not request.is_write:
        needs = words(data.get("needed")) or request.gate
        return Unavailable(text + (f": needs the {request.gate}" if request.gate else ""), status=response.status, needs=needs)
    return Refused(text, status=response.status)


def _seconds(response: Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None


slack = Connector(
    "slack",
    title="Slack",
    base_url="https://slack.com",
    settings=[Setting("use", "What it is for: channel, containment (logs too) or both", default="both",
                      values={name: name for name in ("both", "channel", "containment")})],
    hosts={"org": Host("https://api.slack.com"), "files": Host("https://files.slack.com")},
    sign_in=[Token("user_token", "User token (xoxp-…) of an administrator"), Token("bot_token", "Bot token (xoxb-…)")],
    describe=describe, judge=judge, limit=retry_after, bucket=bucket, per_minute=50,
    setup=(
        "An app of your own at api.slack.com/apps (internal: other apps read a channel's history at one call a minute).",
        "For the channel, a bot token with chat:write, groups:write, groups:read, groups:history, channels:read,",
        "channels:history, users:read, users:read.email, files:write, files:read: a connection with use = channel.",
        "For containment and logs, a user token of an organization's owner with admin.users:read, admin.users:write, admin",
        "(SCIM, access and integration logs), auditlogs:read, users:read and users:read.email, the app installed on the",
        "organization: a second connection, slack_admin, with use = containment; steps name it: connection: slack_admin.",
        "Sessions, SCIM and audit logs are Enterprise, access logs on paid plans. What is missing is a gap, never \"clean\".",
        "If the intruder can read Slack, tell people by another medium, and look who is in the channel.",
    ),
)


# -- who -----------------------------------------------------------------------------------------------------------

def call(method: str, *, reads: bool = False, form: Mapping[str, object] | None = None, **how: Any) -> Request:
    """POST of a method of the Web API; a form is taken by every one, JSON is not."""
    return POST(f"/api/{method}", form=form or {}, reads=reads, **how)


def get(method: str, **how: Any) -> Request:
    return GET(f"/api/{method}", **how)


next_page = by_token("response_metadata.next_cursor", "cursor")        # an empty cursor is the last page


class User(Record, frozen=True):
    """A person of the workspace's. `guest`: a guest of one or some channels, or somebody of another organization."""

    user_id: UserId
    email: str
    name: str
    team_id: str
    active: bool
    admin: bool
    guest: bool
    bot: bool

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        found, deleted = ident(data.get("id")), flag(data.get("deleted"))
        if not found or deleted is None:
            raise BadAnswer("a user came without an id, or without saying whether they are deactivated")
        name = words(at(data, "profile.real_name")) or words(data.get("real_name")) or words(data.get("name"))
        admin = any(flag(data.get(key)) for key in ("is_admin", "is_owner", "is_primary_owner"))
        guest = any(flag(data.get(key)) for key in ("is_restricted", "is_ultra_restricted", "is_stranger"))
        return cls(UserId(found), words(at(data, "profile.email")), name, ident(data.get("team_id")), not deleted, admin, guest,
                   bool(flag(data.get("is_bot"))))

    @property
    def person(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else f"{self.name} ({self.user_id})"


def user_of(user_id: str) -> Steps[User]:
    return User.of(one((yield get("users.info", params={"user": user_id})), "user", user_id))


@slack.identity
def check() -> Steps[Identity]:
    """Whose token it is, and on which plan. For the channel anybody's will do, a bot's too; to contain an administrator's."""
    channel = (yield from setting("use")) == "channel"
    me = yield call("auth.test", reads=True)
    user_id, bot = me.get("user_id", str), bool(ident(me.json.get("bot_id")))
    enterprise = bool(ident(me.json.get("enterprise_id")))
    plan = "Enterprise" if enterprise else ""
    if bot:
        return Identity(user_id, "", me.get("user", str), "bot", admin=channel, plan=plan)
    user = yield from user_of(user_id)
    role = "administrator" if user.admin else "member"
    return Identity(user_id, user.email, user.name, role, admin=user.admin or channel, plan=plan)


def needless(use: str) -> Steps[str]:
    """Why a connection that is for the other use alone needs no scope of this one; "" where it does."""
    other = yield from setting("use")
    return "" if other in (use, "both") else f"not needed, this connection is for {other} alone"


def me() -> Steps[str]:
    """The id of the user that irkit is in this workspace."""
    return (yield call("auth.test", reads=True)).get("user_id", str)
