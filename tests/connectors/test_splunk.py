"""Splunk's traps, each by name: a stream without its end, an account that sees nothing, a 200 that is no index."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import (
    ActionError,
    BadAnswer,
    Cut,
    Driven,
    NoAnswer,
    NotConfirmed,
    Refused,
    Request,
    Response,
    Unavailable,
    drive,
)
from irkit.worlds import Fault
from irkit.worlds.splunk import Splunk
from tests.connectors.served import over_http
from tests.worlds.helpers import START, Asked, call, known, make, play

WINDOW = {"since": START - timedelta(days=30), "until": START}
ALL = "search index=helpdesk"


def tenant(**options: Any) -> Splunk:
    world = make("splunk", **options)
    assert isinstance(world, Splunk)
    return world


def done(world: Splunk, name: str, **args: Any) -> Driven:
    return play(connectors.find_action(f"splunk.{name}")(**args), Asked(world))


def search(world: Splunk, text: str = ALL) -> Driven:
    return done(world, "collect_search", search=text, **WINDOW)


# -- a search ------------------------------------------------------------------------------------------------------

def test_an_export_counts_its_rows_and_not_its_previews() -> None:
    """Previews are dropped; whole because the last row says so; who searched, where and what stands in the record."""
    got = search(tenant(previews=3)).result
    assert (got.rows, got.previews, got.complete) == (9, 3, True)
    assert (got.account, got.indexes, got.search) == ("irkit", ("helpdesk", "irkit"), ALL)
    assert got.first < got.last


def test_a_stream_without_its_last_row_is_a_part() -> None:
    """Half of an export is incomplete, however clean its end."""
    got = search(tenant(half=True)).result
    assert not got.complete
    assert any("last row did not come" in note for note in got.notes)


def test_nothing_found_is_told_with_what_could_be_seen() -> None:
    """No rows is whole, and says where the account may search at all."""
    got = search(tenant(), "search index=helpdesk user=nobody@example.org").result
    assert (got.rows, got.complete) == (0, True)
    assert any("it sees: helpdesk, irkit" in note for note in got.notes)


def test_an_account_that_sees_no_index_is_a_gap() -> None:
    """Its empty result would prove nothing: the search is not even sent."""
    driven = search(tenant(blind=True))
    assert isinstance(driven.error, Unavailable)
    assert not any(request.keep for request in driven.requests)


def test_rest_that_is_closed_is_a_gap() -> None:
    """Splunk Cloud opens it by a ticket: unavailable, with what it needs."""
    driven = search(tenant(closed=True))
    assert isinstance(driven.error, Unavailable)
    assert "support ticket" in str(driven.error)


def test_what_the_indexes_no_longer_hold_is_told() -> None:
    """An index that begins after the window's start: its floor stands in the record."""
    driven = done(tenant(), "collect_search", search=ALL, since=START - timedelta(days=300), until=START)
    assert driven.result.floor == "2025-12-07T23:40:00Z"
    assert any("holds nothing before" in note for note in driven.result.notes)


@pytest.mark.parametrize("text", [
    "search index=a | delete", "search index=a | collect index=b", "| inputlookup a | outputlookup b",
    "search a [| outputcsv x]",
    "search a |sendemail to=x@evil.example", "search a | map search=\"search b\"", "search `hidden(1)`", "index=a", "", "  ",
    "search a | SendAlert x"])
def test_a_search_that_is_none_or_that_acts_is_not_sent(text: str) -> None:
    """A collection only reads: nothing is exported by a search that writes, sends, or hides what it does."""
    driven = search(tenant(), text)
    assert isinstance(driven.error, ActionError)
    assert not any(request.keep for request in driven.requests)


def test_a_pipe_in_quotes_is_no_command() -> None:
    """What stands in a text is looked for, not run."""
    assert search(tenant(), 'search index=helpdesk "a | delete `b`"').error is None


def answered(body: bytes) -> Driven:
    world = tenant()
    asked = Asked(world, lambda number, request: Response(200, {}, body) if request.keep else None)
    return play(connectors.find_action("splunk.collect_search")(search=ALL, **WINDOW), asked)


def test_splunk_s_own_error_among_the_rows_makes_it_a_part() -> None:
    """200 came, and then an ERROR in the stream: incomplete, in Splunk's words."""
    got = answered(b'{"messages":[{"type":"ERROR","text":"indexer 2 is down"}]}\n{"preview":false,"offset":0,"lastrow":true,'
                   b'"result":{"_time":"2026-03-07T00:00:00Z"}}\n').result
    assert (got.rows, got.complete) == (1, False)
    assert "ERROR: indexer 2 is down" in got.notes


def test_a_row_outside_of_the_window_is_told() -> None:
    """A search may bring its own earliest=: each row's time is looked at."""
    got = answered(b'{"preview":false,"offset":0,"lastrow":true,"result":{"_time":"2020-01-01T00:00:00Z"}}\n').result
    assert any("outside the window" in note for note in got.notes)


@pytest.mark.parametrize("body", [b"<html>", b"[1]\n", b'{"a":1}\n', b'{"result":{}}\nno json\n', b"7"])
def test_what_is_no_export_is_not_counted(body: bytes) -> None:
    """Another answer with status 200 is refused as none."""
    assert isinstance(answered(body).error, BadAnswer)


def test_stopped_by_hand_is_a_part() -> None:
    """Ctrl-C at the export: what there is is incomplete, and no error."""
    asked = Asked(tenant())

    def stopped(request: Request) -> Any:
        return Cut() if request.keep else asked(request)
    told = known(asked.world)
    driven = drive(connectors.find_action("splunk.collect_search")(search=ALL, **WINDOW), stopped, known=told)
    assert not driven.result.complete
    assert "stopped by hand" in driven.result.notes


def test_an_export_is_read_without_being_held() -> None:
    """The lines are read one by one from the file that keeps them."""
    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert (size or -1) >= 0, "read whole"
            return super().read(size)
    raw = b'{"preview":false,"offset":0,"result":{"_time":"2026-03-07T00:00:00Z"}}\n' * 1000
    kept = Response(200, {}, lambda: Counting(raw), size=2**31)
    asked = Asked(tenant(), lambda number, request: kept if request.keep else None)
    got = play(connectors.find_action("splunk.collect_search")(search=ALL, **WINDOW), asked).result
    assert (got.rows, got.complete) == (1000, False)


def test_a_splunk_before_9_is_asked_at_its_own_path() -> None:
    """The setting `export` says which."""
    world = tenant()
    world.settings = {**world.settings, "export": "v1"}
    assert [r.target for r in search(world).requests if r.keep] == ["/services/search/jobs/export"]


# -- the collector -------------------------------------------------------------------------------------------------

def test_an_acknowledged_event_is_indexed() -> None:
    """With acknowledgements: a channel of the incident's, and done when the collector says so."""
    driven = done(tenant(ack=True, lag=600), "send_event", text="contained")
    assert driven.result.proof == "acknowledged"
    assert driven.writes[0].headers["X-Splunk-Request-Channel"]


def test_an_acknowledgement_that_was_lost_is_no_no() -> None:
    """It is given once: when that answer was lost, a search decides."""
    world = tenant(ack=True)
    lost: list[int] = []

    def lose(number: int, request: Request) -> Response | None:
        if not request.target.startswith("/services/collector/ack") or lost:
            return None
        lost.append(number)
        world.handle(call(world, request))
        return Response.of({"acks": {"0": False}})
    driven = play(connectors.find_action("splunk.send_event")(text="t"), Asked(world, lose))
    assert driven.result.proof == "found by a search"


@pytest.mark.parametrize("ack", [True, False])
def test_200_is_not_indexed(ack: bool) -> None:
    """A collector that takes and drops: accepted, not confirmed, whether it acknowledges or not."""
    driven = done(tenant(drops=True, ack=ack), "send_event", text="contained")
    assert isinstance(driven.error, NotConfirmed)
    assert "accepted" in str(driven.error)


def test_an_event_without_open_search_is_a_person_s_to_confirm() -> None:
    """REST closed and no acknowledgements: it may be sent, and nobody calls it done."""
    driven = done(tenant(closed=True), "send_event", text="contained")
    assert driven.writes[0].settle == "human"
    assert isinstance(driven.error, NotConfirmed)


def test_an_event_is_not_sent_twice() -> None:
    """The id is that of incident and step: the search finds it."""
    world = tenant(lag=5)
    first, second = (done(world, "send_event", text="contained") for _ in range(2))
    assert first.result.id == second.result.id == "INC-1.a_step.5f0c3f6f6a1b"
    assert not second.writes


def test_busy_after_a_write_is_unknown() -> None:
    """503 with code 9 is not said to mean that nothing was taken."""
    driven = done(tenant(busy=1), "send_event", text="contained")
    assert isinstance(driven.error, NoAnswer)
    assert "Server is busy (code 9)" in str(driven.error)


@pytest.mark.parametrize(("body", "kind"), [
    ({"text": "Invalid data format", "code": 6, "invalid-event-number": 2}, NoAnswer),
    ({"text": "Invalid data format", "code": 6, "invalid-event-number": 0}, Refused),
    ({"text": "Incorrect index", "code": 7}, Refused)])
def test_events_before_a_wrong_one_may_be_indexed(body: dict[str, Any], kind: type[ActionError]) -> None:
    """A batch refused at its third event is unknown; one refused at its first is refused."""
    asked = Asked(tenant(), lambda number, request: Response.of(body, 400) if request.is_write else None)
    assert type(play(connectors.find_action("splunk.send_event")(text="t"), asked).error) is kind


# -- tokens --------------------------------------------------------------------------------------------------------

def test_one_token_goes_and_the_others_stay() -> None:
    """The id is always sent: without it Splunk would take them all."""
    world = tenant()
    token = str(world.samples()["token_id"])
    before = set(world.tokens)
    driven = done(world, "revoke_token", user=world.subject, token_id=token)
    assert f"id={token}" in driven.writes[0].target
    assert before - set(world.tokens) == {token}


@pytest.mark.parametrize(("user", "token"), [("dana", ""), ("dana", "  "), ("dana", f"{4:024x}")])
def test_no_id_or_somebody_else_s_token_is_not_revoked(user: str, token: str) -> None:
    """Nothing is sent."""
    driven = done(tenant(), "revoke_token", user=user, token_id=token)
    assert isinstance(driven.error, ActionError)
    assert not driven.writes


def test_tokens_of_others_are_not_listed_as_the_person_s() -> None:
    """The list is filtered here, by exact name."""
    assert {one.owner for one in done(tenant(), "list_tokens", user="dana").result.items} == {"dana"}


# -- over HTTP -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("way", ["token", "session"])
def test_both_sign_ins_search_and_send(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """REST with the account's token or a session key, the collector with its own."""
    with over_http(tenant(), monkeypatch, way=way) as play_:
        assert play_("collect_search", search=ALL, **WINDOW).result.complete
        assert play_("send_event", text="contained").result.indexed


def test_an_export_that_is_cut_on_its_way_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection drops in the middle: no answer, which a run asks again; never a short count."""
    fault = Fault("splunk", "POST /services/search/v2/jobs/export", transport="cut")
    with over_http(tenant(), monkeypatch, fault) as play_:
        assert isinstance(play_("collect_search", search=ALL, **WINDOW).error, NoAnswer)


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_send_that_nobody_answered_is_unknown(monkeypatch: pytest.MonkeyPatch, lost: Any) -> None:
    """The connection drops before or after the collector took it: unknown, and sent once."""
    fault = Fault("splunk", "POST /services/collector/event", lost=lost)
    with over_http(tenant(), monkeypatch, fault) as play_:
        driven = play_("send_event", text="contained")
    assert isinstance(driven.error, NoAnswer)
    assert len(driven.writes) == 1
