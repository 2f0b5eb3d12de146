"""The simulated Slack workspace is as awkward as the vendor's."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from irkit.worlds import Answer, Call
from irkit.worlds.slack import Slack
from tests.worlds.helpers import Clock, get, make, read


def workspace(**options: Any) -> Slack:
    world = make("slack", **options)
    assert isinstance(world, Slack)
    return world


def call(world: Slack, method: str, token: str = "", /, **form: object) -> Any:
    """What a method answers; every refusal comes with 200."""
    answer = post(world, method, token, **form)
    assert answer.status == 200
    return read(answer)


def post(world: Slack, method: str, token: str = "", /, **form: object) -> Answer:
    return world.handle(Call.of("POST", f"/api/{method}", body=urlencode(form).encode(),
                                headers={"content-type": "application/x-www-form-urlencoded"},
                                authorization=f"Bearer {token or world.ready_token}"))


@pytest.mark.parametrize(("method", "form", "error"), [
    ("no.such", {}, "unknown_method"), ("conversations.info", {"channel": "C0NOBODY01"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0OLDINCID", "text": "x"}, "is_archived"),
    ("chat.postMessage", {"channel": "C0HELPDESK", "text": ""}, "no_text"),
    ("conversations.create", {"name": "inc-hidden"}, "name_taken"),
    ("conversations.create", {"name": "A b"}, "invalid_name_specials"),
    ("conversations.create", {"name": "x" * 81}, "invalid_name_maxlength"),
    ("conversations.create", {}, "invalid_name_required"),
    ("conversations.archive", {"channel": "C0GENERAL1"}, "cant_archive_general"),
    ("conversations.archive", {"channel": "C0OLDINCID"}, "already_archived"),
    ("conversations.unarchive", {"channel": "C0HELPDESK"}, "not_archived"),
    ("conversations.invite", {"channel": "C0HELPDESK", "users": "UIRKIT001"}, "cant_invite_self"),
    ("conversations.invite", {"channel": "C0HELPDESK", "users": "UCOLLEAG1"}, "already_in_channel"),
    ("conversations.invite", {"channel": "C0HELPDESK", "users": ",".join(["U00000001"] * 101)}, "too_many_users"),
    ("conversations.kick", {"channel": "C0HELPDESK", "user": "U00000001"}, "not_in_channel"),
    ("admin.users.session.list", {"user_id": "U00000001"}, "missing_team"),
    ("admin.users.session.list", {"team_id": "T0NORTHWIND"}, "missing_user"),
    ("admin.users.session.list", {"limit": "5000"}, "invalid_limit"),
    ("admin.users.session.list", {"user_id": "ULEFT0001", "team_id": "T0NORTHWIND"}, "no_active_sessions"),
    ("admin.users.session.invalidate", {"user_id": "U00000001", "session_id": "1"}, "session_not_found"),
    ("team.accessLogs", {"count": "1001"}, "over_pagination_limit"),
    ("team.accessLogs", {"page": "101"}, "over_pagination_limit"),
    ("files.completeUploadExternal", {"files": '[{"id": "F1"}]'}, "file_not_found"),
])
def test_a_refusal_comes_with_200(method: str, form: dict[str, object], error: str) -> None:
    """ok: false and the vendor's code; nothing is changed."""
    world = workspace()
    before = world.digest()
    assert call(world, method, "", **form) == {"ok": False, "error": error}
    assert world.digest() == before


def test_some_methods_take_no_json() -> None:
    """A JSON body on a method that wants a form is refused; the same as a form is taken."""
    world, wanted = workspace(), {"filename": "a.txt", "length": 3}
    as_json = world.handle(Call.of("POST", "/api/files.getUploadURLExternal", body=json.dumps(wanted).encode(),
                                   headers={"content-type": "application/json"}, authorization=f"Bearer {world.ready_token}"))
    assert read(as_json)["error"] == "invalid_arguments"
    assert call(world, "files.getUploadURLExternal", "", **wanted)["ok"]


def test_a_text_over_40000_characters_is_cut_with_a_warning() -> None:
    """ok all the same: the look tells."""
    world = workspace()
    answer = call(world, "chat.postMessage", channel="C0HELPDESK", text="x" * 40_001)
    assert (answer["ok"], answer["warning"]) == (True, "message_truncated")
    assert len(world.workspace.messages["C0HELPDESK"][-1]["text"]) == 40_000


def test_a_message_that_leaves_unfurling_on_opens_its_links() -> None:
    """Slack fetches them: the workspace records it."""
    world = workspace()
    call(world, "chat.postMessage", channel="C0HELPDESK", text="https://evidence.example")
    assert world.workspace.audit[0]["action"] == "link_unfurled"


def test_private_channels_are_shown_to_members_alone() -> None:
    """The list is without them, and the name is taken all the same."""
    world = workspace()
    shown = call(world, "conversations.list", types="public_channel,private_channel")["channels"]
    assert "inc-hidden" not in {one["name"] for one in shown}
    assert call(world, "conversations.info", channel="C0HIDDEN01")["error"] == "channel_not_found"


def test_each_method_has_its_limit_in_a_minute() -> None:
    """The 21st conversations.list is 429 with Retry-After; another method goes on; after the wait it does too."""
    clock = Clock()
    world = make("slack", clock=clock, limits=True)
    assert isinstance(world, Slack)
    for _ in range(20):
        assert call(world, "conversations.list")["ok"]
    held = post(world, "conversations.list")
    assert (held.status, read(held)["error"], held.headers["retry-after"]) == (429, "ratelimited", "61")
    assert call(world, "auth.test")["ok"]
    clock.move(61)
    assert call(world, "conversations.list")["ok"]


@pytest.mark.parametrize(("token", "method", "error"), [
    ("xoxb-nobodys", "auth.test", "invalid_auth"), (Slack.bot_token, "admin.users.session.list", "not_allowed_token_type"),
    (Slack.member_token, "admin.users.session.list", "not_an_admin"), (Slack.member_token, "team.accessLogs", "missing_scope")])
def test_a_token_can_what_its_kind_can(token: str, method: str, error: str) -> None:
    """A bot's, a member's, nobody's."""
    assert call(workspace(), method, token)["error"] == error


def test_a_missing_scope_says_what_is_needed_and_what_there_is() -> None:
    """needed and provided."""
    answer = call(workspace(lacks="groups:read"), "conversations.list")
    assert (answer["error"], answer["needed"]) == ("missing_scope", "groups:read")
    assert answer["provided"]


def test_scim_and_audit_logs_speak_in_statuses() -> None:
    """Errors of another shape, and no ok."""
    world = workspace(plan="paid")
    scim = world.handle(Call.of("GET", "/scim/v1/Users/U00000001", authorization=f"Bearer {world.ready_token}", host="org"))
    audit = world.handle(Call.of("GET", "/audit/v1/logs", authorization=f"Bearer {world.ready_token}", host="org"))
    assert (scim.status, read(scim)["Errors"]["code"]) == (403, 403)
    assert (audit.status, read(audit)["error"]) == (403, "feature_not_enabled")


def test_a_deactivation_ends_sessions() -> None:
    """The list says no_active_sessions, and the audit log who was deactivated."""
    world = workspace()
    world.handle(Call.of("PATCH", "/scim/v1/Users/U00000001", body=b'{"active": false}', host="org",
                         authorization=f"Bearer {world.ready_token}"))
    assert call(world, "admin.users.session.list", user_id="U00000001", team_id="T0NORTHWIND")["error"] == "no_active_sessions"
    assert world.workspace.audit[0]["action"] == "user_deactivated"


def test_an_upload_of_another_length_is_refused() -> None:
    """The length was announced; only 200 is success, in plain text."""
    world = workspace()
    address = call(world, "files.getUploadURLExternal", filename="a.txt", length=3)["upload_url"]
    path = address.removeprefix(world.address("files"))
    short, whole = (world.handle(Call.of("POST", path, body=body, host="files")) for body in (b"ab", b"abc"))
    assert (short.status, whole.status) == (400, 200)
    assert whole.body == b"OK - 3"


def test_the_same_calls_get_the_same_bytes() -> None:
    """A workspace is reproducible."""
    first, second = (get(workspace(), "/api/users.info?user=U00000001") for _ in range(2))
    assert first == second
