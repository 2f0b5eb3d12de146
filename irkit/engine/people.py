"""Who may act as what in an incident: the people copied into genesis, and what `role.assigned` entries changed since.

A person is known by name or by the handle under [people] in irkit.toml; both are compared without regard to case, blanks and
Unicode form. An assignment changes what it names of a person and keeps the rest.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from irkit.engine.state import State
    from irkit.ledger import Entry
    from irkit.runbook import Step

FIELDS = ("name", "handle", "title", "phone", "email", "key")


class Person(Struct, frozen=True):
    """Somebody of the incident. `key` is the fingerprint or public key that signs for them, empty where none is on record."""

    name: str
    handle: str = ""
    title: str = ""
    phone: str = ""
    email: str = ""
    key: str = ""
    roles: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The key as "SHA256:…"; empty where none is on record, or what is there is no key."""
        if self.key.startswith("SHA256:") or not self.key:
            return self.key
        from irkit.ledger.sshsig import fingerprint, read_public
        try:
            return fingerprint(read_public(self.key)[0])
        except ValueError:
            return ""


def holders(state: State, role: str) -> list[Person]:
    """The people who hold the role now, in the order in which they joined."""
    return [person for person in state.team.values() if role in person.roles]


def holder_of(state: State, key: str) -> Person | None:
    """The person whom the key of that fingerprint signs for."""
    return next((person for person in state.team.values() if key and person.fingerprint == key), None)


def find(state: State, name: str) -> Person | None:
    """The person of that name or handle."""
    return next((one for one in state.team.values() if same_name(one.name, name)), None) or next(
        (one for one in state.team.values() if one.handle and same_name(one.handle, name)), None)


def needs(step: Step) -> tuple[str, ...]:
    """The roles without which a step cannot be taken: who does it, and who has to agree."""
    return tuple(dict.fromkeys(role for role in (step.owner, step.approve.role if step.approve else "") if role))


def folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def same_name(one: str, other: str) -> bool:
    return folded(one) == folded(other)


def values(person: Person) -> dict[str, str]:
    """What an assignment discloses of a person: the fields that are known."""
    return {f"person.{name}": text for name in FIELDS if (text := getattr(person, name))}


# -- folding -----------------------------------------------------------------------------------------------------

def join(state: State, entry: Entry) -> None:
    """Take the people that genesis names."""
    for name, found in entry.disclosed.items():
        if name.startswith("people.") and isinstance(found, dict) and isinstance(found.get("name"), str):
            person = Person(**_texts(found), roles=tuple(str(role) for role in found.get("roles") or ()))
            place = folded(person.name)
            while place in state.team:             # listed twice: with a second key, or another of that name
                place += "'"
            state.team[place] = person


def assign(state: State, entry: Entry) -> None:
    """Take what a `role.assigned` entry says: who it names holds the role from now on, or no longer does."""
    said = _texts({name.removeprefix("person."): value for name, value in entry.disclosed.items()})
    role = str(entry.data.get("role", ""))
    if not said.get("name") or not role:
        return                                 # erased or withheld: nobody can be told by it
    place, before = next(((at, one) for at, one in state.team.items() if one == find(state, said["name"])),
                         (folded(said["name"]), Person(said["name"])))
    roles = tuple(one for one in before.roles if one != role) + ((role,) if entry.data.get("held", True) else ())
    state.team[place] = replace(before, **{**said, "name": before.name}, roles=roles)


def _texts(found: Mapping[str, Any], fields: Collection[str] = FIELDS) -> dict[str, str]:
    return {name: found[name] for name in fields if isinstance(found.get(name), str) and found[name]}
