"""Where lines go, and what stands beside a deadline."""

from __future__ import annotations

import io
from zoneinfo import ZoneInfo

import pytest

from irkit.engine.gate import Asking, ByHand, Checked, News, Said
from irkit.ui.talk import Talk, local_zone
from tests.ui import samples


def told(*script: Said, prefix: str = "") -> list[str]:
    out = io.StringIO()
    talk = Talk(out, env={}, prefix=prefix)
    for said in script:
        talk.say(said)
    return out.getvalue().splitlines()


def test_asking_is_said_once_a_step_where_nothing_can_be_written_over() -> None:
    """A log does not fill with "asking Zendesk…" before every page."""
    asking, looked = Asking("Zendesk"), Checked("x")
    assert told(asking, looked, asking, looked, Asking("Okta")) == [
        "asking Zendesk…",
        "Checked  x",
        "Checked  x",
        "asking Okta…",
    ]
    assert told(asking, samples.SUSPEND, asking).count("asking Zendesk…") == 2


def test_two_blank_lines_become_one() -> None:
    """Screens bring their own distance; it does not add up."""
    assert told(ByHand("Call."), News(["x"]), prefix="DRILL ") == ["DRILL Do       Call.", "DRILL", "DRILL x", "DRILL"]


@pytest.mark.parametrize(
    ("zone", "found"),
    [
        ("Europe/Paris", ZoneInfo("Europe/Paris")),
        (":Asia/Tokyo", ZoneInfo("Asia/Tokyo")),
        ("UTC", None),
        ("Nowhere/Here", None),
        ("../../etc/passwd", None),
    ],
)
def test_the_local_zone_is_that_of_tz(zone: str, found: ZoneInfo | None) -> None:
    """An unknown zone is none, and so is UTC: then deadlines stand in UTC alone."""
    assert local_zone({"TZ": zone}) == found
