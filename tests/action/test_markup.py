"""XML answers: nested dicts, and none of what an XML file can do to its reader."""

from __future__ import annotations

import pytest

from irkit.action import BadAnswer, Response
from irkit.action.markup import MAX_DEPTH, MAX_ELEMENTS, parse

BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
FILE = b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><a>&f;</a>'


def test_elements_become_dicts_and_texts() -> None:
    """Named lists are lists even of one; prefixes and attributes are left out; text is whole."""
    raw = b'<?xml version="1.0"?><x:R xmlns:x="u" a="1">\n<K>a &amp; b&#10;c</K><V><I>1</I></V><E/></x:R>'
    assert parse(raw, ("V",)) == ("R", {"K": "a & b\nc", "V": [{"I": "1"}], "E": ""})


@pytest.mark.parametrize("raw", [BOMB, FILE, b'<!DOCTYPE a SYSTEM "http://evil.example/a.dtd"><a/>', b"<!DOCTYPE a><a/>"])
def test_a_document_type_ends_the_reading(raw: bytes) -> None:
    """No entity grows, no file and no address is read: the first sign of one is the end."""
    with pytest.raises(ValueError, match="document type"):
        parse(raw)


@pytest.mark.parametrize("raw", [b"<a>" * (MAX_DEPTH + 1), b"<a>" + b"<b/>" * MAX_ELEMENTS + b"</a>"])
def test_what_is_too_deep_or_too_long_is_not_read(raw: bytes) -> None:
    """So deep and so many, and no more."""
    with pytest.raises(ValueError, match="larger than"):
        parse(raw, ("b",))


@pytest.mark.parametrize("raw", [b"", b"{}", b"<a>", b"<a></b>", b"<a/><b/>", b"<a>&nbsp;</a>", b"<a>\x00</a>", b"<a>\xff</a>"])
def test_what_is_no_xml_is_said_to_be_none(raw: bytes) -> None:
    """Empty, JSON, cut short, an unknown entity, bytes that are no UTF-8."""
    with pytest.raises(ValueError, match="no XML"):
        parse(raw)


def test_a_name_that_comes_twice_where_one_is_due_is_an_error() -> None:
    """Which of the two would count nobody can say."""
    with pytest.raises(ValueError, match="twice"):
        parse(b"<a><Key>one</Key><Key>two</Key></a>")


def test_another_root_is_a_bad_answer() -> None:
    """An error where a list was due, with its status."""
    with pytest.raises(BadAnswer, match="<Error> came where <List> was due"):
        Response(200, {}, b"<Error><Code>x</Code></Error>").xml("List")
    assert Response(200, {}, b"<List/>").xml("List") == {}
