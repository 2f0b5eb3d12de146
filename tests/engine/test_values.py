"""Results in words: what a responder looks for does not fall off the end of a line."""

from __future__ import annotations

from irkit.engine.values import summary

COLLECTION = {"name": "system log", "rows": 12, "first": "2026-03-07T20:00:00Z", "last": "2026-03-07T23:00:00Z",
              "complete": True, "pages": 1, "since": "2026-03-07T00:00:00Z", "until": "", "floor": "", "notes": []}


def test_what_a_watch_found_stands_first() -> None:
    """In its own words, before how much was read and from when."""
    found = summary({**COLLECTION, "addresses": ["192.0.2.7"], "failed": 3, "status": "ACTIVE", "told": "2 sign-ins since"})
    assert found == "told: 2 sign-ins since, rows: 12, complete: yes, addresses: 192.0.2.7, failed: 3, status: ACTIVE, …"


def test_the_names_of_suspects_stand_before_their_number() -> None:
    """Of a list, whom it is about."""
    listing = {"count": 9, "suspects": [{}, {}], "in_window": ["a"], "complete": True, "notes": ["8 hidden"],
               "named": ["Tor token"], "suspect_ids": ["7"], "recent_ids": [], "items": [{}]}
    assert summary(listing).startswith("named: Tor token, count: 9, suspects: 2,")


def test_a_person_stays_as_the_connector_has_it() -> None:
    """A name is how rows were kept only where rows were kept."""
    assert summary({"id": "7", "name": "Dana", "last": "x", "suspended": False}) == "id: 7, name: Dana, last: x, suspended: no"
