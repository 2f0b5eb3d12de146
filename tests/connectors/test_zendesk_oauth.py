"""OAuth: tokens are listed whole by an administrator, revoked once and proven gone, and clients are found by who made them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from irkit.action import ActionError, BadAnswer, NotConfirmed, Response, Unavailable, UserId, drive
from irkit.connectors.zendesk import oauth
from tests.connectors.zendesk_tenant import ADMIN, ME, NO_OWN_TOKEN, OWN_TOKEN, TOKEN, Desk, cursor

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
ROWS = cursor("tokens", [TOKEN, OWN_ROW, CLIENT_ROW])


def test_all_tokens_are_kept_and_the_accounts_are_suspects() -> None:
    """Everybody's tokens, since without `all` one sees only one's own; suspects are the user's."""
    driven = drive(oauth.collect_oauth_tokens(user_id=USER, since=SINCE), Desk(ME, OWN_TOKEN, {TOKENS: [ROWS]}))
    assert driven.requests[2].target == "/api/v2/oauth/tokens?all=true&page[size]=100"
    assert driven.requests[2].keep == "oauth_tokens"
    assert driven.result.suspect_ids == ("77",)
    assert driven.result.named[0].startswith('OAuth token 77 "client 45", scopes read write, user 3971')


def test_tokens_of_a_planted_client_are_suspects_too() -> None:
    """A client's tokens can be of other users."""
    driven = drive(oauth.collect_oauth_tokens(user_id=USER, client_ids=["46"]), Desk(ME, OWN_TOKEN, {TOKENS: [ROWS]}))
    assert driven.result.suspect_ids == ("77", "78")


def test_irkits_own_token_is_never_a_suspect() -> None:
    """Not by its age, and not by its user."""
    for args in ({"since": SINCE}, {"user_id": UserId("1")}):
        driven = drive(oauth.collect_oauth_tokens(**args), Desk(ME, OWN_TOKEN, {TOKENS: [ROWS]}))
        assert "900" not in driven.result.suspect_ids + driven.result.recent_ids


def test_a_token_is_revoked_and_looked_for_again() -> None:
    """One DELETE, and a 404 in the second look."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, OWN_TOKEN, {SHOW: [{"token": TOKEN}, GONE], REVOKE: [Response(204)]}))
    assert driven.result.owner == "3971"
    (write,) = driven.writes
    assert "last used 2026-03-07T20:00:00Z" in write.affects[0]
    assert "used" not in " ".join(vars(write.seen))


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
                   Desk(ME, OWN_TOKEN, {SHOW: [{"token": TOKEN}, GONE], REVOKE: [GONE]}))
    assert driven.error is None


def test_a_token_that_stays_is_not_confirmed() -> None:
    """204 is no proof."""
    driven = drive(oauth.revoke_oauth_token(token_id="77"),
                   Desk(ME, OWN_TOKEN, {SHOW: [{"token": TOKEN}], REVOKE: [Response(204)]}))
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
    desk = Desk(ME, OWN_TOKEN, {"GET /api/v2/oauth/tokens": [cursor("tokens", [TOKEN, old, never])]})
    driven = drive(oauth.collect_oauth_tokens(unused_since=datetime(2026, 1, 1, tzinfo=UTC), since=SINCE), desk)
    assert driven.result.suspect_ids == ("78", "79")


@pytest.mark.parametrize(("owners", "wanted"), [(["3971", "5"], ("77", "80")), (["5"], ("80",)), ([], ())])
def test_the_tokens_of_a_team_are_those_of_each_of_it(owners: list[str], wanted: tuple[str, ...]) -> None:
    """A team of nobody has no tokens in question, however new they are."""
    desk = Desk(ME, OWN_TOKEN, {"GET /api/v2/oauth/tokens": [cursor("tokens", [TOKEN, TOKEN | {"id": 80, "user_id": 5}])]})
    driven = drive(oauth.collect_oauth_tokens(user_ids=[UserId(owner) for owner in owners], since=SINCE), desk)
    assert driven.result.suspect_ids == wanted


# -- clients -----------------------------------------------------------------------------------------------------

def test_clients_made_by_the_account_or_in_the_window_are_suspects() -> None:
    """A client outlives its maker; its secret never reaches the ledger."""
    rows = [{"id": 45, "name": "Old", "user_id": 3971, "created_at": "2024-01-01T00:00:00Z", "kind": "confidential"},
            {"id": 46, "name": "New", "user_id": 2, "created_at": "2026-03-07T22:00:00Z", "redirect_uri": ["https://x.example"]},
            {"id": 47, "name": "CRM", "user_id": 2, "created_at": "2024-01-01T00:00:00Z"}]
    driven = drive(oauth.collect_oauth_clients(user_id=USER, since=SINCE),
                   Desk({"GET /api/v2/oauth/clients": [cursor("clients", rows)]}))
    assert driven.result.suspect_ids == ("45", "46")
    assert driven.result.recent_ids == ("46",)
    assert driven.requests[0].secret == ("secret",)
    assert driven.requests[0].keep == ""


def test_global_clients_are_listed() -> None:
    """Marketplace clients are only listed: their tokens are what can be revoked."""
    rows = [{"id": 9, "name": "Market CRM", "identifier": "market"}]
    driven = drive(oauth.collect_global_clients(),
                   Desk({"GET /api/v2/oauth/global_clients": [cursor("global_clients", rows)]}))
    assert (driven.result.count, driven.result.suspects) == (1, ())
