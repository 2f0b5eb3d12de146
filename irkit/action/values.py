"""What actions return, whatever the vendor, and how a value of the vendor's becomes a field of it.

Anything may come as null, missing, of another type, or as a huge integer. Ids become text; what a result cannot do without
raises BadAnswer; everything else becomes "" or None.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar

from irkit.action.record import Record
from irkit.action.response import Response
from irkit.errors import ActionError, BadAnswer


def ident(value: object) -> str:
    """An id as text; "" for anything that cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def words(value: object) -> str:
    return value if isinstance(value, str) else ""


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def when(value: object) -> datetime | None:
    """A time of the vendor's: RFC 3339 text, or seconds since 1970. None where it is neither."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


@functools.lru_cache(16)          # answers that come in one second say the same
def http_when(text: str) -> datetime | None:
    """The moment in an HTTP date (RFC 9110 5.6.7), whole seconds of UTC; None where it cannot be read, or names no zone."""
    try:
        found = parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def counted(count: int, noun: str) -> str:
    """"1 row", "212 rows"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def stamp(moment: datetime | None) -> str:
    """RFC 3339 in UTC to the second, "" for None."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def at(value: object, path: str) -> Any:
    """`at(row, "id.time")`: what stands there, or None. A key that itself has dots is found first."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def row(value: object, what: str) -> Mapping[str, Any]:
    """`value`, which must be a JSON object. Raises BadAnswer."""
    if not isinstance(value, dict):
        raise BadAnswer(f"a {what} came as {type(value).__name__}, not as an object")
    return value


def one(response: Response, key: str, asked: str = "") -> Mapping[str, Any]:
    """The object under `key`; with `asked` it must bear that id: acting on another object would be the worst mistake."""
    found: Mapping[str, Any] = response.get(key, dict)
    if asked and ident(found.get("id")) != asked:
        raise BadAnswer(f"{key} {asked} was asked for, {ident(found.get('id')) or 'one without an id'} came")
    return found


class HasEmail(Protocol):
    @property
    def email(self) -> str: ...


Somebody = TypeVar("Somebody", bound=HasEmail)


def the_one(people: Iterable[Somebody], email: str, where: str) -> Somebody:
    """Whoever has exactly this address, whatever else a search found. Raises ActionError for nobody, and for several."""
    same = [one for one in people if one.email.casefold() == email.casefold()]
    if len(same) != 1:
        what = "nobody has" if not same else f"{len(same)} people have"
        raise ActionError(f"{what} the address {email} in {where}", next="correct the address, or find the person by hand")
    return same[0]


class Item(Record, frozen=True):
    """One thing in a list: a session, a token, a client, an app, a webhook, a rule, an identity. Times are RFC 3339, or ""."""

    id: str
    kind: str                      # "webhook"
    title: str
    detail: str = ""               # where it sends to, its scopes, what it does
    owner: str = ""                # id of the user it belongs to, or who made it
    active: bool | None = None
    created_at: str = ""
    updated_at: str = ""
    used_at: str = ""

    @property
    def named(self) -> str:
        """In words, for a person who has to decide about it."""
        return f"{self.kind} {self.told}"

    @property
    def told(self) -> str:
        """The same where its kind is said already."""
        told = [("", self.detail), ("", "off" if self.active is False else ""), ("user ", self.owner),
                ("created ", self.created_at), ("changed ", self.updated_at), ("last used ", self.used_at)]
        title = f' "{self.title}"' if self.title else ""
        return ", ".join([self.id + title, *(label + value for label, value in told if value)])

    def since(self, start: datetime | None) -> bool:
        """Whether it was created, changed or used at `start` or later."""
        return start is not None and any(t is not None and t >= start for t in
                                         map(when, (self.created_at, self.updated_at, self.used_at)))


class Listing(Record, frozen=True):
    """A whole list. `suspects` are what the asked-for window or user points at: look at them before you act on them."""

    count: int
    suspects: tuple[Item, ...]
    in_window: tuple[str, ...]     # in words: created, changed or used since the asked-for time
    complete: bool
    notes: tuple[str, ...]
    named: tuple[str, ...]         # the suspects in words
    suspect_ids: tuple[str, ...]
    recent_ids: tuple[str, ...]    # ids of those in the window
    items: tuple[Item, ...]

    @classmethod
    def of(cls, items: Iterable[Item], complete: bool, notes: Iterable[str] = (), *, since: datetime | None = None,
           suspect: Callable[[Item], bool] | None = None) -> Listing:
        """Sort out what is recent, and the suspects: what `suspect` picks, or else what is recent."""
        items = tuple(items)
        recent = [item for item in items if item.since(since)]
        flagged = recent if suspect is None else [item for item in items if suspect(item)]
        return cls(len(items), tuple(flagged), tuple(item.named for item in recent), complete, tuple(notes),
                   tuple(item.named for item in flagged), tuple(item.id for item in flagged),
                   tuple(item.id for item in recent), items)


class Collection(Record, frozen=True):
    """A recorded window: what was kept, byte for byte, and how far it reaches. Times are RFC 3339 in UTC, or ""."""

    name: str
    rows: int
    first: str                     # time of the earliest row
    last: str
    complete: bool                 # every page that the vendor has was read
    pages: int
    since: str                     # the window asked for
    until: str
    floor: str                     # before this the vendor keeps nothing
    notes: tuple[str, ...]
