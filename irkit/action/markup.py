"""An XML answer as nested dicts, read strictly: no document type, so no entities; so deep and so many elements, and no more.

expat of the standard library does the work. What an XML file could do to its reader (entities that grow, files and addresses
that it names) takes a document type, and the first sign of one ends the reading.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from xml.parsers import expat

MAX_DEPTH, MAX_ELEMENTS = 32, 500_000


def parse(raw: bytes, many: Collection[str] = ()) -> tuple[str, Any]:
    """The root's name and its value: an element with children is a dict by name, another one its text.

    Names in `many` are lists wherever they come, once or never; another name that comes twice is an error. Attributes and
    prefixes of names are left out, and so is text between children. The text is UTF-8, whatever it says of itself.
    Raises ValueError.
    """
    reading = _Reading(frozenset(many))
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reading.doctype
    parser.StartElementHandler, parser.EndElementHandler = reading.start, reading.end
    parser.CharacterDataHandler = reading.text
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise ValueError(f"this is no XML: {error}") from None
    return reading.name, reading.value


class _Reading:
    def __init__(self, many: frozenset[str]) -> None:
        self._many, self._count = many, 0
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self.name, self.value = "", ""

    def doctype(self, *_: object) -> None:
        raise ValueError("the XML declares a document type: it is not read")

    def start(self, name: str, _attributes: object) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            raise ValueError(f"the XML is larger than {MAX_ELEMENTS:,} elements, or deeper than {MAX_DEPTH}")
        self._open.append((name.rpartition(":")[2], {}, []))

    def text(self, text: str) -> None:
        self._open[-1][2].append(text)

    def end(self, _name: str) -> None:
        name, children, texts = self._open.pop()
        value: Any = children or "".join(texts)
        if not self._open:
            self.name, self.value = name, value
            return
        beside = self._open[-1][1]
        if name in self._many:
            beside.setdefault(name, []).append(value)
        elif name in beside:
            raise ValueError(f"<{name}> comes twice where one was due")
        else:
            beside[name] = value
