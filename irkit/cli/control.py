"""`irkit drill control`: a drill steered from its facilitator's terminal, or with one command each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from irkit.cli.complete import completing
from irkit.cli.incident import complete_incident
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import NeedsTerminal, UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from irkit.cli.facilitating import Desk
    from irkit.ledger import Entry

TAGS = ("strength", "weakness", "observation")


class _Group(click.Group):
    """INCIDENT, then a verb or options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = not any(arg in self.commands for arg in args)
        return super().parse_args(ctx, args)


@click.group(cls=_Group, invoke_without_command=True, subcommand_metavar="[VERB ...]")
@click.argument("incident", shell_complete=complete_incident)
@as_json
@shared
@click.pass_context
def control(ctx: click.Context, incident: str, as_json: bool) -> None:
    """Steer a drill from a second terminal: its facilitator's.

    It shows what stands on the team's screen: the step, the question, the clocks, the latest entries; and the injects, with
    what a good answer holds. From it injects are held, released and added, requests made to fail, the drill's clock stopped,
    and observations taken. All of it is recorded in the drill's ledger, and the team's process follows within a second; when
    this terminal goes, the drill goes on. Each verb is a command of its own, too. --json prints the state.

    \b
    Examples:
      irkit drill control D-1
      irkit drill control D-1 --json
      irkit drill control D-1 hold press
      irkit drill control D-1 add "The chat is down." --ask "How do you talk now?"
      irkit drill control D-1 observe "Told legal at once" --tag strength --objective legal_told
    """
    from irkit.cli.facilitating import desk_of
    settings = ctx.ensure_object(Settings)
    if ctx.invoked_subcommand is not None:
        return
    if as_json:
        with desk_of(settings, incident, over=True, write=False) as desk:
            print_json(desk.json())
        return
    _facilitate(settings, incident)


@contextlib.contextmanager
def _steering(ctx: click.Context, *, over: bool = False) -> Iterator[Desk]:
    """The desk of the group's INCIDENT."""
    from irkit.cli.facilitating import desk_of
    incident = ctx.parent.params["incident"] if ctx.parent else ""
    with desk_of(ctx.ensure_object(Settings), incident, over=over) as desk:
        yield desk


def _tell(ctx: click.Context, desk: Desk, entry: Entry, what: str) -> None:
    from irkit.cli.acting import say
    say(ctx.ensure_object(Settings), f"{what}  entry {entry.seq} of {desk.name}")


def _waiting(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Injects of the group's INCIDENT that have not come, for completion."""
    def found(settings: Settings) -> list[str]:
        from irkit.cli.facilitating import desk_of
        with desk_of(settings, ctx.parent.params["incident"] if ctx.parent else "", write=False) as desk:
            return desk.waiting()
    return completing(found)(ctx, parameter, incomplete)


INJECT = click.argument("inject", shell_complete=_waiting)


@control.command()
@INJECT
@shared
@click.pass_context
def hold(ctx: click.Context, inject: str) -> None:
    """Keep an inject back until it is released, or until the last facilitator's terminal goes.

    \b
    Example:
      irkit drill control D-1 hold press
    """
    with _steering(ctx) as desk:
        _tell(ctx, desk, desk.hold(inject), f"Held {inject}.")


@control.command()
@INJECT
@shared
@click.pass_context
def release(ctx: click.Context, inject: str) -> None:
    """Let an inject come now, held or not, whatever its time.

    \b
    Example:
      irkit drill control D-1 release press
    """
    with _steering(ctx) as desk:
        _tell(ctx, desk, desk.release(inject), f"Released {inject}.")


@control.command()
@click.argument("text")
@click.option("--ask", default="", help="A question that the team answers.")
@click.option("--to", default="", help="Who gets it: a role, or in words.")
@click.option("--expect", default="", help="What a good answer holds; the team sees it after theirs.")
@click.option("--at", help="When, from the run's start: 25m. Without --at and --after it comes at once.")
@click.option("--after", help="After which step, however that ends.")
@shared
@click.pass_context
def add(ctx: click.Context, text: str, ask: str, to: str, expect: str, at: str | None, after: str | None) -> None:
    """Add an inject of your own.

    \b
    Example:
      irkit drill control D-1 add "A reporter rings." --ask "What do you say?" --to communications
    """
    if at and after:
        raise UsageError("an inject with both --at and --after", next="--at counts from the run's start; leave one of them out")
    if expect and not ask:
        raise UsageError("--expect without --ask: nobody is asked")
    if not text.strip():
        raise UsageError("an inject needs some text")
    with _steering(ctx) as desk:
        bound = {"at_seconds": int(_span(at).total_seconds()) if at else 0, "after": _step(desk, after) if after else ""}
        entry = desk.add(text.strip(), ask=ask, to=to, expect=expect, **bound)
        _tell(ctx, desk, entry, f"Added added_{entry.seq}.")


def _span(text: str) -> timedelta:
    from irkit.runbook import duration
    try:
        return duration(text)
    except ValueError as bad:
        raise UsageError(f"--at: {bad}") from None


def _step(desk: Desk, name: str) -> str:
    from irkit.runbook.source import did_you_mean
    steps = [step.id for step in desk.runbook.steps]
    if name not in steps:
        raise UsageError(f"there is no step {name!r}; " + did_you_mean(name, steps, f"irkit runbook show {desk.runbook.name}"))
    return name


@control.command()
@click.argument("connector")
@click.argument("request")
@click.option("--lost", type=click.Choice(["before", "after"]), help="Lose the request on its way, or its answer.")
@click.option("--status", type=click.IntRange(200, 599), help="Answer with this status in the system's place.")
@click.option("--retry-after", type=click.IntRange(0, 86_400), help="Seconds to wait, said with the status.")
@click.option("--times", type=click.IntRange(1, 1000), default=1, show_default=True, help="How often.")
@shared
@click.pass_context
def fault(ctx: click.Context, connector: str, request: str, lost: str | None, status: int | None, retry_after: int | None,
          times: int) -> None:
    """Let requests go wrong from now on. REQUEST is a method and a path, with * for anything.

    \b
    Examples:
      irkit drill control D-1 fault zendesk "DELETE /api/v2/users/*/sessions" --lost after
      irkit drill control D-1 fault zendesk "GET /*" --status 429 --retry-after 3 --times 2
    """
    if (lost is None) == (status is None):
        raise UsageError("a fault says one of --lost and --status", next="--lost after, or --status 503")
    with _steering(ctx) as desk:
        entry = desk.fault(connector, request, lost=lost or "", status=status, retry_after=retry_after, times=times)
        _tell(ctx, desk, entry, f"{connector} {request} goes wrong {times} times." if times > 1 else
              f"{connector} {request} goes wrong once.")


@control.command()
@shared
@click.pass_context
def pause(ctx: click.Context) -> None:
    """Stop the drill's clock. The team sees that it stands still.

    \b
    Example:
      irkit drill control D-1 pause
    """
    with _steering(ctx) as desk:
        _tell(ctx, desk, desk.say("pause"), "The drill's clock stops.")


@control.command("continue")
@shared
@click.pass_context
def continue_(ctx: click.Context) -> None:
    """Let the drill's clock run again.

    \b
    Example:
      irkit drill control D-1 continue
    """
    with _steering(ctx) as desk:
        _tell(ctx, desk, desk.say("continue"), "The drill's clock runs.")


@control.command()
@click.argument("text")
@click.option("--tag", type=click.Choice(TAGS), default="observation", show_default=True, help="What it is.")
@click.option("--objective", default="", help="The line of the score that it belongs to.")
@shared
@click.pass_context
def observe(ctx: click.Context, text: str, tag: str, objective: str) -> None:
    """Take an observation down, for the report; after the drill, too.

    No screen of the team's shows it. It stands in the drill's ledger, as all that a facilitator does: irkit ledger show prints
    it once the drill is over, and with --facilitator before.

    \b
    Example:
      irkit drill control D-1 observe "Nobody read the sessions before ending them" --tag weakness
    """
    if not text.strip():
        raise UsageError("an observation needs some text")
    with _steering(ctx, over=True) as desk:
        _tell(ctx, desk, desk.observe(text.strip(), tag, desk.objective(objective)), "Noted.")


# -- the terminal ------------------------------------------------------------------------------------------------

def _facilitate(settings: Settings, incident: str) -> None:
    """Show and ask until the facilitator leaves or the drill is over. Raises NeedsTerminal where there is nobody."""
    from irkit.cli.acting import terminal
    from irkit.cli.chair import Chair
    from irkit.cli.facilitating import desk_of
    from irkit.drill.control import FACILITATES
    with desk_of(settings, incident) as desk:
        asks = terminal(settings)
        if asks is None:
            raise NeedsTerminal("steering a drill needs a terminal, and there is none; each verb is a command, too",
                                next=f"irkit drill control {incident} --json, or: irkit drill control {incident} "
                                     "hold|release|add|fault|pause|continue|observe")
        desk.begin(**{FACILITATES: desk.run.id, "pid": os.getpid()})
        Chair(desk, asks).sit()
