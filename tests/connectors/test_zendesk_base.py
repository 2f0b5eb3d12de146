"""The Zendesk connection: its rate-limit signals, its error bodies, its settings."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from irkit.action import Basic, ClientCredentials, Response, Token
from irkit.connectors.zendesk import zendesk
from irkit.connectors.zendesk.base import describe, limit

NOW = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)


def test_retry_after_is_seconds() -> None:
    """Most endpoints say in `Retry-After` how long to hold off."""
    assert limit(Response(429, {"Retry-After": "17"}), NOW).wait == 17


@pytest.mark.parametrize(("reset", "wait"), [
    ("2026-03-07T23:40:25Z", 25), ("2026-03-08T00:40:25+01:00", 25), ("2026-03-07T23:00:00Z", 0), ("31", 31)])
def test_access_logs_say_when_the_limit_resets(reset: str, wait: float) -> None:
    """A 429 without Retry-After is waited out until `ratelimit-reset`, be it a date-time or seconds."""
    assert limit(Response(429, {"ratelimit-reset": reset}), NOW).wait == wait


@pytest.mark.parametrize("reset", ["", "soon", "2026-03-07T23:40:25", "-4", "9" * 40, "²"])
def test_a_reset_that_makes_no_sense_is_ignored(reset: str) -> None:
    """An unreadable signal leaves the pause to the caller."""
    assert limit(Response(429, {"ratelimit-reset": reset}), NOW).wait is None


def test_a_reset_without_429_is_no_pause() -> None:
    """Every Ticketing answer bears `ratelimit-reset`; only a 429 asks to hold off."""
    assert limit(Response(200, {"ratelimit-reset": "41"}), NOW).wait is None


@pytest.mark.parametrize("prefix", ["X-Rate-Limit", "ratelimit"])
def test_the_limit_is_learned_from_either_pair_of_headers(prefix: str) -> None:
    """Both spellings of the limit headers are read."""
    name = prefix if prefix.startswith("X") else "ratelimit-limit"
    found = limit(Response(200, {name: "700", f"{prefix}-remaining": "699"}), NOW)
    assert (found.per_minute, found.remaining, found.wait) == (700, 699, None)


@pytest.mark.parametrize("header", ["many", "", "1e9", "-1"])
def test_limit_headers_that_are_no_numbers_are_ignored(header: str) -> None:
    """A header that is no number teaches nothing."""
    assert limit(Response(200, {"X-Rate-Limit": header}), NOW).per_minute is None


@pytest.mark.parametrize(("body", "said"), [
    ({"error": "RecordNotFound", "description": "Not found"}, "Not found"),
    ({"error": "RecordInvalid", "description": "Record validation errors",
      "details": {"base": [{"description": "Cannot suspend the owner", "error": "Invalid"}]}},
     "Record validation errors; Cannot suspend the owner"),
    ({"error": {"title": "Forbidden", "message": "You do not have access"}}, "You do not have access"),
    ({"error": "invalid_scope", "error_description": "The scope is not allowed"}, "The scope is not allowed"),
    ({"error": "Couldn't authenticate you"}, "Couldn't authenticate you"),
    ({"errors": [{"code": "Forbidden", "title": "Forbidden", "detail": "No add-on", "status": "403"}]}, "No add-on"),
    ({"errors": [{"code": "TooManyRequests", "title": "Slow down"}, None, 7]}, "Slow down"),
    ({"errors": "oops", "message": 3, "details": [1]}, ""),
    ({"error": None, "details": {"x": None, "y": [None, {"description": 4}]}}, ""),
    ([1, 2], ""), ("text", ""), (None, ""),
])
def test_both_error_bodies_are_understood(body: object, said: str) -> None:
    """The vendor's sentence is found in either dialect, and nothing breaks on a third."""
    assert describe(Response.of(body, 422)) == said


def test_an_error_page_has_no_words() -> None:
    """HTML, an empty body and a flood give no sentence, or a short one."""
    assert describe(Response(502, {}, b"<html>Bad gateway</html>")) == ""
    assert describe(Response(500, {}, b"")) == ""
    assert len(describe(Response.of({"description": "x" * 100_000}, 400))) == 300


def test_bearer_comes_first_and_api_tokens_last() -> None:
    """API tokens are being withdrawn: an OAuth token is what a connection is asked for first."""
    assert [type(way) for way in zendesk.sign_in] == [Token, ClientCredentials, Basic]


@pytest.mark.parametrize(("subdomain", "fits"), [
    ("acme", True), ("acme-eu2", True), ("acme.zendesk.com", False), ("https://acme", False), ("-acme", False), ("", False),
    ("acme/evil", False), ("Acme", False), ("a" * 64, False)])
def test_a_subdomain_cannot_lead_elsewhere(subdomain: str, fits: bool) -> None:
    """Whatever would change the host or the path is no subdomain."""
    assert bool(re.fullmatch(zendesk.settings[0].pattern, subdomain)) is fits
