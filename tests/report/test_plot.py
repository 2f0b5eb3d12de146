"""The plot of a drill's report: what stands where, and what is only words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from irkit.report.plot import Point, plot

SVG = "{http://www.w3.org/2000/svg}"


def parsed(*points: Point, top: float = 0) -> ET.Element:
    """The picture as XML, so that a tag which does not close is a mistake."""
    return ET.fromstring(plot("Minutes & more", points, top=top, unit=" min").replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))


def at(day: int, value: float | None, **more: bool) -> Point:
    return Point((f"2026-03-{day:02}", "v1"), value, f"<D-{day}>", **more)


def texts(found: ET.Element) -> list[str]:
    return [one.text or "" for one in found.iter(f"{SVG}text")]


def test_a_drill_without_a_value_is_a_gap_and_a_cross() -> None:
    """The line does not lead over it, as if it had gone well."""
    found = parsed(at(1, 5), at(2, 6), at(3, None), at(4, 7))
    runs = [len(line.attrib["points"].split()) for line in found.iter(f"{SVG}polyline")]
    assert (runs, texts(found).count("\u00d7"), len(list(found.iter(f"{SVG}circle")))) == ([2, 1], 1, 3)


def test_what_does_not_count_is_hollow() -> None:
    """A scripted drill stands there, and not as one of people's."""
    filled, hollow = (one.attrib["fill"] for one in parsed(at(1, 5), at(2, 5, counts=False)).iter(f"{SVG}circle"))
    assert filled != "#ffffff" == hollow


def test_the_scale_ends_at_its_top_or_above() -> None:
    """In its unit; a plot of nothing has a scale, too."""
    assert [one for one in texts(parsed(at(1, 5), top=100)) if one.endswith("min")] == ["0 min", "50 min", "100 min"]
    assert "0.5 min" in texts(parsed())


def test_each_has_its_date_with_the_year_where_there_is_room() -> None:
    """Drills of two years stand side by side; of many only some are labelled."""
    assert texts(parsed(at(1, 5), at(2, 6)))[3:] == ["2026-03-01", "v1", "2026-03-02", "v1"]
    many = texts(parsed(*(at(day, day) for day in range(1, 29))))
    assert len([one for one in many if re.match("2026", one)]) <= 7


def test_words_are_text() -> None:
    """Of the points and of the title; each point says its own."""
    found = parsed(at(1, 5))
    assert [one.text for one in found.iter(f"{SVG}title")] == ["Minutes & more", "<D-1>"]
