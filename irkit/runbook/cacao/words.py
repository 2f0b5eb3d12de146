"""Texts of a playbook as texts of a runbook: variables become inputs, braces stay what they are, commands are quoted."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from irkit.runbook.cacao.shape import text
from irkit.runbook.lint.secrets import secret_name
from irkit.runbook.source import Node, harmful

NAME = 64                                                                       # characters of an id (model.Name)
TITLE = 100
LISTED, NOTED = 200, 2_000                                      # characters of a value in the report, in a comment of the file
_VARIABLE = re.compile(r"(?:(?<![a-zA-Z0-9_-])|(?<=:value))(__[a-zA-Z_][a-zA-Z0-9_-]{0,199}?__):value")      # section 10.18
_BRACE = re.compile(r"\{(?=[{%#]|__|$)")
WITHHELD = "(withheld: it looks like a credential)"


def slug(words: str, otherwise: str) -> str:
    """snake_case, as ids are."""
    made = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:NAME - 4].strip("_")
    return made if made[:1].isalpha() else f"{otherwise}_{made}".strip("_")


@dataclass
class Names:
    """Gives each thing a name of its own."""

    taken: set[str] = field(default_factory=set)

    def give(self, words: str, otherwise: str) -> str:
        wanted = name = slug(words, otherwise)
        number = 1
        while name in self.taken:
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        return name


def one_line(words: str) -> str:
    return " ".join(words.split())


def cut(words: str, most: int = LISTED) -> str:
    """On one line, with a sign where it goes on."""
    line = one_line(words)
    return line if len(line) <= most else line[:most - 1] + "…"


def title(words: str) -> str:
    return cut(words, TITLE)


def uses(words: str) -> list[str]:
    """The variables that a text names."""
    return _VARIABLE.findall(words)


def template(words: str, inputs: Mapping[str, str]) -> str:
    """A text in which variables that are inputs are looked up; whatever else looks like a template stays text."""
    words = re.sub(r"\r\n?", "\n", words)
    plain = _BRACE.sub('{{ "{" }}', words)
    return _VARIABLE.sub(lambda found: f"{{{{ inputs.{inputs[found[1]]} }}}}" if found[1] in inputs else found[0], plain)


def inside(node: Node) -> Iterator[str]:
    """Every text in a value."""
    if node.kind == "scalar":
        yield node.value
    for child in (*node.items, *(value for _, value in node.pairs)):
        yield from inside(child)


def listed(node: Node, keys: Iterable[str], most: int = LISTED) -> str:
    """`port: 22; phone: night 555 0107` of the properties that say something, on one line, each cut to `most` characters."""
    given = ((key, node.get(key)) for key in keys)
    return "; ".join(f"{key}: {cut(said(value, key), most)}" for key, value in given if value and not value.is_null)


def said(value: Node, key: str) -> str:
    """A value in words, but for what looks like a credential."""
    if secret_header(key):
        return WITHHELD
    if value.kind == "mapping":
        return ", ".join(f"{name.value} {said(inner, name.value)}" for name, inner in value.pairs)
    return ", ".join(said(item, key) for item in value.items) if value.kind == "sequence" else value.value


def command_words(command: Node) -> str | None:
    """What a command says, decoded. None when that is no text."""
    encoded = command.get("command_b64")
    return decoded(encoded.value) if encoded else text(command, "command")


def decoded(encoded: str) -> str | None:
    """Base64 (RFC 4648 section 4) of harmless UTF-8, or None."""
    try:
        words = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return None if harmful(words) else words


def quoted(command: Node) -> Iterator[str]:
    """The lines of a command that irkit does not run, as they are; headers that hold a credential without their value."""
    words = command_words(command)
    yield from (words if words is not None else text(command, "command_b64")).splitlines()
    headers = command.get("headers")
    for name, values in headers.pairs if headers else ():
        given = [value.value for value in (values.items or (values,)) if value.kind == "scalar"]
        shown = WITHHELD if secret_header(name.value) else ", ".join(given)
        yield f"{one_line(name.value)}: {one_line(shown)}"
    body = decoded(text(command, "content_b64"))
    yield from (text(command, "content") or (body if body is not None else text(command, "content_b64"))).splitlines()


def twice(command: Node) -> Iterator[str]:
    """The properties that `quoted` leaves out, because another one says something else in their place."""
    if command.get("command_b64") and (plain := text(command, "command")) and plain != command_words(command):
        yield "command"
    if (body := text(command, "content_b64")) and text(command, "content") not in ("", decoded(body)):
        yield "content_b64"


def opaque(command: Node) -> bool:
    """Whether it holds base64 of something that is no text."""
    given = (command.get(key) for key in ("command_b64", "content_b64"))
    return any(node is not None and decoded(node.value) is None for node in given)


def secret_header(name: str) -> bool:
    return secret_name(name) or name.lower() in ("cookie", "proxy-authorization", "x-auth", "x-api-key")


def indented(lines: Iterable[str]) -> list[str]:
    return ["    " + line if line.strip() else "" for line in lines]


def span(milliseconds: str) -> str:
    """`90 s`, `1500 ms`."""
    count = int(milliseconds)
    return f"{count} ms" if count % 1000 else f"{count // 1000} s"
