"""The command line: parse, call, print. One file per noun; nothing is imported before its command runs.

`main` catches what commands raise and turns it into plain lines on stderr and the exit codes of `irkit.errors`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from typing import TYPE_CHECKING

import click

from irkit import __version__
from irkit.cli.options import Settings, shared
from irkit.cli.streams import hold_open, let_go

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_GARBAGE = 50_000                  # objects made before the collector looks: loading modules makes many, and no garbage

# name -> (module, short help). The help stands here so that `irkit --help` loads click alone; a test compares the two.
COMMANDS = {
    "drill": ("drill", "Play a drill against simulated tenants; nothing leaves this machine."),
    "run": ("run", "Walk a runbook in an incident: look, ask, send, check, record."),
    "resume": ("resume", "Go on with an open run from what its ledger says."),
    "handover": ("handover", "Hand an open run over to somebody, signed by you; it moves once they accept it."),
    "undo": ("undo", "List what of a run can still be undone, or undo one step through its gate."),
    "curl": ("curl", "Print a step's requests as curl commands, without the credential."),
    "status": ("status", "Show where an incident stands: steps, clocks, what is unknown."),
    "clock": ("clocks", "Say that a legal clock is met, signed by you; or that it is not, after all."),
    "watch": ("watch", "Follow an incident live, read-only: steps, clocks, the latest entries."),
    "note": ("incident", "Add a note to an incident, also while a run is open."),
    "attach": ("incident", "Attach a file as evidence, also while a run is open."),
    "approve": ("approve", "Agree to what a step will send, as a second person, or refuse."),
    "correct": ("incident", "Correct a mistyped input and list the steps that used it."),
    "doctor": ("doctor", "Check connections, credentials, clock, evidence folder and key before they are needed."),
    "connect": ("doctor", "Describe a connection in irkit.toml, without its secret."),
    "key": ("key", "Show, choose or make the SSH key that you sign with."),
    "runbook": ("runbook", "List, show, check and start runbooks."),
    "action": ("action", "List the actions of all connectors, or show one."),
    "ledger": ("ledger", "Show, verify, export, forward, label and stamp an incident's ledger."),
    "people": ("people", "Show who may act as what in an incident, and assign roles."),
    "custody": ("custody", "Hand evidence to another person, both of you signing."),
    "hold": ("hold", "Place a legal hold, so that nothing is erased; or release one."),
    "close": ("close", "Seal an incident: a signed last word on it; no further work is added."),
    "incident": ("incident", "List incidents, move one between machines, and show what a probe found."),
    "world": ("world", "Serve a simulated tenant over HTTP on this machine."),
    "completion": ("completion", "Print a shell's completion script: commands, runbooks, incidents, steps, people."),
}


class Commands(click.Group):
    """Loads a command's module when the command is used, and not for the list of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"irkit.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names from the table: no command's module is loaded for the list of them."""
        from click.shell_completion import CompletionItem
        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib
            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            raise click.UsageError(error.message + (f" Did you mean {near[0]!r}?" if near else ""), ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
             epilog="Begin with: irkit drill")
@click.version_option(__version__, prog_name="irkit")
@shared
def cli(**_: object) -> None:
    """Walk a runbook for a helpdesk compromise: live, as a drill, always with a ledger.

    \b
    irkit drill                               play the first drill, on this machine alone
    irkit runbook list                        what there is
    irkit connect zendesk                     describe your tenant
    irkit doctor --for zendesk_agent_compromise
    irkit run zendesk_agent_compromise        walk it live
    """


def main(args: list[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    from irkit.errors import Interrupted, IrkitError, Paused
    settings = Settings()
    try:
        result = cli.main(args, prog_name="irkit", standalone_mode=False, obj=settings)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except IrkitError as error:
        from irkit.ui.reading import error_lines
        return _report(error, error.exit_code, error_lines(error), settings)
    except Paused as pause:
        following = [f"  next  {pause.next}"] if pause.next else []
        return _report(pause, pause.exit_code, [f"Paused: {pause.why}.", *following], settings)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return Interrupted.exit_code
    except BrokenPipeError:
        let_go()                                           # the reader is gone; nothing is left to say to it
        return 1
    except OSError as error:
        if error.filename is not None:                     # a file that nobody expected to fail: not the output
            raise
        let_go()
        with contextlib.suppress(OSError):
            click.echo(f"{settings.prefix}the output cannot be written: {error.strerror}", err=True)
        return IrkitError.exit_code


def _report(error: BaseException, code: int, lines: list[str], settings: Settings) -> int:
    for line in lines:
        click.echo(settings.prefix + line, err=True)
    if settings.debug:
        import traceback
        click.echo("".join(traceback.format_exception(error)), err=True)
    return code


def entry_point() -> None:
    gc.set_threshold(_GARBAGE)
    hold_open()
    sys.exit(main())
