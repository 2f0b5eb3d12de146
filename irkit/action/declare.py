"""An action as declared: the signature is its schema, the docstring its title and source, the decorator its effect."""

from __future__ import annotations

import enum
import functools
import inspect
import re
import typing
from collections.abc import Callable, Generator, Mapping
from typing import Any, NewType, TypeVar

from msgspec import Struct

from irkit.action.record import Artefact, Record
from irkit.action.request import Known, Request, Wait
from irkit.action.response import Response

T = TypeVar("T")

UserId = NewType("UserId", str)   # a person's id at the vendor; the engine compares it with its own identity
Email = NewType("Email", str)     # the same, by address

Steps = Generator[Request | Wait | Known, Response, T]


def setting(name: str) -> Steps[str]:
    """`flavour = yield from setting("flavour")`: the connection's setting, as it is written in irkit.toml."""
    answer = yield Known("setting", name)
    return str(answer.json)


def artefact(which: str) -> Steps[Artefact]:
    """`kept = yield from artefact(which)`: the artefact of that SHA-256 or name. Raises ActionError when there is none."""
    answer = yield Known("artefact", which)
    return Artefact(**answer.json)


class Occasion(Record, frozen=True):
    """What a request is made for: what names are made of that must be the same at every attempt, and stay apart."""

    incident: str                          # the incident's own id, unique wherever it was opened
    name: str                              # what people call it: "INC-2041"
    step: str
    item: int | None = None

    @property
    def id(self) -> str:
        """"INC-2041.tell_legal", with the item of a fan-out behind it."""
        return ".".join([self.name, self.step or "check", *([] if self.item is None else [str(self.item)])])


def occasion() -> Steps[Occasion]:
    """`now = yield from occasion()`: the incident, step and item that the action is performed for."""
    answer = yield Known("occasion", "")
    return Occasion(**answer.json)


class Effect(enum.Enum):
    READ = "read"
    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"


class Trace(Struct, frozen=True):
    """Evidence that an action destroys or preserves; `of` names the parameter it belongs to, or the whole tenant."""

    what: str
    of: str = ""


class Param(Struct, frozen=True):
    name: str
    type: Any
    required: bool
    default: Any = None


class Action(Struct, frozen=True, dict=True):
    """A generator function with its declared effect. Call it with its parameters to get the generator."""

    connector: str
    name: str                              # "suspend_user"
    function: Callable[..., Steps[Any]]
    effect: Effect
    undo: str = ""                         # the full name of the action that undoes it
    destroys: tuple[Trace, ...] = ()
    preserves: tuple[Trace, ...] = ()
    unverified: str = ""                   # what has not been seen on a live tenant; printed on the gate
    opaque: bool = False                   # irkit does not know what it does: lint warns, and the gate says so
    tells: bool = False                    # it speaks to people: what is said cannot be looked up before, nor taken back

    @property
    def full_name(self) -> str:
        return f"{self.connector}.{self.name}"

    @functools.cached_property
    def title(self) -> str:
        return (inspect.getdoc(self.function) or "").partition("\n")[0].rstrip(".")

    @functools.cached_property
    def source(self) -> str:
        found = re.search(r"Source: (.+?)(?:\n\n|\Z)", inspect.getdoc(self.function) or "", re.S)
        return " ".join(found[1].split()) if found else ""

    @functools.cached_property
    def params(self) -> Mapping[str, Param]:
        hints = typing.get_type_hints(self.function)
        return {p.name: Param(p.name, hints[p.name], p.default is p.empty, None if p.default is p.empty else p.default)
                for p in inspect.signature(self.function).parameters.values()}

    @functools.cached_property
    def returns(self) -> Any:
        """The type of the result: the last argument of `Steps[...]`."""
        return typing.get_args(typing.get_type_hints(self.function)["return"])[2]

    def __call__(self, **args: Any) -> Steps[Any]:
        return self.function(**args)
