"""YAML with positions: bytes in, nodes and mistakes out, in bounded time and memory.

Nothing is ever constructed: a scalar stays the text that was written, so `NO`, `12:30:45` and `010` mean what they say until
the declared type of their key converts them. Rules kept while the events arrive, before a tree exists:

- one UTF-8 document of at most 1 MiB, 20,000 values and 50 levels (the C composer crashes on 50,000 nested brackets)
- no anchors, aliases or tags (an alias can blow one line up to gigabytes)
- no character that steers a terminal or turns the reading order, as it is or as an escape ("\\x1b"): what a reviewer reads in
  the file is what a screen says
"""

from __future__ import annotations

import codecs
import functools
import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import yaml
from msgspec import Struct

from irkit.errors import RunbookError

MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_MISTAKES = 2**20, 50, 20_000, 200
TOO_DEEP, FLATTEN = f"nested more than {MAX_DEPTH} deep", "flatten it"
MAX_EXCERPT = 160                                   # columns of a source line that are printed

_HARMFUL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

Kind = Literal["scalar", "sequence", "mapping"]


class Node(Struct, frozen=True):
    """One YAML node and where it stands; lines and columns count from 1, `end_col` is one past the last character."""

    kind: Kind
    line: int
    col: int
    end_line: int
    end_col: int
    value: str = ""                                 # the text of a scalar
    plain: bool = True                              # a scalar without quotes
    items: tuple[Node, ...] = ()                    # of a sequence
    pairs: tuple[tuple[Node, Node], ...] = ()       # of a mapping, repeated keys included

    def __repr__(self) -> str:
        return f"<{self.kind} {self.line}:{self.col}>"

    @property
    def is_null(self) -> bool:
        """Nothing, `~` or `null`, unquoted."""
        return self.kind == "scalar" and self.plain and self.value in ("", "~", "null")

    def get(self, key: str) -> Node | None:
        """The value under `key` of a mapping."""
        return next((value for name, value in self.pairs if name.value == key), None)

    def key(self, key: str) -> Node | None:
        """The key itself, to point at."""
        return next((name for name, _ in self.pairs if name.value == key), None)


class Wrong(ValueError):
    """A value that cannot be read. `needle` is the part of the text to point at, `more` what else is wrong with the value."""

    def __init__(self, message: str, hint: str = "", needle: str = "", more: Sequence[Wrong] = ()) -> None:
        super().__init__(message)
        self.message, self.hint, self.needle, self.more = message, hint, needle, more


def did_you_mean(word: str, known: Iterable[str], else_say: str = "") -> str:
    """A hint with the nearest of the `known` words, or `else_say`."""
    import difflib
    near = difflib.get_close_matches(word[:80], itertools.islice(known, 300), n=1)
    return f"did you mean '{near[0]}'?" if near else else_say


# -- mistakes ----------------------------------------------------------------------------------------------------

class Mistake(Struct, frozen=True):
    """One thing wrong with a file. Line 0 is the file as a whole."""

    level: Literal["error", "warning"]
    line: int
    col: int
    width: int
    message: str
    hint: str = ""

    def block(self, path: str, text: str) -> list[str]:
        """`path:line:col: message`, the source line, a caret underline and the hint."""
        word = "warning: " if self.level == "warning" else ""
        if not self.line:
            return [f"{path}: {word}{self.message}", *([f"  = {self.hint}"] if self.hint else [])]
        number = str(self.line)
        pad = " " * len(number)
        lines = lines_of(text)
        shown, before, width = _excerpt(lines[self.line - 1] if self.line <= len(lines) else "", self.col - 1, self.width)
        return [f"{path}:{self.line}:{self.col}: {word}{self.message}", f"{pad} |", f"{number} | {shown}".rstrip(),
                f"{pad} | {' ' * before}{'^' * width}", *([f"{pad} = {self.hint}"] if self.hint else [])]


@functools.lru_cache(maxsize=4)
def lines_of(text: str) -> list[str]:
    """The lines as YAML 1.1 counts them (5.4, line break characters)."""
    return re.split("\r\n|[\r\n\x85\u2028\u2029]", text)


def _cells(text: str) -> int:
    """Columns of a terminal that `text` takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _excerpt(line: str, at: int, width: int) -> tuple[str, int, int]:
    """The line cut to a window around the caret, the cells before the caret, and the caret's width in cells."""
    line = line.replace("\t", " ")
    width = max(1, min(width, len(line) - at, MAX_EXCERPT))
    start = max(0, at + width - MAX_EXCERPT)
    left = "…" if start else ""
    right = "…" if len(line) > start + MAX_EXCERPT else ""
    return (left + line[start:start + MAX_EXCERPT] + right, _cells(left + line[start:at]),
            max(1, _cells(line[at:at + width])))


class Mistakes:
    """Collects what is wrong with one file, so that all of it is said in one pass."""

    def __init__(self, path: str, raw: bytes) -> None:
        self.path, self.text = path, raw[:MAX_BYTES].decode("utf-8-sig", "replace")
        self.found: list[Mistake] = []

    @property
    def errors(self) -> int:
        return sum(mistake.level == "error" for mistake in self.found)

    def error(self, node: Node | None, message: str, hint: str = "", *, needle: str = "") -> None:
        self._add(Mistake("error", *self._place(node, needle), message, hint))

    def warn(self, node: Node | None, message: str, hint: str = "", *, needle: str = "") -> None:
        self._add(Mistake("warning", *self._place(node, needle), message, hint))

    def wrong(self, node: Node, bad: Wrong, what: str = "") -> None:
        """Note a Wrong raised while reading `node`; `what` names the key it stands under."""
        for one in (bad, *bad.more):
            self.error(node, f"{what}: {one.message}" if what else one.message, one.hint, needle=one.needle)

    def at(self, line: int, col: int, message: str, hint: str = "", width: int = 1) -> None:
        """An error at a place that is no node; line 0 is the file as a whole."""
        self._add(Mistake("error", line, col, width, message, hint))

    def _add(self, mistake: Mistake) -> None:
        """Raises RunbookError once there are so many that nobody reads on: the work for a hostile file stays bounded."""
        self.found.append(mistake)
        if len(self.found) >= MAX_MISTAKES:
            self.found.append(Mistake("error", 0, 0, 0, f"stopped after {MAX_MISTAKES} mistakes", "mend these first"))
            self.fail()

    def _place(self, node: Node | None, needle: str) -> tuple[int, int, int]:
        """Line, column and width of `needle` inside the node, else of the node up to the end of its first line."""
        if node is None:
            return 0, 0, 0
        lines = lines_of(self.text)
        if needle:
            word = re.compile(rf"(?<![\w.]){re.escape(needle)}(?!\w)" if needle[0].isalnum() else re.escape(needle))
            for number in range(node.line, min(node.end_line, len(lines)) + 1):
                end = node.end_col - 1 if number == node.end_line else len(lines[number - 1])
                if found := word.search(lines[number - 1], node.col - 1 if number == node.line else 0, end):
                    return number, found.start() + 1, found.end() - found.start()
        end = node.end_col if node.end_line == node.line else len(lines[node.line - 1].rstrip()) + 1
        return node.line, node.col, max(1, end - node.col)

    def sorted(self) -> list[Mistake]:
        """In the order of the file; those of the whole file come first."""
        return sorted(self.found, key=lambda mistake: (mistake.line, mistake.col))

    def blocks(self) -> list[list[str]]:
        """A printable block for each."""
        return [mistake.block(self.path, self.text) for mistake in self.sorted()]

    def fail(self, next: str = "") -> NoReturn:
        """Raise RunbookError with every mistake."""
        count = self.errors
        raise RunbookError(f"{count} mistake{'s' if count != 1 else ''} in {self.path}.", self.blocks(), next=next)


# -- composing ---------------------------------------------------------------------------------------------------

def compose(raw: bytes, path: str) -> Node:
    """The document's root node. Raises RunbookError for anything that is not one plain YAML document."""
    mistakes = Mistakes(path, raw)
    return root(raw, mistakes) or mistakes.fail()


def compose_head(raw: bytes, path: str, keys: Collection[str]) -> Node:
    """The same of a mapping up to the last of these keys, where any are given; of the rest, nothing is read or said."""
    mistakes = Mistakes(path, raw)
    return root(raw, mistakes, keys) or mistakes.fail()


def root(raw: bytes, mistakes: Mistakes, keys: Collection[str] = ()) -> Node | None:
    """The same with its one mistake noted, and None, in place of an error."""
    try:
        return _Composer(_decode(raw)).document({*keys})
    except _Unreadable as bad:
        mistakes.at(bad.line, bad.col, bad.message, bad.hint)
    except yaml.YAMLError as bad:
        line, col, message = _told(bad)
        mistakes.at(line, col, message, _advice(message, mistakes.text, line))
    return None


class _Unreadable(Exception):
    def __init__(self, message: str, line: int = 0, col: int = 0, hint: str = "") -> None:
        self.message, self.line, self.col, self.hint = message, line, col, hint


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _Unreadable(f"the file is over {MAX_BYTES:,} bytes", hint="split it, or take data out of it")
    if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise _Unreadable("this is UTF-16, not UTF-8", hint="save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        line, col = _position(raw[:bad.start].decode("utf-8-sig", "replace"))
        raise _Unreadable(f"byte 0x{raw[bad.start]:02x} is not UTF-8", line, col, "save it as UTF-8") from None
    if found := re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]", text):
        raise _Unreadable(f"control character U+{ord(found[0]):04X}", *_position(text[:found.start()]), "take it out")
    return text


def harmful(text: str) -> re.Match[str] | None:
    """The first character that steers a terminal, turns the reading order or is no character at all."""
    return _HARMFUL.search(text)


def _position(before: str) -> tuple[int, int]:
    lines = lines_of(before)
    return len(lines), len(lines[-1]) + 1


def _told(bad: yaml.YAMLError) -> tuple[int, int, str]:
    mark = getattr(bad, "problem_mark", None) or getattr(bad, "context_mark", None)
    words = getattr(bad, "problem", None) or str(bad).partition("\n")[0]
    if "nesting depth" in words:          # a libyaml with a limit of its own scans ahead into it
        return (mark.line + 1, mark.column + 1, TOO_DEEP) if mark else (0, 0, TOO_DEEP)
    return (mark.line + 1, mark.column + 1, f"not YAML: {words}") if mark else (0, 0, f"not YAML: {words}")


def _advice(message: str, text: str, line: int) -> str:
    if message == TOO_DEEP:
        return FLATTEN
    lines = lines_of(text)
    source = lines[line - 1] if 0 < line <= len(lines) else ""
    if "\t" in source[:len(source) - len(source.lstrip())] or ("cannot start any token" in message and "\t" in source):
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in message:
        return "a text that holds ': ' wants quotes round it"
    if "cannot start any token" in message:
        return "a text that begins with @, ` or % wants quotes round it"
    return "look at the indentation and the quotes here and in the line above"


@dataclass
class _Open:
    """A sequence or mapping whose end has not come yet."""

    kind: Kind
    line: int
    col: int
    children: list[Node]

    def closed(self, line: int, col: int) -> Node:
        if self.kind == "sequence":
            return Node("sequence", self.line, self.col, line, col, items=tuple(self.children))
        pairs = tuple(zip(self.children[::2], self.children[1::2], strict=True))
        return Node("mapping", self.line, self.col, line, col, pairs=pairs)


class _Composer:
    """Builds nodes from events with a stack of its own, refusing each forbidden thing as its event arrives."""

    def __init__(self, text: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        self.events: Iterator[Any] = iter(loader.get_event, None)
        self.harmless = harmful(text) is None and "\\" not in text       # then no value holds what only an escape could put in
        self.open: list[_Open] = []
        self.roots: list[Node] = []
        self.count = 0

    def document(self, until: set[str]) -> Node:
        """The whole of it; or a mapping `until` the last of these keys has its value."""
        for node in self.nodes():
            siblings = self.open[-1].children if self.open else self.roots
            siblings.append(node)
            if until and len(self.open) == 1 and len(siblings) % 2 == 0:
                until.discard(siblings[-2].value)
                if not until:
                    return self.open[0].closed(node.end_line, node.end_col)
        if not self.roots:
            raise _Unreadable("the file is empty", hint="irkit runbook new NAME starts one")
        return self.roots[0]

    def nodes(self) -> Iterator[Node]:
        """Each node when it is complete, for whoever adds it to what is open."""
        for event in self.events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self.refuse(event)
                if not self.harmless and (found := harmful(event.value)):
                    raise _Unreadable(f"control character U+{ord(found[0]):04X}", *_start(event), "take it out")
                yield Node("scalar", *_start(event), *_end(event), event.value, not event.style)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self.refuse(event)
                if len(self.open) >= MAX_DEPTH:
                    raise _Unreadable(TOO_DEEP, *_start(event), FLATTEN)
                self.open.append(_Open("mapping" if kind is yaml.MappingStartEvent else "sequence", *_start(event), []))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                yield self.open.pop().closed(*_end(event))
            elif kind is yaml.AliasEvent:
                raise _Unreadable(f"the alias *{event.anchor} is refused", *_start(event), "write the value out")
            elif kind is yaml.DocumentStartEvent and self.roots:
                raise _Unreadable("a second document starts here", *_start(event), "keep one document to a file")

    def refuse(self, event: Any) -> None:
        """Raise _Unreadable for what no value of ours may bear, and for the one too many."""
        if event.anchor:
            raise _Unreadable(f"the anchor &{event.anchor} is refused", *_start(event), "write the value out where it is used")
        if event.tag:
            raise _Unreadable("a tag (!) is refused", *_start(event), "take it out; each key has its own type")
        self.count += 1
        if self.count > MAX_NODES:
            raise _Unreadable(f"more than {MAX_NODES:,} values", *_start(event), "split the file")


def _start(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _end(event: Any) -> tuple[int, int]:
    mark = event.end_mark
    return mark.line + 1, mark.column + 1


# -- reading nodes -----------------------------------------------------------------------------------------------

def values_of(node: Node, mistakes: Mistakes | None = None) -> dict[str, Node]:
    """The values of a mapping by key. A repeated key, or one that is no text, is noted; without `mistakes`, a RunbookError."""
    found: dict[str, Node] = {}
    for key, value in node.pairs:
        if key.kind == "scalar" and key.value not in found:
            found[key.value] = value
            continue
        message, hint = ("a key is a text", "a {{ template }} wants quotes round it") if key.kind != "scalar" else (
            f"repeated key '{key.value}'", "keep one of them")
        if mistakes is None:
            raise RunbookError(f"line {key.line}: {message}", next=hint)
        mistakes.error(key, message, hint)
    return found


def plain(node: Node, mistakes: Mistakes | None = None) -> Any:
    """A free-form value, for what has keys of somebody else's (a world's options, answers).

    Unquoted true, false, null and whole numbers are themselves, everything else is text. Keys as in `values_of`.
    """
    if node.kind == "sequence":
        return [plain(item, mistakes) for item in node.items]
    if node.kind == "mapping":
        return {key: plain(value, mistakes) for key, value in values_of(node, mistakes).items()}
    if not node.plain:
        return node.value
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})", node.value):
        return int(node.value)
    return None if node.is_null else {"true": True, "false": False}.get(node.value, node.value)
