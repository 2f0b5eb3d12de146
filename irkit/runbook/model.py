"""A runbook as frozen, typed values. The fields *are* the language: their names are its keys, their types how each is read.

`irkit.runbook.load` fills these records field by field and `irkit.runbook.schema` prints their JSON Schema, so a key exists
once. `node` is where a record stands in the file; it is no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from irkit.runbook.expression import Missing, Scope
from irkit.runbook.source import Node, Wrong
from irkit.runbook.template import Arg, Expr, Template

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$", description="snake_case, so that templates can name it")]
Text = Annotated[str, Meta(min_length=1)]
Phase = Literal["prepare", "preserve", "contain", "verify", "investigate", "notify", "eradicate", "recover", "review"]
Type = Literal["email", "timestamp", "text", "int", "duration", "choice"]
Fan = Annotated[Expr, Meta(description="exactly one {{ expression }} that is a list")]

NOWHERE = Node("mapping", 0, 0, 0, 0)


class Placed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that knows where it stands. NOT_KEYS are fields that a file does not hold."""

    NOT_KEYS: ClassVar[frozenset[str]] = frozenset({"node"})
    node: Node = NOWHERE


class Input(Placed, frozen=True, kw_only=True):
    """What the responder is asked before the first step."""

    type: Type
    ask: Text
    default: str | None = None
    choices: Mapping[str, str] = {}
    name: str = ""                              # the key it stands under

    NOT_KEYS: ClassVar[frozenset[str]] = frozenset({"node", "name"})


class Clock(Placed, frozen=True, kw_only=True):
    """A legal deadline: `within` after `start`, met by the step `stops`."""

    id: Name
    title: Text
    start: Template
    within: timedelta
    stops: Name

    def start_value(self, scope: Scope) -> Any:
        """RFC 3339 text. Raises Missing while what starts the clock has not happened."""
        return self.start.value(scope)


class After(Placed, frozen=True, kw_only=True):
    """Put the step off until `wait` after the end of another one."""

    step: Name
    wait: timedelta = timedelta()


class Approve(Placed, frozen=True, kw_only=True):
    """A second person of that role agrees, with their own key, before the step sends anything."""

    role: Text
    expires: timedelta = timedelta(minutes=30)
    evidence: Literal["none", "required"] = "none"      # required: something is attached before they can be asked


class Step(Placed, frozen=True, kw_only=True, rename={"with_": "with"}):
    """What one responder does next: exactly one of `action`, `do` and `ask`."""

    id: Name
    title: Text
    why: str = ""                               # an action has one; `do` and `ask` may say it in their text
    action: Annotated[str, Meta(pattern="^[a-z0-9_]+[.][a-z0-9_]+$", description="connector.action")] | None = None
    do: Template | None = None
    ask: Template | None = None
    phase: Phase | Literal[""] = ""
    owner: str = ""
    with_: Mapping[str, Arg] = {}
    when: Expr | None = None
    for_each: Fan | None = None
    after: After | None = None
    approve: Approve | None = None
    evidence: Literal["none", "required"] = "none"
    choices: Mapping[str, str] = {}
    target: timedelta | None = None
    unpreserved: str = ""
    refs: tuple[str, ...] = ()
    connection: str | None = None

    @property
    def kind(self) -> Literal["action", "do", "ask"]:
        return "do" if self.do else "ask" if self.ask else "action"

    @property
    def line(self) -> int:
        return self.node.line

    @property
    def on(self) -> str:
        """The connection an action is sent over: the one named, else the connector's own."""
        return self.connection or (self.action or "").partition(".")[0]

    def args(self, scope: Scope) -> dict[str, Any]:
        """The values of `with`. Raises Missing for what has no value yet, Wrong (a ValueError) for what has no meaning."""
        return {name: arg.value(scope) for name, arg in self.with_.items()}

    def when_value(self, scope: Scope) -> bool:
        """Whether the step is needed. Raises Missing when that cannot be told."""
        return bool(_or_missing(self.when, scope)) if self.when else True

    def items(self, scope: Scope) -> list[Any]:
        """The elements of `for_each`. Raises Missing when there is no list."""
        value = _or_missing(self.for_each, scope) if self.for_each else []
        if not isinstance(value, list | tuple):
            raise Missing(_first_path(self.for_each))
        return list(value)

    def text(self, scope: Scope, missing: Callable[[str], str]) -> str:
        """The text of `do` or `ask`; `missing("steps.agent.id")` stands for what is not known."""
        template = self.do or self.ask
        return template.text(scope, missing) if template else ""

    def exprs(self) -> Iterator[tuple[str, Expr]]:
        """Every expression of the step with the key it stands under; those of `with` under their parameter."""
        for key, template in (("do", self.do), ("ask", self.ask)):
            yield from ((key, expr) for expr in (template.exprs if template else ()))
        for key, bare in (("when", self.when), ("for_each", self.for_each)):
            if bare:
                yield key, bare
        for name, arg in self.with_.items():
            yield from ((f"with.{name}", expr) for expr in arg.exprs)

    def uses(self) -> set[str]:
        """Every dotted name the step refers to: "inputs.since", "steps.agent.id", "item.id"."""
        return {look.path for _, expr in self.exprs() for look in expr.looks}


def _or_missing(expr: Expr, scope: Scope) -> Any:
    try:
        return expr.value(scope)
    except Wrong:
        raise Missing(_first_path(expr)) from None


def _first_path(expr: Expr | None) -> str:
    return expr.looks[0].path if expr and expr.looks else expr.source if expr else ""


class Runbook(Placed, frozen=True, kw_only=True, rename={"name": "runbook"}):
    """One file, read."""

    schema: Literal["irkit/v1"]
    name: Name
    title: Text
    version: Annotated[int, Meta(ge=1)]
    owner: str = ""
    use_when: str = ""
    inputs: Mapping[str, Input] = {}
    roles: Mapping[str, str] = {}
    compromised: tuple[str, ...] = ()           # connections or connectors that the intruder may read and write in
    clocks: tuple[Clock, ...] = ()
    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]
    path: str = ""                              # as it was given
    raw: bytes = b""

    NOT_KEYS: ClassVar[frozenset[str]] = frozenset({"node", "path", "raw"})

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    def distrusts(self, connection: str, connector: str) -> bool:
        """Whether the intruder may be in that system."""
        return connection in self.compromised or connector in self.compromised

    @property
    def used(self) -> tuple[str, ...]:
        """The connections that its steps act on, in their order."""
        return tuple(dict.fromkeys(step.on for step in self.steps if step.action))

    @property
    def surely_used(self) -> frozenset[str]:
        """Those that a step without a `when` acts on: no decision leaves them out."""
        return frozenset(step.on for step in self.steps if step.action and step.when is None)

    def step(self, step_id: str) -> Step | None:
        """The step of that id."""
        return next((step for step in self.steps if step.id == step_id), None)
