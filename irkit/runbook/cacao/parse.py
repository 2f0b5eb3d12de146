"""JSON with positions: bytes in, the nodes of `irkit.runbook.source` out, in bounded time and memory.

Strict where `json` is not: a repeated key, NaN, a control character or a bidi override (also behind an escape), a lone
surrogate and anything after the value are refused with their place. A string is a node that is not `plain`; numbers,
true, false and null are plain ones that keep their text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import NoReturn

from irkit.errors import RunbookError
from irkit.runbook.source import FLATTEN, MAX_BYTES, MAX_DEPTH, MAX_NODES, TOO_DEEP, Kind, Mistakes, Node, harmful

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"', re.S)       # possessive: a text without an end costs one pass
_ATOM = re.compile(r"-?(?:0|[1-9][0-9]{0,63})(?:\.[0-9]{1,64})?(?:[eE][+-]?[0-9]{1,4})?(?![\w.+-])|(?:true|false|null)\b")
_BREAK = re.compile(r"\r\n|\r|\n")
_KINDS: dict[str, tuple[Kind, str]] = {"{": ("mapping", "}"), "[": ("sequence", "]")}


def compose(raw: bytes, mistakes: Mistakes) -> Node:
    """The document's root. Raises RunbookError for anything that is not one plain JSON value."""
    try:
        if len(raw) > MAX_BYTES:
            raise _Refused(f"the file is over {MAX_BYTES:,} bytes", hint="a playbook is text; take the data out of it")
        try:
            return _Parser(raw.decode("utf-8-sig")).document()
        except UnicodeDecodeError as bad:
            raise _Refused(f"byte 0x{raw[bad.start]:02x} is not UTF-8", hint="save it as UTF-8") from None
    except _Refused as bad:
        mistakes.at(bad.line, bad.col, bad.message, bad.hint)
    raise RunbookError(f"{mistakes.path} is not a CACAO playbook.", mistakes.blocks())


class _Refused(Exception):
    def __init__(self, message: str, line: int = 0, col: int = 0, hint: str = "") -> None:
        self.message, self.line, self.col, self.hint = message, line, col, hint


@dataclass
class _Open:
    """An object or a list whose end has not come yet; `key` waits for its value."""

    kind: Kind
    ends: str
    place: tuple[int, int]
    key: Node | None = None
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def add(self, node: Node) -> None:
        if self.key is not None:
            self.pairs.append((self.key, node))
            self.key = None
        else:
            self.items.append(node)

    @property
    def empty(self) -> bool:
        return not self.items and not self.pairs


class _Parser:
    """One pass, no recursion."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line, self.start, self.count = text, 0, 1, 0, 0
        self.open: list[_Open] = []

    def document(self) -> Node:
        while True:
            node = self._value()
            while node is not None and self.open:
                self.open[-1].add(node)
                node = self._after()
            if node is not None:
                self._blank()
                if self.at < len(self.text):
                    self._refuse("something follows the end of the playbook", "keep one value to a file")
                return node

    def _value(self) -> Node | None:
        """The next value, or None when it only began."""
        self._blank()
        if self.open and self.open[-1].kind == "mapping":
            self._key()
        self.count += 1
        if self.count > MAX_NODES:
            self._refuse(f"more than {MAX_NODES:,} values", "split the file")
        char = self.text[self.at:self.at + 1]
        if char in _KINDS:
            return self._begin(char)
        return self._string() if char == '"' else self._atom()

    def _begin(self, char: str) -> Node | None:
        if len(self.open) >= MAX_DEPTH:
            self._refuse(TOO_DEEP, FLATTEN)
        kind, ends = _KINDS[char]
        self.open.append(_Open(kind, ends, self._place()))
        self.at += 1
        self._blank()
        return self._close() if self.text.startswith(ends, self.at) else None

    def _after(self) -> Node | None:
        """What follows an element: the end of what holds it, which is the next finished value, or a comma."""
        self._blank()
        if self.text.startswith(self.open[-1].ends, self.at):
            return self._close()
        if not self.text.startswith(",", self.at):
            self._lacks(f"a comma or '{self.open[-1].ends}'")
        self.at += 1
        return None

    def _close(self) -> Node:
        self.at += 1
        done, end = self.open.pop(), self._place()
        return Node(done.kind, *done.place, *end, items=tuple(done.items), pairs=tuple(done.pairs))

    def _key(self) -> None:
        if not self.text.startswith('"', self.at):
            self._lacks("a key in double quotes")
        holder, place = self.open[-1], self._place()
        key = self._string()
        if key.value in holder.names:
            raise _Refused("a repeated key", *place, "keep one of them")
        holder.names.add(key.value)
        holder.key = key
        self._blank()
        if not self.text.startswith(":", self.at):
            self._lacks("a colon")
        self.at += 1
        self._blank()

    def _string(self) -> Node:
        found = _STRING.match(self.text, self.at)
        if not found:
            self._refuse("this text does not end, or holds a control character", 'write a line break as \\n')
        try:
            value = json.loads(found[0])
        except ValueError:
            self._refuse("an escape in this text that JSON does not know")
        if bad := harmful(value):
            self._refuse(f"the control character U+{ord(bad[0]):04X} in a text", "take it out; it could steer a terminal")
        return self._scalar(found, value, plain=False)

    def _atom(self) -> Node:
        found = _ATOM.match(self.text, self.at)
        if not found:
            self._lacks("a value")
        return self._scalar(found, found[0], plain=True)

    def _scalar(self, found: re.Match[str], value: str, *, plain: bool) -> Node:
        line, col = self._place()
        self.at = found.end()
        return Node("scalar", line, col, *self._place(), value=value, plain=plain)

    def _blank(self) -> None:
        found = _BLANK.match(self.text, self.at)
        assert found
        for line_end in _BREAK.finditer(found[0]):
            self.line, self.start = self.line + 1, self.at + line_end.end()
        self.at = found.end()

    def _place(self) -> tuple[int, int]:
        return self.line, self.at - self.start + 1

    def _lacks(self, what: str) -> NoReturn:
        self._refuse(f"not JSON: {what} is wanted here" if self.at < len(self.text) else "not JSON: the file ends too soon")

    def _refuse(self, message: str, hint: str = "") -> NoReturn:
        raise _Refused(message, *self._place(), hint)
