"""Writing one connection, or the signing key, into irkit.toml, leaving every other line of the file as it is."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from irkit.config.model import Connection, address_problem, key_problem
from irkit.errors import IrkitError
from irkit.secrets import problem

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?")


def write_connection(path: Path, connection: Connection) -> None:
    """Add `connection` to the file, or put it in the place of the table of that name. The file gets mode 0600.

    `base_url` is written when it is not empty. Raises IrkitError, with the file untouched, when the file cannot be read or
    written, when the credential is no reference, or when the file's shape leaves no safe way to edit it.
    """
    for key, wrong in (("credential", connection.credential and problem(connection.credential)),
                       *((f"credentials.{name}", problem(value)) for name, value in connection.credentials.items()),
                       ("base_url", connection.base_url and address_problem(connection.base_url))):
        if wrong:
            raise IrkitError(f"{key} of connection {connection.name} {wrong}", where=str(path))
    table = _table(connection)
    _edit(path, lambda text: _replaced(text, connection.name, table), table)


def write_key(path: Path, reference: str) -> None:
    """Set `use` of the table [key] to `reference`. The file gets mode 0600. Raises IrkitError, with the file untouched."""
    if wrong := key_problem(reference):
        raise IrkitError(f"the key {wrong}", where=str(path))
    line = f"use = {_text(reference)}\n"
    _edit(path, lambda text: _with_key(text, line), f"[key]\n{line}")


def _edit(path: Path, change: Callable[[str], str], table: str) -> None:
    """Put `change` of the file's text in its place, if it then says what `table` says, and all that it said before."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = change(before)
        if not _same_but(before, after, table):
            raise IrkitError(f"{path} cannot be edited safely; put this into it by hand:\n\n{table}", where=str(path))
        _write(Path(os.path.realpath(path)), after)
    except (OSError, ValueError, TypeError) as error:
        raise IrkitError(f"{path} could not be changed: {error}", where=str(path),
                         next=f"put this into it by hand:\n\n{table}") from None


def _table(connection: Connection) -> str:
    pairs = [("connector", _text(connection.connector))]
    if connection.sign_in:
        pairs.append(("sign_in", _text(connection.sign_in)))
    if connection.settings:
        settings = ", ".join(f"{_key(name)} = {_text(value)}" for name, value in connection.settings.items())
        pairs.append(("settings", f"{{ {settings} }}"))
    if connection.credential:
        pairs.append(("credential", _text(connection.credential)))
    if connection.credentials:
        more = ", ".join(f"{_key(name)} = {_text(value)}" for name, value in connection.credentials.items())
        pairs.append(("credentials", f"{{ {more} }}"))
    if connection.base_url:
        pairs.append(("base_url", _text(connection.base_url)))
    return "\n".join([f"[connections.{_key(connection.name)}]", *(f"{name} = {value}" for name, value in pairs)]) + "\n"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _replaced(text: str, name: str, table: str) -> str:
    """`text` with the tables of that connection replaced by `table`, or with `table` at its end."""
    out: list[str] = []
    placed = False
    for path, lines in _blocks(text):
        if path[:2] != ["connections", name]:
            out += lines
            continue
        end = len(lines)
        while lines[end - 1].strip()[:1] in ("", "#"):           # blank lines and comments belong to what follows them
            end -= 1
        out += lines[end:] if placed else [table, *lines[end:]]
        placed = True
    return "".join(out) if placed else _added("".join(out), table)


def _with_key(text: str, line: str) -> str:
    """`text` with `line` for the `use` of its table [key], or as the first line of that table, or in a new table at its end."""
    out: list[str] = []
    placed = False
    for path, lines in _blocks(text):
        if path == ["key"] and not placed:
            at = next((at for at, old in enumerate(lines) if re.match(r"\s*([\"']?)use\1\s*=", old)), None)
            header = lines[0] if lines[0].endswith("\n") else lines[0] + "\n"
            lines = [header, line, *lines[1:]] if at is None else [*lines[:at], line, *lines[at + 1:]]
            placed = True
        out += lines
    return "".join(out) if placed else _added(text, f"[key]\n{line}")


def _added(text: str, table: str) -> str:
    return text + ("" if not text else "\n" if text.endswith("\n") else "\n\n") + table


def _blocks(text: str) -> list[tuple[list[str], list[str]]]:
    """The lines of each table with its path, header first; what stands before the first header has the path []."""
    blocks: list[tuple[list[str], list[str]]] = [([], [])]
    for line in text.splitlines(keepends=True):
        if header := _HEADER.fullmatch(line.rstrip("\r\n")):
            blocks.append(([part.strip().strip("\"'") for part in header[1].split(".")], []))
        blocks[-1][1].append(line)
    return blocks


def _same_but(before: str, after: str, table: str) -> bool:
    """Whether `after` holds the table and all else that `before` holds, so an odd file is refused and never damaged."""
    import tomllib
    old, new, wanted = tomllib.loads(before), tomllib.loads(after), tomllib.loads(table)
    for key, put in wanted.items():
        old[key] = {**old.get(key, {}), **put}
    return old == new


def _write(path: Path, text: str) -> None:
    import tempfile
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")       # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
