"""OAuth: tokens are listed whole by an administrator, revoked once and proven gone, and clients are found by who made them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import ActionError, BadAnswer, NotConfirmed, Response, Unavailable, UserId, drive
from irkit.connectors.zendesk import oauth
from tests.connectors.zendesk_tenant import ADMIN, ME, NO_OWN_TOKEN, OWN_TOKEN, TOKEN, Answers, Desk, cursor, query
from tests.worlds.helpers import seen_by

USER = UserId("3971")
SINCE = datetime(2026, 3, 7, tzinfo=UTC)
AGENT = {"GET /api/v2/users/me": [{"user": ADMIN | {"role": "agent"}}]}


# -- tokens --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("action", [oauth.revoke_oauth_token(token_id="77"), oauth.collect_oauth_tokens()])
def test_nothing_is_revoked_or_listed_whole_without_the_role(action: object) -> None:
    """An empty list would otherwise count as "already so"."""
    driven = drive(action, Desk(AGENT))      # type: ignore[arg-type]
    assert isinstance(driven.error, Unavailable)
    assert driven.writes == []


TOKENS, SHOW, REVOKE = "GET /api/v2/oauth/tokens", "GET /api/v2/oauth/tokens/77", "DELETE /api/v2/oauth/tokens/77"
GONE = Response.of({"error": "RecordNotFound"}, 404)
OWN_ROW = TOKEN | {"id": 900, "user_id": 1, "created_at": "2026-03-07T23:00:00Z"}
CLIENT_ROW = TOKEN | {"id": 78, "user_id": 5, "client_id": 46, "created_at": "2024-01-01T00:00:00Z", "used_at": None}
LATER = datetime(2026, 6, 1, tzinfo=UTC)
ROWS = cursor("tokens", [TOKEN, OWN_ROW, CLIENT_ROW])
CLIENTS, MARKET = "GET /api/v2/oauth/clients", "GET /api/v2/oauth/global_clients"
NAMES: Answers = {CLIENTS: [cursor("clients", [{"id": 45, "name": "Data warehouse"}, {"id": 46, "identifier": "old_sync"}])],
                  MARKET: [cursor("global_clients", [{"id": 9, "name": "Zendesk for iOS"}])]}
LOCAL, GLOBAL = CLIENTS + "/45", MARKET + "/45"
NAMED: Answers = {LOCAL: [{"client": {"id": 45, "name": "Data warehouse"}}], GLOBAL: [GONE]}


def test_all_tokens_are_kept_and_the_accounts_are_suspects() -> None:
    """Everybody's tokens, since without `all` one sees only one's own; suspects are the user's."""
    driven = drive(oauth.collect_oauth_tokens(user_id=USER, since=SINCE), Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [ROWS]}))
    assert driven.requests[2].target == "/api/v2/oauth/tokens?all=true&page[size]=100"
    assert driven.requests[2].keep == "oauth_tokens"
    assert driven.result.suspect_ids == ("77",)
    assert driven.result.named[0].startswith('OAuth token 77 "client 45: Data warehouse", scopes read write, user 3971')


def test_tokens_of_a_planted_client_are_suspects_too() -> None:
    """A client's tokens can be of other users."""
    driven = drive(oauth.collect_oauth_tokens(user_id=USER, client_ids=["46"]), Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [ROWS]}))
    assert driven.result.suspect_ids == ("77", "78")


def test_a_token_bears_what_its_client_is_called() -> None:
    """A phone's app, a client without a name, one that is in neither list: what irkit knows stands before the name."""
    rows = [TOKEN | {"id": 90 + n, "client_id": client} for n, client in enumerate((9, 46, 404))]
    driven = drive(oauth.collect_oauth_tokens(user_id=USER), Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [cursor("tokens", rows)]}))
    assert [item.title for item in driven.result.items] == [
        "marketplace client 9: Zendesk for iOS", "client 46: old_sync", "client 404"]


def test_a_number_that_two_clients_bear_says_both() -> None:
    """Zendesk numbers its marketplace apart, so neither name alone would be honest."""
    both = {CLIENTS: [cursor("clients", [{"id": 45, "name": "Zendesk for iOS"}])],
            MARKET: [cursor("global_clients", [{"id": 45, "name": "Survey"}])]}
    driven = drive(oauth.collect_oauth_tokens(user_id=USER), Desk(ME, OWN_TOKEN, both, {TOKENS: [ROWS]}))
    assert driven.result.suspects[0].title == "client 45: Zendesk for iOS, or marketplace client 45: Survey"


@pytest.mark.parametrize("answer", [Response.of({"error": "Forbidden"}, 403), GONE, Response(500), {"clients": 7}])
def test_tokens_are_kept_without_their_clients_names(answer: object) -> None:
    """A name helps a person; that it cannot be read is noted, and loses no token."""
    desk = Desk(ME, OWN_TOKEN, {TOKENS: [ROWS], CLIENTS: [answer], MARKET: NAMES[MARKET]})
    driven = drive(oauth.collect_oauth_tokens(user_id=USER), desk)
    assert driven.result.suspects[0].title == "client 45"
    assert [note.partition(":")[0] for note in driven.result.notes] == ["what the clients are called could not be read"]


def test_tokens_of_a_marketplace_client_are_suspects() -> None:
    """By the filter that Zendesk documents for them, whoever they sign in as; one that the whole list lacks counts, too."""
    theirs = [TOKEN | {"id": 81, "user_id": 5, "client_id": 9}, TOKEN | {"id": 82, "user_id": 6, "client_id": None}]
    desk = Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [cursor("tokens", [TOKEN, theirs[0]]), cursor("tokens", theirs)]})
    driven = drive(oauth.collect_oauth_tokens(global_client_ids=["9", "9"], since=SINCE), desk)
    assert driven.result.suspect_ids == ("81", "82")
    assert {item.title for item in driven.result.suspects} == {"marketplace client 9: Zendesk for iOS"}
    whole, filtered = (request for request in driven.requests if request.target.startswith("/api/v2/oauth/tokens?"))
    assert (query(filtered)["global_client_id"], query(filtered)["all"]) == (["9"], ["true"])
    assert (whole.keep, filtered.keep) == ("oauth_tokens", "marketplace_tokens")


def test_a_filter_that_was_passed_over_points_at_nobody() -> None:
    """All tokens in answer to a question for one app's would have all of them revoked."""
    driven = drive(oauth.collect_oauth_tokens(global_client_ids=["9"]), Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [ROWS]}))
    assert isinstance(driven.error, BadAnswer)
    assert "marketplace client 9" in driven.error.what


def test_a_marketplace_client_is_a_number() -> None:
    """A name instead asks nothing: Zendesk might pass it over."""
    driven = drive(oauth.collect_oauth_tokens(global_client_ids=["Zendesk for iOS"]), Desk())
    assert isinstance(driven.error, ActionError)
    assert driven.requests == []


def test_irkits_own_token_is_never_a_suspect() -> None:
    """Not by its age, and not by its user."""
    for args in ({"since": SINCE}, {"user_id": UserId("1")}):
        driven = drive(oauth.collect_oauth_tokens(**args), Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [ROWS]}))
        assert "900" not in driven.result.suspect_ids + driven.result.recent_ids


SIBLING = OWN_ROW | {"id": 901, "client_id": 50}
OWN_CLIENT: Answers = {"GET /api/v2/oauth/tokens/current": [{"token": {"id": 900, "user_id": 1, "client_id": 50}}]}


@pytest.mark.parametrize("args", [{"since": SINCE}, {"user_id": UserId("1")}, {"client_ids": ["50"]}, {"unused_since": LATER}])
def test_a_colleagues_token_of_irkits_own_client_is_never_a_suspect(args: dict[str, Any]) -> None:
    """Each sign-in of irkit's gets one: whoever revokes it locks a colleague out. They are counted, so nothing hides there."""
    other = TOKEN | {"id": 902, "user_id": 5, "client_id": 50}
    desk = Desk(ME, OWN_CLIENT, NAMES, {TOKENS: [cursor("tokens", [OWN_ROW, SIBLING, other])]})
    driven = drive(oauth.collect_oauth_tokens(**args), desk)
    assert "901" not in driven.result.suspect_ids
    assert driven.result.notes == ("1 token of irkit's own client and user, never suspects: 901",)
    assert [item.id for item in driven.result.items] == ["901", "902"]


def test_a_token_of_irkits_user_is_no_suspect_while_its_own_is_unknown() -> None:
    """revoke_oauth_token would refuse it: any token of our user may be ours."""
    desk = Desk(ME, NO_OWN_TOKEN, NAMES, {TOKENS: [ROWS]})
    driven = drive(oauth.collect_oauth_tokens(since=SINCE), desk)
    assert driven.result.suspect_ids == ("77",)
    assert driven.result.notes == ("1 token of irkit's own user, never suspects: 900",)


def test_a_token_is_revoked_and_looked_for_again() -> None:
    """One DELETE, and a 404 in the second look."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, OWN_TOKEN, NAMED, {SHOW: [{"token": TOKEN}, GONE], REVOKE: [Response(204)]}))
    assert driven.result.owner == "3971"
    (write,) = driven.writes
    assert 'client 45: Data warehouse", scopes read write' in write.affects[0]
    assert "last used 2026-03-07T20:00:00Z" in write.affects[0]
    assert "used" not in " ".join(seen_by(write))


def test_a_marketplace_apps_token_is_revoked_by_its_name() -> None:
    """Its client is in the other list; the secret of either never reaches the ledger."""
    named: Answers = {LOCAL: [GONE], GLOBAL: [{"global_client": {"id": 45, "name": "Zendesk for iOS"}}]}
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, OWN_TOKEN, named, {SHOW: [{"token": TOKEN}, GONE], REVOKE: [Response(204)]}))
    assert driven.result.title == "marketplace client 45: Zendesk for iOS"
    assert seen_by(driven.writes[0])["token_of"] == "marketplace client 45: Zendesk for iOS"
    assert all(request.secret == ("secret",) for request in driven.requests if "clients" in request.target)


@pytest.mark.parametrize("answer", [Response.of({"error": "Forbidden"}, 403), {"client": {"id": 46, "name": "Other"}}, {}])
def test_a_token_is_revoked_without_its_clients_name(answer: object) -> None:
    """What cannot be named, or answers for another, is shown by its number: an intruder's way in is shut all the same."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"), Desk(
        ME, OWN_TOKEN, {LOCAL: [answer], GLOBAL: [GONE], SHOW: [{"token": TOKEN}, GONE], REVOKE: [Response(204)]}))
    assert driven.result.title == "client 45"


def test_irkit_never_revokes_its_own_token() -> None:
    """It would lock itself out in the middle of the incident."""
    desk = Desk(ME, {"GET /api/v2/oauth/tokens/current": [{"token": {"id": 77}}], SHOW: [{"token": TOKEN}]})
    driven = drive(oauth.revoke_oauth_token(token_id="77"), desk)
    assert isinstance(driven.error, ActionError)
    assert "irkit signs in with" in driven.error.what
    assert driven.writes == []


def test_a_token_of_irkits_user_is_spared_while_its_own_is_unknown() -> None:
    """Where Zendesk does not say which token is ours, any token of our user may be it."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, NO_OWN_TOKEN, {SHOW: [{"token": TOKEN | {"user_id": 1}}]}))
    assert isinstance(driven.error, ActionError)
    assert driven.writes == []


def test_a_token_that_is_gone_sends_nothing() -> None:
    """Already so, by an administrator's 404."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"), Desk(ME, OWN_TOKEN, {SHOW: [GONE]}))
    assert driven.writes == []
    assert driven.result.proof == "Zendesk answers an administrator 404 for it"


def test_a_token_that_dies_between_look_and_write_is_revoked() -> None:
    """A 404 on the DELETE is settled by the second look."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, OWN_TOKEN, NAMED, {SHOW: [{"token": TOKEN}, GONE], REVOKE: [GONE]}))
    assert driven.error is None


def test_a_token_that_stays_is_not_confirmed() -> None:
    """204 is no proof."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, OWN_TOKEN, NAMED, {SHOW: [{"token": TOKEN}], REVOKE: [Response(204)]}))
    assert isinstance(driven.error, NotConfirmed)


@pytest.mark.parametrize("row", [None, 7, {"id": None}, {"id": []}, {"id": 5}])
def test_a_token_that_is_not_the_one_asked_for_is_left_alone(row: object) -> None:
    """A broken or foreign object ends the action before its write."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"), Desk(ME, OWN_TOKEN, {SHOW: [{"token": row}]}))
    assert isinstance(driven.error, BadAnswer)
    assert driven.writes == []


def test_a_token_that_nobody_used_for_long_is_stale() -> None:
    """By its last use, or its making where it never was used; one that was used since is left alone."""
    old, never = TOKEN | {"id": 78, "used_at": "2025-01-01T00:00:00Z", "created_at": "2024-01-01T00:00:00Z"}, TOKEN | {
        "id": 79, "used_at": None, "created_at": "2025-02-01T00:00:00Z"}
    desk = Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [cursor("tokens", [TOKEN, old, never])]})
    driven = drive(oauth.collect_oauth_tokens(unused_since=datetime(2026, 1, 1, tzinfo=UTC), since=SINCE), desk)
    assert driven.result.suspect_ids == ("78", "79")


@pytest.mark.parametrize(("owners", "wanted"), [(["3971", "5"], ("77", "80")), (["5"], ("80",)), ([], ())])
def test_the_tokens_of_a_team_are_those_of_each_of_it(owners: list[str], wanted: tuple[str, ...]) -> None:
    """A team of nobody has no tokens in question, however new they are."""
    desk = Desk(ME, OWN_TOKEN, NAMES, {TOKENS: [cursor("tokens", [TOKEN, TOKEN | {"id": 80, "user_id": 5}])]})
    driven = drive(oauth.collect_oauth_tokens(user_ids=[UserId(owner) for owner in owners], since=SINCE), desk)
    assert driven.result.suspect_ids == wanted


# -- clients -----------------------------------------------------------------------------------------------------

def test_clients_made_by_the_account_or_in_the_window_are_suspects() -> None:
    """A client outlives its maker; its secret never reaches the ledger."""
    rows = [{"id": 45, "name": "Old", "user_id": 3971, "created_at": "2024-01-01T00:00:00Z", "kind": "confidential"},
            {"id": 46, "name": "New", "user_id": 2, "created_at": "2026-03-07T22:00:00Z", "redirect_uri": ["https://x.example"]},
            {"id": 47, "name": "CRM", "user_id": 2, "created_at": "2024-01-01T00:00:00Z"}]
    driven = drive(oauth.collect_oauth_clients(user_id=USER, since=SINCE),
                   Desk(OWN_TOKEN, {CLIENTS: [cursor("clients", rows)]}))
    assert driven.result.suspect_ids == ("45", "46")
    assert driven.result.recent_ids == ("46",)
    assert driven.requests[1].secret == ("secret",)
    assert driven.requests[1].keep == ""


def test_irkits_own_client_is_never_a_suspect() -> None:
    """It is often made on the day itself; deleting it would end every sign-in of irkit's."""
    rows = [{"id": 50, "name": "irkit", "user_id": 1, "created_at": "2026-03-07T22:00:00Z"},
            {"id": 51, "name": "sync", "user_id": 1, "created_at": "2026-03-07T22:00:00Z"}]
    driven = drive(oauth.collect_oauth_clients(user_id=UserId("1"), since=SINCE),
                   Desk(OWN_CLIENT, {CLIENTS: [cursor("clients", rows)]}))
    assert driven.result.suspect_ids == ("51",)


SUMMARY = MARKET + "/token_summary"
APPS = cursor("global_clients", [{"id": 9, "name": "Market CRM", "company": "Sales Ltd"}, {"id": 10, "identifier": "survey"}])
COUNTS = cursor("global_clients", [{"id": 9, "tokens_count": 12, "last_used_at": "2026-03-07T20:00:00Z"}])


def test_marketplace_clients_are_listed_with_their_tokens_and_their_last_use() -> None:
    """Zendesk says neither who authorised one nor when: how many tokens it has, and when one was used, is what there is."""
    driven = drive(oauth.collect_global_clients(since=SINCE), Desk({MARKET: [APPS], SUMMARY: [COUNTS]}))
    assert driven.result.named == (
        'marketplace client 9 "Market CRM", of Sales Ltd, tokens: 12, last used 2026-03-07T20:00:00Z',)
    assert [item.title for item in driven.result.items] == ["Market CRM", "survey"]


@pytest.mark.parametrize(("name", "wanted"), [
    ("crm", ("9",)), ("SALES", ("9",)), ("Survey", ("10",)), ("none", ()), (None, ())])
def test_a_marketplace_client_is_found_by_its_name(name: str | None, wanted: tuple[str, ...]) -> None:
    """By part of its name, identifier or company; "none", as an input of a runbook says it, finds none."""
    driven = drive(oauth.collect_global_clients(name=name), Desk({MARKET: [APPS], SUMMARY: [COUNTS]}))
    assert driven.result.suspect_ids == wanted


def test_marketplace_clients_are_listed_without_the_summary() -> None:
    """An account that does not answer for the tokens still answers for the clients."""
    driven = drive(oauth.collect_global_clients(name="crm"), Desk({MARKET: [APPS], SUMMARY: [GONE]}))
    assert driven.result.suspect_ids == ("9",)
    assert "could not be read" in driven.result.notes[0]
