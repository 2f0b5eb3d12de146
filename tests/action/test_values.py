"""What a vendor says of itself, as a field of a result."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.action import http_when


@pytest.mark.parametrize("header", ["Fri, 20 Nov 2026 17:36:09 GMT", "Friday, 20-Nov-26 17:36:09 GMT"])
def test_the_dates_of_http_are_read(header: str) -> None:
    """The form that servers send, and the older one that they must not send and some do (RFC 9110 5.6.7)."""
    assert http_when(header) == datetime(2026, 11, 20, 17, 36, 9, tzinfo=UTC)


@given(st.text())
def test_any_header_is_a_date_or_none(header: str) -> None:
    """A vendor's header raises nothing."""
    found = http_when(header)
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("header", ["", "yesterday", "Fri, 20 Nov 2026 17:36:09", "Fri, 20 Nov 2026 17:36:09 -0000",
                                    "Fri, 20 Nov 99999 17:36:09 GMT", "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_what_is_no_date_is_none(header: str) -> None:
    """A missing zone, a year that does not exist."""
    assert http_when(header) is None
