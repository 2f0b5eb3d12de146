"""Chain of custody: what a transfer of evidence names, and what became of each.

Fields of NIST SP 800-61r2 3.3.2: identifying information of each item (name, SHA-256, size, description); name, title and phone
of whoever hands it over and of whoever takes it; when, with the zone; where it is stored; why. All of them are values that
can be withheld. A transfer is two entries, each signed by its person; with the first alone it is offered, not accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from irkit.errors import UsageError
from irkit.ledger.artefacts import Artefacts, hash_file
from irkit.ledger.entry import Entry
from irkit.ledger.store import Ledger


class Party(Struct, frozen=True):
    """A person in a transfer."""

    name: str
    title: str = ""
    phone: str = ""


class Item(Struct, frozen=True):
    """An artefact in a transfer. `recomputed` is the SHA-256 that the receiver's process found, once it has looked."""

    name: str
    sha256: str
    size: int
    description: str
    recomputed: str = ""

    @property
    def same(self) -> bool:
        return self.recomputed == self.sha256


class Handling(Struct, frozen=True):
    """One side of a transfer: what its person states and signs. `at` is RFC 3339 in the local zone, `stored` a place."""

    giver: Party
    receiver: Party
    items: tuple[Item, ...]
    stored: str
    reason: str
    at: str = ""
    zone: str = ""

    def values(self) -> dict[str, Any]:
        """As disclosures."""
        return {"custody.from": self.giver.name, "custody.from_title": self.giver.title, "custody.from_phone": self.giver.phone,
                "custody.to": self.receiver.name, "custody.to_title": self.receiver.title,
                "custody.to_phone": self.receiver.phone, "custody.location": self.stored, "custody.reason": self.reason,
                "custody.at": self.at, "custody.zone": self.zone,
                "custody.artefacts": [{key: value for key, value in asdict(one).items() if value != ""} for one in self.items]}

    def dated(self, now: datetime, zone: tzinfo | None) -> Handling:
        """With the moment, as it is written where the person is."""
        local = now.astimezone(zone) if zone else now
        return replace(self, at=local.isoformat(timespec="seconds"), zone=getattr(zone, "key", "") or local.tzname() or "UTC")


class Transfer(Struct, frozen=True):
    """An offer and, once there is one, what accepted it. `key` and `accepted_key` are the fingerprints that signed."""

    entry: int
    offered: Handling
    key: str
    accepted_entry: int | None = None
    accepted: Handling | None = None
    accepted_key: str = ""

    @property
    def state(self) -> str:
        return "offered, not accepted" if self.accepted is None else f"accepted, entry {self.accepted_entry}"


def transfers(ledger: Ledger) -> dict[int, Transfer]:
    """Every transfer of a ledger, by the entry that offered it."""
    found: dict[int, Transfer] = {}
    for entry in ledger.entries():
        key = str(entry.data.get("key", ""))
        if entry.kind == "custody.offered":
            found[entry.seq] = Transfer(entry.seq, _handling(ledger, entry), key)
        elif entry.kind == "custody.accepted" and (offer := found.get(-1 if entry.ref is None else entry.ref)):
            found[offer.entry] = replace(offer, accepted_entry=entry.seq, accepted=_handling(ledger, entry), accepted_key=key)
    return found


def _handling(ledger: Ledger, entry: Entry) -> Handling:
    shown = entry.disclosed
    items = tuple(_items(ledger, shown.get("custody.artefacts")))
    return Handling(_party(shown, "from"), _party(shown, "to"), items, _text(shown, "custody.location"),
                    _text(shown, "custody.reason"), _text(shown, "custody.at"), _text(shown, "custody.zone"))


def _party(shown: Mapping[str, Any], which: str) -> Party:
    return Party(*(_text(shown, f"custody.{which}{more}") for more in ("", "_title", "_phone")))


def _text(shown: Mapping[str, Any], name: str) -> str:
    return str(shown.get(name, ""))


def _items(ledger: Ledger, value: object) -> Iterator[Item]:
    """From the line's disclosure, or from the artefact that holds a list too long for one."""
    if isinstance(value, dict) and value.keys() == {"artefact", "bytes"}:
        with ledger.open_artefact(value["artefact"]) as file:
            value = json.load(file)
    for one in value if isinstance(value, list) else ():
        yield Item(str(one.get("name", "")), str(one.get("sha256", "")), int(one.get("size", 0)),
                   str(one.get("description", "")), str(one.get("recomputed", "")))


def kept(ledger: Ledger, description: str = "") -> dict[str, Item]:
    """The artefacts that the ledger lists, by SHA-256, described by where they come from and by what a person adds."""
    found: dict[str, Item] = {}
    for entry in ledger.entries():
        shown = entry.disclosed
        if entry.kind == "artefact.added" and {"artefact.sha256", "artefact.size"} <= shown.keys():
            step = f", step {entry.step}" if entry.step else ""
            words = f"kept {entry.at[:19]}Z as entry {entry.seq}{step}" + (f"; {description}" if description else "")
            item = Item(str(shown.get("artefact.name", "")), shown["artefact.sha256"], shown["artefact.size"], words)
            found.setdefault(item.sha256, item)
    return found


def chosen(items: Mapping[str, Item], wanted: str, incident: str) -> Item:
    """The artefact of that name, SHA-256, or at least 8 digits of one. Raises UsageError for none, and for several."""
    digits = wanted.lower() if len(wanted) >= 8 else "not given"
    found = [one for one in items.values() if one.name == wanted or one.sha256.startswith(digits)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(f"{one.sha256[:16]} ({one.name})" for one in found)
        raise UsageError(f"{len(found)} artefacts are called {wanted!r}: {several}", next="--artefact with a SHA-256")
    raise UsageError(f"{incident} keeps no artefact {wanted!r}", next=f"irkit ledger show {incident} --kind artefact.added")


def recomputed(ledger: Ledger, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items with the SHA-256 of the bytes that are there now; of one that cannot be read, what is wrong."""
    return tuple(replace(item, recomputed=_recomputed(Artefacts(ledger.folder), item)) for item in items)


def _recomputed(files: Artefacts, item: Item) -> str:
    try:
        return hash_file(files.path(item.sha256))
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"not readable: {error.strerror}"
