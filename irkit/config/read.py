"""Reading irkit.toml: every mistake at once, each with its key, none quoting a value."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from irkit.config.model import Config, Connection, Person, address_problem, authority_problem, key_problem
from irkit.errors import IrkitError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from irkit.action import Connector, SignIn

T = TypeVar("T")


def load(path: Path | None) -> Config:
    """Read a configuration file; None gives the empty Config. Raises IrkitError listing every mistake with its key."""
    if path is None:
        return Config()
    raw = _read(path)
    reader = _Reader(path)
    config = reader.config(raw)
    if reader.mistakes:
        many = f"{len(reader.mistakes)} mistakes" if len(reader.mistakes) > 1 else "1 mistake"
        raise IrkitError("\n".join([f"{many} in {path}:", *(f"  {line}" for line in reader.mistakes)]),
                         where=str(path), next=f"correct {path}, then irkit doctor")
    return config


def _read(path: Path) -> dict[str, object]:
    import tomllib
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        wrong = f"{path} could not be read: {error.strerror}"
    except UnicodeDecodeError:
        wrong = f"{path} is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        wrong = f"{path} is no TOML: {str(error)[:200]}"
    raise IrkitError(wrong, where=str(path), next=f"correct {path}, then irkit doctor")


class _Reader:
    """Turns the parsed file into a Config, collecting mistakes as "key: what is wrong"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mistakes: list[str] = []

    def config(self, raw: Mapping[str, object]) -> Config:
        self._known("", raw, ("evidence", "timezone", "connectors", "connections", "people", "key", "timestamps"))
        evidence = self._get("", raw, "evidence", str)
        stamps = self._table(raw, "timestamps", ("authorities", "ca"))
        certificates = self._get("timestamps.", stamps, "ca", str)
        allowed = self._texts("connectors", raw.get("connectors", []))
        return Config(
            path=self.path,
            connections={name: made for name, table in self._tables(raw, "connections")
                         if (made := self._connection(name, table, allowed))},
            people={name: self._person(name, table) for name, table in self._tables(raw, "people")},
            evidence=self._place(evidence) if evidence else None,
            connectors=allowed, timezone=self._zone(self._get("", raw, "timezone", str)),
            key=self._key(self._table(raw, "key", ("use",))), authorities=self._authorities(stamps),
            authorities_ca=self._place(certificates) if certificates else None)

    def _wrong(self, key: str, what: str) -> None:
        self.mistakes.append(f"{key}: {what}")

    def _known(self, prefix: str, table: Mapping[str, object], keys: tuple[str, ...]) -> None:
        for key in table:
            if key not in keys:
                self._wrong(prefix + key, "unknown key" + _meant(key, keys))

    def _get(self, prefix: str, table: Mapping[str, object], key: str, kind: type[T]) -> T | None:
        value = table.get(key)
        if value is None or isinstance(value, kind):
            return value
        self._wrong(prefix + key, f"must be {_KINDS[kind]}")
        return None

    def _text(self, prefix: str, table: Mapping[str, object], key: str) -> str:
        return self._get(prefix, table, key, str) or ""

    def _texts(self, key: str, value: object) -> tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
        self._wrong(key, "must be a list of texts")
        return ()

    def _tables(self, raw: Mapping[str, object], key: str) -> list[tuple[str, Mapping[str, object]]]:
        found: list[tuple[str, Mapping[str, object]]] = []
        for name, table in (self._get("", raw, key, dict) or {}).items():
            if not isinstance(table, dict):
                self._wrong(f"{key}.{name}", f"must be a table: [{key}.NAME]")
            elif not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                self._wrong(f"{key}.{name}", "a name has letters, digits, _ and - only")
            else:
                found.append((name, table))
        return found

    def _table(self, raw: Mapping[str, object], key: str, known: tuple[str, ...]) -> Mapping[str, object]:
        table = self._get("", raw, key, dict) or {}
        self._known(f"{key}.", table, known)
        return table

    def _place(self, path: str) -> Path:
        """A path that the file names, which is relative to it."""
        return self.path.parent / os.path.expanduser(path)

    def _key(self, table: Mapping[str, object]) -> str:
        reference = self._get("key.", table, "use", str)
        if reference is None:
            return ""
        if wrong := key_problem(reference):
            self._wrong("key.use", wrong)
            return ""
        return reference if reference.startswith("agent:") else str(self._place(reference).absolute())

    def _authorities(self, table: Mapping[str, object]) -> tuple[str, ...]:
        urls = self._texts("timestamps.authorities", table.get("authorities", []))
        for number, url in enumerate(urls, 1):
            if wrong := authority_problem(url) or ("stands there twice" if url in urls[:number - 1] else ""):
                self._wrong("timestamps.authorities", f"number {number} {wrong}")
        return urls

    def _zone(self, name: str | None) -> ZoneInfo | None:
        if not name:
            return None
        from zoneinfo import ZoneInfo
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            self._wrong("timezone", "unknown; it is like Europe/Paris")
            return None

    def _person(self, handle: str, table: Mapping[str, object]) -> Person:
        prefix = f"people.{handle}."
        self._known(prefix, table, ("name", "title", "phone", "roles", "key", "email"))
        return Person(self._text(prefix, table, "name") or handle, self._text(prefix, table, "title"),
                      self._text(prefix, table, "phone"), self._texts(prefix + "roles", table.get("roles", [])),
                      self._text(prefix, table, "key"), self._text(prefix, table, "email"))

    def _connection(self, name: str, table: Mapping[str, object], allowed: tuple[str, ...]) -> Connection | None:
        prefix = f"connections.{name}."
        self._known(prefix, table, ("connector", "settings", "sign_in", "credential", "base_url", "credentials"))
        connector = self._connector(prefix, self._text(prefix, table, "connector") or name, allowed)
        credential = self._text(prefix, table, "credential")
        if credential or connector is None or self._signs_in(table, connector):
            self._credential(prefix + "credential", credential)
        if connector is None:
            return None
        sign_in = self._sign_in(prefix, self._text(prefix, table, "sign_in"), connector)
        settings = self._settings(prefix, table, connector, sign_in)
        base_url = self._base_url(prefix, self._text(prefix, table, "base_url"), connector, sign_in, settings)
        return Connection(name, connector.name, settings, sign_in.name if sign_in else "", credential, base_url,
                          self._more(prefix, table, connector))

    def _more(self, prefix: str, table: Mapping[str, object], connector: Connector) -> dict[str, str]:
        """The references of the hosts that have a sign-in of their own."""
        given = self._get(prefix, table, "credentials", dict) or {}
        right: dict[str, str] = {}
        self._known(f"{prefix}credentials.", given, tuple(name for name, host in connector.hosts.items() if host.sign_in))
        for name in given:
            right[name] = self._text(f"{prefix}credentials.", given, name)
            self._credential(f"{prefix}credentials.{name}", right[name])
        return right

    def _signs_in(self, table: Mapping[str, object], connector: Connector) -> bool:
        """Whether the connection needs a credential."""
        from irkit.action import keyless
        named = table.get("sign_in")
        return not all(keyless(way) for way in connector.sign_in if not named or way.name == named)

    def _connector(self, prefix: str, name: str, allowed: tuple[str, ...]) -> Connector | None:
        from irkit import connectors
        known = connectors.names(allowed)
        try:
            if name in known:
                return connectors.find(name, allowed)
            self._wrong(prefix + "connector", f"there is no connector {name!r}" + _meant(name, known))
        except (IrkitError, ImportError) as error:
            self._wrong(prefix + "connector", f"{name!r} cannot be loaded: {error}")
        return None

    def _credential(self, key: str, reference: str) -> None:
        from irkit.secrets import problem
        if not reference:
            self._wrong(key, "is missing; it says where the credential is kept, like env:ZENDESK_SECRET")
        elif wrong := problem(reference):
            self._wrong(key, wrong)
        elif reference.startswith("command:") and _others_may_write(self.path):
            self._wrong(key, f"names a command, and others may write this file; chmod 600 {self.path}")

    def _sign_in(self, prefix: str, name: str, connector: Connector) -> SignIn | None:
        ways = {way.name: way for way in connector.sign_in}
        if name and name not in ways:
            self._wrong(prefix + "sign_in", f"{connector.title} signs in with {' or '.join(ways)}" + _meant(name, ways))
            return None
        return ways[name] if name else next(iter(connector.sign_in), None)

    def _settings(self, prefix: str, table: Mapping[str, object], connector: Connector,
                  sign_in: SignIn | None) -> dict[str, str]:
        """Those that are right. What only makes up the address may be left out where base_url gives the address."""
        given = self._get(prefix, table, "settings", dict) or {}
        wanted = {one.name: one for one in (*connector.settings, *(sign_in.settings if sign_in else ()))}
        right: dict[str, str] = {}
        self._known(f"{prefix}settings.", given, tuple(wanted))
        for name, setting in wanted.items():
            value = given.get(name)
            if isinstance(value, str) and setting.takes(value):
                right[name] = value
            elif value is not None:
                self._wrong(f"{prefix}settings.{name}", f"does not look right: {setting.hint or setting.ask}")
            elif setting.default is None and not (table.get("base_url") and f"{{{name}}}" in connector.base_url):
                self._wrong(f"{prefix}settings.{name}", f"is missing: {setting.ask}")
        return right

    def _base_url(self, prefix: str, given: str, connector: Connector, sign_in: SignIn | None,
                  settings: Mapping[str, str]) -> str:
        try:
            url = (given or connector.base_url.format(**connector.filled(sign_in, settings))).rstrip("/")
        except KeyError:                                     # of a setting that is already reported
            return ""
        if wrong := address_problem(url):
            self._wrong(prefix + "base_url", wrong)
        return url


_KINDS: Mapping[type, str] = {str: "a text in quotes", dict: "a table"}


def _meant(word: str, known: Iterable[str]) -> str:
    import difflib
    close = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _others_may_write(path: Path) -> bool:
    """Whoever can write the file chooses the command that is run."""
    status, me = path.stat(), os.getuid()
    return bool(status.st_mode & 0o002) or (me != 0 and status.st_uid not in (0, me))
