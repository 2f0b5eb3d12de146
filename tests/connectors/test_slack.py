"""Slack's traps, each by name: 200 that is no success, names that are taken, what a plan withholds, what is cut or unfurled."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from irkit import connectors
from irkit.action import (
    POST,
    ActionError,
    BadAnswer,
    Driven,
    NoAnswer,
    NotConfirmed,
    Refused,
    Request,
    Response,
    Throttled,
    Unavailable,
    refusal,
)
from irkit.connectors.slack.channels import name_for
from irkit.connectors.slack.messages import LONGEST, escaped, split
from irkit.worlds.slack import Slack
from irkit.worlds.slack.workspace import ME
from tests.worlds.helpers import EVIDENCE, KEPT, Asked, make, play

slack = connectors.find("slack")


def workspace(**options: Any) -> Slack:
    world = make("slack", **options)
    assert isinstance(world, Slack)
    return world


def done(world: Slack, name: str, instead: Any = None, /, **args: Any) -> Driven:
    asked = Asked(world, instead) if instead else Asked(world)
    return play(connectors.find_action(f"slack.{name}")(**args), asked)


def says(error: str, **more: object) -> Response:
    return Response.of({"ok": False, "error": error, **more})


def write(**how: Any) -> Request:
    return POST("/api/chat.postMessage", form={}, affects=["x"], noun="message", **how)


READ = POST("/api/auth.test", form={}, reads=True)


# -- what an answer means ------------------------------------------------------------------------------------------

def test_200_is_success_only_with_ok() -> None:
    """ok: false is a refusal, with the vendor's code and what it means."""
    error = refusal(write(), says("is_archived"), slack)
    assert isinstance(error, Refused)
    assert "chat.postMessage answered is_archived (the channel is archived" in error.what


@pytest.mark.parametrize("code", ["internal_error", "fatal_error"])
def test_what_slack_is_not_sure_of_is_unknown(code: str) -> None:
    """Part of the write may have happened; a read is asked again."""
    assert isinstance(refusal(write(), says(code), slack), NoAnswer)
    assert isinstance(refusal(READ, says(code), slack), NoAnswer)


@pytest.mark.parametrize("code", ["ratelimited", "rate_limited", "message_limit_exceeded"])
def test_slow_down_in_the_body_of_a_200_is_slow_down(code: str) -> None:
    """Nothing was done, and it is asked again."""
    error = refusal(write(), Response(200, {"retry-after": "7"}, json.dumps({"ok": False, "error": code}).encode()), slack)
    assert isinstance(error, Throttled)
    assert error.wait == 7


@pytest.mark.parametrize("answer", [Response.of({}), Response(200), Response(200, {}, b"<html>"), Response.of([])])
def test_a_200_that_says_neither_is_no_success(answer: Response) -> None:
    """Of a write nobody knows whether it happened; a read cannot be read."""
    assert isinstance(refusal(write(), answer, slack), NoAnswer)
    assert isinstance(refusal(READ, answer, slack), BadAnswer)


def test_a_missing_scope_is_named() -> None:
    """`needed` says which; on a read it is a gap."""
    error = refusal(READ, says("missing_scope", needed="admin.users:read", provided="chat:write"), slack)
    assert isinstance(error, Unavailable)
    assert error.needs == "admin.users:read"
    assert "the token lacks admin.users:read" in error.what


def test_a_code_that_is_understood_goes_to_the_action() -> None:
    """`accepts` lets it pass; any other does not."""
    read = POST("/api/admin.users.session.list", form={}, reads=True, accepts=["no_active_sessions"])
    assert refusal(read, says("no_active_sessions"), slack) is None
    assert isinstance(refusal(read, says("team_not_found"), slack), Refused)


def test_each_method_has_a_rate_limit_of_its_own() -> None:
    """Tiers by method; SCIM and the audit logs count over the whole organization."""
    buckets = [slack.bucket(request) for request in (write(), READ, POST("/scim/v1/Users", host="org", reads=True),
                                                     POST("/audit/v1/logs", host="org", reads=True))]
    assert [(one.name, one.per_minute) for one in buckets if one] == [
        ("chat.postMessage", 60), ("auth.test", 100), ("SCIM", 180), ("audit logs", 50)]


def test_an_upload_succeeded_with_200_alone() -> None:
    """Its answer is plain text, and no other status counts."""
    upload = POST("/upload/v1/x", host="files", reads=True)
    assert refusal(upload, Response(200, {}, b"OK - 43"), slack) is None
    assert isinstance(refusal(upload, Response(204), slack), Refused)


# -- channels ------------------------------------------------------------------------------------------------------

def test_every_attempt_comes_to_the_same_channel() -> None:
    """The name is made of the incident, not of the step or the moment; the second finds the first and sends nothing."""
    world = workspace()
    first, second = done(world, "create_channel"), done(world, "create_channel")
    assert first.result.channel == name_for("irkit/test/5f0c3f6f6a1b", "INC-1")
    assert (first.result.private, first.result.member) == (True, True)
    assert second.result == first.result
    assert not second.writes


@pytest.mark.parametrize("name", ["INC-2041", "Vorfall: Größe / München", "x" * 200, "…"])
def test_a_name_is_one_that_slack_takes(name: str) -> None:
    """Lower case, letters, digits and hyphens, at most 80; two incidents of one name stay apart."""
    made = name_for("irkit/a", name)
    assert len(made) <= 80
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert made != name_for("irkit/b", name)


def test_a_name_that_an_unseen_channel_has_stops_the_step() -> None:
    """name_taken by a private channel that irkit is not in: who reads it is not known."""
    driven = done(workspace(hidden="inc-2041"), "create_channel", name="inc-2041")
    assert isinstance(driven.error, Refused)
    assert "name_taken" in str(driven.error)
    assert "irkit is not in it" in str(driven.error)


def test_a_channel_made_by_an_attempt_whose_answer_was_lost_is_found() -> None:
    """name_taken, and the channel is there now: it is the one."""
    world, made = workspace(), []

    def lost(_number: int, request: Request) -> Response | None:
        if request.is_write:
            world.workspace.channel("C0MEANTIME", "inc-2041", members=[ME])
            made.append(request)
        return None
    driven = done(world, "create_channel", lost, name="inc-2041")
    assert driven.result.id == "C0MEANTIME"
    assert len(made) == 1


@pytest.mark.parametrize(("name", "what"), [("general", "public"), ("old-incident", "archived"), ("Inc 2041", "no name"),
                                            ("x" * 81, "no name")])
def test_a_channel_that_is_not_as_it_must_be_is_not_used(name: str, what: str) -> None:
    """A public or an archived one of that name, or a name that Slack refuses: said, and nothing is sent."""
    driven = done(workspace(), "create_channel", name=name)
    assert isinstance(driven.error, ActionError)
    assert what in str(driven.error)
    assert not driven.writes


@pytest.mark.parametrize("name", ["post_message", "upload_file", "invite", "split_message"])
@pytest.mark.parametrize(("channel", "what"), [("no-such", "no channel no-such"), ("old-incident", "is archived"),
                                               ("inc-hidden", "no channel inc-hidden")])
def test_an_unknown_or_archived_channel_is_named(name: str, channel: str, what: str) -> None:
    """Before anything is sent, with what to do."""
    args = {"post_message": {"text": "x"}, "split_message": {"text": "x"}, "upload_file": {"file": "evidence.txt"},
            "invite": {"email": "dana@example.org"}}[name]
    driven = done(workspace(), name, channel=channel, **args)
    assert isinstance(driven.error, ActionError)
    assert what in str(driven.error)
    assert driven.error.next
    assert not driven.writes


def test_a_channel_is_found_by_its_id_too() -> None:
    """An id is asked for directly; "#" may lead a name."""
    world = workspace()
    assert done(world, "find_channel", channel="C0HELPDESK").result == done(world, "find_channel", channel="#helpdesk").result
    assert isinstance(done(world, "find_channel", channel="C0HIDDEN01").error, Refused)


def test_channels_are_found_on_later_pages() -> None:
    """A list of pages is read to its end."""
    assert done(workspace(page=1), "find_channel", channel="helpdesk").result.id == "C0HELPDESK"


def test_who_is_in_already_is_not_invited_again() -> None:
    """already_in_channel between look and write is as good: the second look shows it."""
    world = workspace()
    raced = done(world, "invite", lambda _n, request: says("already_in_channel") if request.is_write else None,
                 channel="helpdesk", email="dana@example.org")
    assert isinstance(raced.error, NotConfirmed)             # Slack says so, and the list does not show it
    assert done(world, "invite", channel="helpdesk", email="dana@example.org").result.member
    assert not done(world, "invite", channel="helpdesk", email="dana@example.org").writes


def test_who_is_deactivated_or_unknown_is_not_invited() -> None:
    """Named, and nothing is sent."""
    for email, what in (("left@northwind.example", "deactivated"), ("nobody@example.org", "nobody has the address")):
        driven = done(workspace(), "invite", channel="helpdesk", email=email)
        assert what in str(driven.error)
        assert not driven.writes


def test_guests_among_the_members_are_pointed_out() -> None:
    """Whoever reads the channel is listed; those to look at twice are the suspects."""
    found = done(workspace(), "check_members", channel="helpdesk").result
    assert (found.count, found.suspect_ids) == (3, ("UGUEST001",))


# -- messages ------------------------------------------------------------------------------------------------------

def test_slack_opens_no_link_of_a_message() -> None:
    """Both kinds of unfurling are off; the simulated workspace records when it opens one."""
    world = workspace()
    driven = done(world, "post_message", channel="helpdesk", text="See https://evidence.example/1")
    form = dict(driven.writes[0].form or {})
    assert (form["unfurl_links"], form["unfurl_media"]) == ("false", "false")
    assert not [entry for entry in world.workspace.audit if entry["action"] == "link_unfurled"]


def test_a_message_is_said_once() -> None:
    """It ends with incident and step; a second attempt finds it in the channel and says nothing."""
    world = workspace()
    first = done(world, "post_message", channel="helpdesk", text="Contained.")
    again = done(world, "post_message", channel="helpdesk", text="Contained.")
    assert first.result.text == "Contained.\n[INC-1.a_step]"
    assert again.result == first.result
    assert not again.writes


def test_somebody_elses_same_words_are_not_ours() -> None:
    """Only irkit's own message counts as said."""
    world = workspace()
    world.workspace.post("C0HELPDESK", "Contained.\n[INC-1.a_step]", world.workspace.colleague)
    assert done(world, "post_message", channel="helpdesk", text="Contained.").writes


def test_nothing_in_a_message_mentions_anybody() -> None:
    """What an intruder wrote into a name calls nobody and links nowhere."""
    text = "Exported by <!channel> & <https://evil.example|the bank>"
    message = done(workspace(), "post_message", channel="helpdesk", text=text).result
    assert "<" not in message.text
    assert "&lt;!channel&gt; &amp;" in message.text


@pytest.mark.parametrize("text", [" \n", "x" * (LONGEST + 1), "<" * 1001])
def test_what_slack_would_cut_is_not_sent(text: str) -> None:
    """Empty, or longer than one message once it is escaped: said, with how to go on."""
    driven = done(workspace(), "post_message", channel="helpdesk", text=text)
    assert isinstance(driven.error, ActionError)
    assert "slack.split_message" in driven.error.next
    assert not driven.requests


def test_a_message_that_came_out_shorter_is_not_confirmed() -> None:
    """ok, a warning message_truncated, and another text in the channel: the look says so."""
    world = workspace()

    def cutting(_number: int, request: Request) -> Response | None:
        if not request.is_write:
            return None
        message = world.workspace.post("C0HELPDESK", "Conta", ME)
        return Response.of({"ok": True, "ts": message["ts"], "channel": "C0HELPDESK", "warning": "message_truncated"})
    assert isinstance(done(world, "post_message", cutting, channel="helpdesk", text="Contained.").error, NotConfirmed)


@pytest.mark.parametrize("text", ["short", "word " * 4000, "x" * 9001, "<&>" * 5000, "line\n" * 3000, "ü" * 4001])
def test_a_long_text_is_split_and_nothing_is_lost(text: str) -> None:
    """The parts together are the text, and each can be posted."""
    assert "".join(split(text, 3800)) == text
    parts = done(workspace(), "split_message", channel="helpdesk", text=text).result
    assert all(len(escaped(part)) < LONGEST - 100 for part in parts.parts)
    world = workspace()
    posted = [done(world, "post_message", channel="helpdesk", text=part).error for part in parts.parts]
    assert posted == [None] * parts.count


def test_a_channel_is_kept_with_its_threads() -> None:
    """The history does not hold replies: each thread is read, and all pages are."""
    world = workspace(messages=25, page=10)
    found = done(world, "collect_channel", channel="helpdesk").result
    assert (found.rows, found.complete) == (27, True)        # 25, and the thread: its first message and one reply
    assert found.pages == 4
    assert "threads: 1" in found.notes[-1]


# -- files ---------------------------------------------------------------------------------------------------------

def test_the_bytes_of_a_file_are_those_of_the_artefact() -> None:
    """Uploaded without the token, to the address that was given, and shared under their hash."""
    world = workspace()
    driven = done(world, "upload_file", channel="helpdesk", file="evidence.txt")
    ticket, = world.workspace.tickets.values()
    assert (ticket["sha256"], ticket["size"]) == (KEPT["sha256"], len(EVIDENCE))
    assert driven.result.title == f"evidence.txt (SHA-256 {KEPT['sha256']})"
    first = driven.writes[0].first
    assert first is not None
    assert (first.signed, first.host) == (False, "files")


def test_the_address_is_asked_for_as_a_form() -> None:
    """files.getUploadURLExternal takes no JSON; the length is that of the bytes."""
    asked = next(r for r in done(workspace(), "upload_file", channel="helpdesk", file="evidence.txt").requests
                 if "getUploadURL" in r.target)
    assert asked.json is None
    assert dict(asked.form or {}) == {"filename": "evidence.txt", "length": len(EVIDENCE)}


def test_a_file_is_shared_once() -> None:
    """The hash in its title is what a second attempt finds."""
    world = workspace()
    first = done(world, "upload_file", channel="helpdesk", file="evidence.txt")
    assert done(world, "upload_file", channel="helpdesk", file=str(KEPT["sha256"])).result == first.result
    assert len(world.workspace.files) == 1


@pytest.mark.parametrize("code", ["file_uploads_disabled", "storage_limit_reached", "file_type_not_allowed"])
def test_a_workspace_that_takes_no_files_says_so(code: str) -> None:
    """In words, before any byte leaves."""
    def no(_number: int, request: Request) -> Response | None:
        return says(code) if "getUploadURL" in request.target else None
    driven = done(workspace(), "upload_file", no, channel="helpdesk", file="evidence.txt")
    assert code in str(driven.error)
    assert not driven.writes


def test_a_file_that_does_not_show_is_not_called_shared() -> None:
    """Taken with ok, and another size in Slack: not confirmed, after a few looks."""
    world = workspace()

    def smaller(_number: int, request: Request) -> Response | None:
        for one in world.workspace.files.values():
            one["size"] = 1
        return None
    driven = done(world, "upload_file", smaller, channel="helpdesk", file="evidence.txt")
    assert isinstance(driven.error, NotConfirmed)
    assert len(driven.waits) == 2


# -- people --------------------------------------------------------------------------------------------------------

def test_nobody_or_somebody_else_under_an_address_stops() -> None:
    """users_not_found is told; an answer about another person is not acted on."""
    world = workspace()
    assert "nobody has the address" in str(done(world, "find_user", email="nobody@example.org").error)
    other = Response.of({"ok": True, "user": world.workspace.users[world.workspace.colleague]})
    assert isinstance(done(world, "find_user", lambda _n, _r: other, email="dana@example.org").error, ActionError)


def test_no_sessions_at_all_is_an_error_code_and_no_error() -> None:
    """no_active_sessions: an empty list, and a reset sends nothing."""
    world = workspace()
    assert done(world, "collect_sessions", user_id=world.workspace.left).result.count == 0
    assert not done(world, "reset_sessions", user_id=world.workspace.left).writes


def test_sessions_are_asked_for_by_user_and_workspace_together() -> None:
    """Slack refuses one without the other."""
    world = workspace()
    driven = done(world, "collect_sessions", user_id=world.workspace.subject)
    form = dict(driven.requests[-1].form or {})
    assert (form["user_id"], form["team_id"], form["limit"]) == (world.workspace.subject, "T0NORTHWIND", 1000)
    assert "203.0.113.77; lately" in driven.result.named[0]


def test_a_list_of_somebody_elses_sessions_is_not_believed() -> None:
    """A filter that was ignored would have the wrong person signed out."""
    world = workspace()

    def ignored(_number: int, request: Request) -> Response | None:
        everybody = Response.of({"ok": True, "active_sessions": world.workspace.sessions})
        return everybody if "session.list" in request.target else None
    assert isinstance(done(world, "reset_sessions", ignored, user_id=world.workspace.subject).error, BadAnswer)


def test_a_reset_that_did_nothing_is_not_confirmed() -> None:
    """ok: true, and the sessions are still there."""
    world = workspace(ignores_reset=True)
    assert isinstance(done(world, "reset_sessions", user_id=world.workspace.subject).error, NotConfirmed)


def test_one_session_ends_and_the_others_stay() -> None:
    """By its number; one that is gone already needs nothing, and a text is none."""
    world = workspace()
    user, number = world.workspace.subject, str(world.workspace.sessions[0]["session_id"])
    ended = done(world, "invalidate_session", user_id=user, session_id=number)
    assert (ended.result.live, ended.result.others) == (False, 1)
    assert "team_id" not in dict(ended.writes[0].form or {})
    assert not done(world, "invalidate_session", user_id=user, session_id=number).writes
    assert not done(world, "invalidate_session", user_id=user, session_id="x").requests


@pytest.mark.parametrize(("code", "what"), [("cannot_reset_primary_owner", "they sign out themselves"),
                                            ("cannot_reset_bot", "a bot has no sessions")])
def test_who_cannot_be_signed_out_is_told(code: str, what: str) -> None:
    """The vendor's code, and what it means."""
    world = workspace()
    driven = done(world, "reset_sessions", lambda _n, request: says(code) if request.is_write else None,
                  user_id=world.workspace.subject)
    assert isinstance(driven.error, Refused)
    assert what in str(driven.error)


def test_scim_speaks_in_statuses() -> None:
    """An unknown person is 404 in SCIM's own words; somebody deactivated is not deactivated again."""
    world = workspace()
    driven = done(world, "deactivate_user", user_id="UNOBODY00")
    assert "user_not_found" in str(driven.error)
    assert not done(world, "deactivate_user", user_id=world.workspace.left).writes


# -- what a plan withholds -----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("plan", "name"), [
    ("paid", "collect_sessions"), ("paid", "reset_sessions"), ("paid", "deactivate_user"), ("paid", "collect_audit_logs"),
    ("free", "collect_access_logs")])
def test_what_the_plan_withholds_is_a_gap(plan: str, name: str) -> None:
    """Never an empty list: unavailable, with what is needed; and nothing is sent."""
    world = workspace(plan=plan)
    args = {"user_id": world.workspace.subject} if "log" not in name else {"since": world.workspace.began - timedelta(days=1)}
    driven = done(world, name, **args)
    assert isinstance(driven.error, Unavailable)
    assert not driven.writes


# -- logs ----------------------------------------------------------------------------------------------------------

def test_the_access_log_is_read_by_page_and_shows_where_the_person_came_from() -> None:
    """Rows of one person are picked out here: Slack has no such filter."""
    world = workspace(log_rows=25, page=10)
    found = done(world, "collect_access_logs", since=world.workspace.began - timedelta(days=30),
                 user_id=world.workspace.subject).result
    assert (found.rows, found.pages, found.complete) == (25, 3, True)
    assert len(found.seen_from) == 1
    assert found.seen_from[0].startswith("203.0.113.77, XX, ")


def test_an_access_log_longer_than_a_hundred_pages_is_not_complete() -> None:
    """No page after the hundredth is asked for; the gap says how far it reaches."""
    world = workspace(log_rows=250, page=1, access_pages=250)
    found = done(world, "collect_access_logs", since=world.workspace.began - timedelta(days=300)).result
    assert (found.pages, found.complete) == (100, False)
    assert found.first
    assert "100 pages and has 250" in found.notes[0]


def test_a_window_ends_where_it_was_asked_to_begin() -> None:
    """Newest first: what is older than the window is not read on."""
    world = workspace(log_rows=200, page=10)
    found = done(world, "collect_access_logs", since=world.workspace.began - timedelta(hours=10)).result
    assert (found.pages, found.complete) == (1, True)


def test_integration_changes_come_as_text_seconds_and_are_counted_once() -> None:
    """A row that comes twice while the log grows is told once; the time is read."""
    world = workspace()
    world.workspace.integrations.insert(1, dict(world.workspace.integrations[0]))
    found = done(world, "collect_integration_logs", since=world.workspace.began - timedelta(days=30)).result
    assert len(found.changes) == 6
    assert "added Mail exporter A0EVIL0001 by U00000001 channels:history,files:read" in found.changes[0]
    assert found.last == "2026-03-07T23:40:00Z"


def test_exports_and_containment_stand_out_of_the_audit_log() -> None:
    """What was exported, and afterwards what irkit did, as the log itself shows it."""
    world = workspace()
    since = world.workspace.began - timedelta(days=30)
    before = done(world, "collect_audit_logs", since=since).result
    done(world, "reset_sessions", user_id=world.workspace.subject)
    after = done(world, "collect_audit_logs", since=since).result
    assert len(before.exports) == 1
    assert "manual_export_started by U00000001" in before.exports[0]
    assert (before.contained, len(after.contained)) == ((), 1)


def test_a_filter_that_the_audit_log_ignored_is_noticed() -> None:
    """Rows that were not asked for are kept, told, and count as nobody's."""
    world = workspace()

    def ignoring(_number: int, request: Request) -> Response | None:
        if request.target.startswith("/audit/"):
            assert parse_qs(urlsplit(request.target).query)["actor"] == [world.workspace.subject]
            return Response.of({"entries": world.workspace.audit, "response_metadata": {"next_cursor": ""}})
        return None
    found = done(world, "collect_audit_logs", ignoring, since=world.workspace.began - timedelta(days=30),
                 actor=world.workspace.subject).result
    assert any("the filter did not ask for" in note for note in found.notes)


# -- who -----------------------------------------------------------------------------------------------------------

def test_the_check_says_whose_token_it_is() -> None:
    """A bot makes the channel and posts; a person's token is an administrator's, or it is said that it is not."""
    assert slack.check is not None
    world = workspace()
    who = play(slack.check(), Asked(world)).result
    assert (who.id, who.role, who.plan, who.admin) == (ME, "administrator", "Enterprise", True)
    bot = Response.of({"ok": True, "user_id": "UBOT", "user": "irkit", "bot_id": "B1"})
    assert play(slack.check(), Asked(world, lambda _n, _r: bot)).result.role == "bot"
