"""`irkit action`: what the connectors can do, and exactly which requests each action makes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct
from msgspec.structs import asdict

from irkit.cli.complete import action_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, width

if TYPE_CHECKING:
    from irkit.action import Action, Driven, Param, Request, Trace

SAMPLE_TIME = datetime(2026, 3, 7, 23, 40, tzinfo=UTC)      # the sample world's now, so that a page reads the same each time


@click.group()
@shared
def action() -> None:
    """List the actions of all connectors, or show one."""


@action.command("list")
@as_json
@shared
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List every action: name, effect, title.

    One action a line, its name first: what a step's `action:` says. The effect is read, reversible or irreversible.

    \b
    Examples:
      irkit action list
      irkit action list | grep irreversible
      irkit action list --json
    """
    from irkit.ui.text import safe
    found = list(_all(settings))
    if as_json:
        print_json([{"action": a.full_name, "effect": a.effect.value, "title": a.title} for a in found])
        return
    names = max((len(a.full_name) for a in found), default=0)
    effects = max((len(a.effect.value) for a in found), default=0)
    put(settings, [safe(f"{a.full_name:<{names}}  {a.effect.value:<{effects}}  {a.title}") for a in found])


def _all(settings: Settings) -> Iterator[Action]:
    from irkit import connectors
    for name in connectors.names(settings.config.connectors):
        yield from connectors.find(name, settings.config.connectors).actions.values()


@action.command()
@click.argument("name", metavar="CONNECTOR.ACTION", shell_complete=action_name)
@as_json
@shared
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show one action: parameters, effect, undo, source, and its requests.

    The requests are those it makes in a simulated tenant of its connector, with sample values; nothing is sent anywhere.

    \b
    Examples:
      irkit action show zendesk.end_sessions
      irkit action show zendesk.collect_access_log --json
    """
    from irkit import connectors
    found = connectors.find_action(name, settings.config.connectors)
    driven = sample(found)
    if as_json:
        print_json(_as_data(found, driven))
    else:
        put(settings, _lines(found, driven))


# -- driving it --------------------------------------------------------------------------------------------------

def sample(action: Action) -> Driven | None:
    """What the action does in a fresh world of its connector; None when that has no world, or no samples for it."""
    from irkit import connectors, worlds
    from irkit.action import drive
    from irkit.drill.addresses import addresses_of, answer, defaults_of
    from irkit.runbook import convert_args
    if action.connector not in worlds.names():
        return None
    now = [SAMPLE_TIME]
    world = worlds.find(action.connector)({}, people=(), now=lambda: now[0])
    given = world.samples()
    args = {name: given.get(f"{action.name}.{name}", given.get(name)) for name, param in action.params.items()
            if param.required or f"{action.name}.{name}" in given}
    connector, addresses = connectors.find(action.connector), addresses_of(world)
    known: dict[tuple[str, str], object] = {
        ("setting", name): value for name, value in {**defaults_of(connector), **world.settings}.items()}
    known["artefact", "evidence.txt"] = {"sha256": "0" * 64, "size": 43, "name": "evidence.txt"}

    def let_pass(seconds: float) -> None:
        now[0] += timedelta(seconds=seconds)
    steps = action(**convert_args(action, args))
    return drive(steps, lambda request: answer(world, addresses, request), connector, known, let_pass)


# -- showing it --------------------------------------------------------------------------------------------------

def _type(kind: Any) -> str:
    """A type by its bare name: `UserId`, `list[str]`, `datetime | None`."""
    bare = re.sub(r"[\w.]+\.", "", inspect.formatannotation(kind))
    return re.sub(r"Optional\[(.+)\]$", r"\1 | None", bare)


def _param(param: Param) -> str:
    return f"{param.name}: {_type(param.type)}" + ("" if param.required else f" = {param.default!r}")


def _trace(trace: Trace) -> str:
    return f"{trace.what} of {trace.of}" if trace.of else f"{trace.what} of the whole tenant"


def _fields(action: Action) -> dict[str, str]:
    """The fields of the result that templates can name, with their types."""
    if not issubclass(action.returns, Struct):
        return {}
    written = {name: kind for of in reversed(action.returns.__mro__) for name, kind in inspect.get_annotations(of).items()}
    return {name: kind if isinstance(kind := written[name], str) else _type(kind) for name in action.returns.__struct_fields__}


def _text(action: Action) -> str:
    """The docstring between its title and its source."""
    body = (inspect.getdoc(action.function) or "").partition("\n")[2]
    return re.sub(r"Source: .+?(?=\n\n|\Z)", "", body, flags=re.S).strip()


def _sent(request: Request) -> str:
    import json
    if request.mail is not None:
        return f"{request.method} {request.target} {request.mail.subject}"
    body = "" if request.json is None else " " + json.dumps(request.json, ensure_ascii=False)
    return f"{request.method} {request.target or f'the address of {request.host}'}{body}"


def _lines(action: Action, driven: Driven | None) -> list[str]:
    from irkit.action import Effect
    from irkit.ui.layout import Page
    page = Page.of(width())
    badge = "[CANNOT BE UNDONE]" if action.effect is Effect.IRREVERSIBLE else f"[{action.effect.name}]"
    fields = _fields(action)
    facts = [
        ("Takes", [_param(param) for param in action.params.values()] or ["nothing"]),
        ("Returns", [_type(action.returns) + (": " if fields else "") + ", ".join(fields)]),
        ("Undo", [action.undo or ("none" if action.effect is Effect.IRREVERSIBLE else "")]),
        ("Destroys", [_trace(trace) for trace in action.destroys]),
        ("Keeps", [_trace(trace) for trace in action.preserves]),
        ("Caution", [f"not seen on a live tenant: {action.unverified}" if action.unverified else ""]),
        ("Source", [action.source]),
    ]
    text = [line for paragraph in _text(action).split("\n\n") if paragraph
            for line in ("", *page.wrapped(" ".join(paragraph.split())))]
    return [*page.aside(page.wrapped(action.full_name), badge), *page.wrapped(action.title), *text, "",
            *(line for label, texts in facts if any(texts) for line in page.labelled(label, texts)), *_requests(driven)]


def _requests(driven: Driven | None) -> list[str]:
    """What it sent in the simulated tenant, unwrapped, so that an address can be copied."""
    from irkit.ui.text import safe
    if driven is None:
        return ["", "No requests to show: this connector has no simulated tenant."]
    waits = [f"waits {wait.seconds:g} s: {wait.why}" for wait in driven.waits]
    ended = [f"ended with: {driven.error}"] if driven.error else []
    lines = [*map(_sent, driven.requests), *waits, *ended]
    return ["", "In a simulated tenant it sends:", *(f"  {safe(line)}" for line in lines)]


def _as_data(action: Action, driven: Driven | None) -> dict[str, Any]:
    requests = [{"method": r.method, "target": r.target, "json": r.json, "write": r.is_write and not r.cleanup,
                 **({"cleanup": True} if r.cleanup else {})}
                for r in (driven.requests if driven else ())]
    return {
        "action": action.full_name, "title": action.title, "effect": action.effect.value, "undo": action.undo or None,
        "params": [{"name": p.name, "type": _type(p.type), "required": p.required, "default": p.default}
                   for p in action.params.values()],
        "returns": {"type": _type(action.returns), "fields": _fields(action)},
        "destroys": [asdict(trace) for trace in action.destroys],
        "preserves": [asdict(trace) for trace in action.preserves],
        "unverified": action.unverified or None, "source": action.source, "text": _text(action), "requests": requests,
    }
