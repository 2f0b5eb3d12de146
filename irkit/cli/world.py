"""`irkit world`: a simulated tenant behind real HTTP on this machine, to try irkit's live path without a vendor."""

from __future__ import annotations

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from irkit.cli.complete import scenario_name, world_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import assignments, tell
from irkit.errors import IrkitError

if TYPE_CHECKING:
    from irkit.drill.scenario import Scenario
    from irkit.worlds import World


@click.group()
@shared
def world() -> None:
    """Serve a simulated tenant over HTTP on this machine."""


@world.command("list")
@as_json
@shared
def list_(as_json: bool) -> None:
    """List the connectors that have a simulated tenant.

    \b
    Example:
      irkit world list
    """
    from irkit import connectors, worlds
    found = {name: connectors.find(name).title for name in worlds.names()}
    if as_json:
        print_json([{"world": name, "title": title} for name, title in found.items()])
        return
    for name, title in found.items():
        click.echo(f"{name:<12} {title}")


@world.command()
@click.argument("name", metavar="CONNECTOR", shell_complete=world_name)
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="Port on 127.0.0.1; 0 picks a free one.")
@click.option("--seed", type=int, help="Same seed, same tenant.")
@click.option("--plan", help="The tenant's plan, such as team, professional or enterprise.")
@click.option("--adpp/--no-adpp", default=None, help="With or without Zendesk's add-on that brings the access log.")
@click.option("--attack", help="The attack that has just happened there, such as bulk_export.")
@click.option("--agents", type=int, help="How many agents there are.")
@click.option("--tickets", type=int, help="How many tickets there are.")
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="Any other option of the world. May be repeated.")
@click.option("--latency", type=click.FloatRange(0), default=0.0, metavar="MS", help="Milliseconds before each answer.")
@click.option("--scenario", metavar="NAME|FILE", shell_complete=scenario_name,
              help="Take world options, people and faults from a scenario; options given here win.")
@shared
@click.pass_obj
def serve(settings: Settings, /, name: str, port: int, more: tuple[str, ...], latency: float, scenario: str | None,
          **options: Any) -> None:
    """Serve a simulated tenant until Ctrl-C.

    The first line on stdout is its address. Then come a token and what to put into irkit.toml. A run over a connection to
    this machine is recorded as a test, never as live.

    \b
    Examples:
      irkit world serve zendesk --port 8123 --attack bulk_export
      irkit world serve zendesk --port 0 --no-adpp --latency 50
      irkit world serve zendesk --port 8123 --scenario weekend_export
    """
    from irkit import worlds
    from irkit.worlds.serve import serve as over_http
    played = _scenario(scenario) if scenario else None
    given = {key: value for key, value in options.items() if value is not None} | assignments("--set", more)
    taken = {**(played.worlds.get(name, {}) if played else {}), **given}
    made = worlds.find(name)(taken, people=played.people if played else (), now=lambda: datetime.now(UTC))
    faults = [fault for fault in played.faults if fault.connector == name] if played else []
    try:
        server = over_http(made, port, faults=faults, latency=latency / 1000)
    except OSError as error:
        raise IrkitError(f"port {port} of 127.0.0.1 cannot be used: {error.strerror}",
                         next=f"irkit world serve {name} --port 0") from None
    with server:
        for line in _how_to_connect(name, server.url, made):
            click.echo(line)
        sys.stdout.flush()
        tell(settings, f"Serving {name} on {server.url}. Ctrl-C stops it.")
        try:
            server.stopping.wait()
        except KeyboardInterrupt:
            tell(settings, "Stopped.")


def _scenario(given: str) -> Scenario:
    from irkit.drill import scenario
    from irkit.runbook import search_path
    path = Path(given)
    return scenario.load(path if path.is_file() else scenario.find(given, search_path(os.environ)))


def _how_to_connect(name: str, url: str, world: World) -> list[str]:
    """The address, then a shell line and a table for irkit.toml that lead to this world."""
    from irkit import connectors
    way, credential = world.signs_in()
    variable = f"{name.upper()}_WORLD_TOKEN"
    more = {host: (f"{name.upper()}_WORLD_{host.upper()}", value) for host, value in world.more_credentials().items()}
    signing = next(one for one in connectors.find(name).sign_in if one.name == way)
    known = {one.name for one in (*connectors.find(name).settings, *signing.settings)}
    settings = ", ".join(f'{key} = "{value}"' for key, value in world.settings.items() if key in known)
    return [
        url,
        "",
        "# in the shell that runs irkit:",
        f"export {variable}={shlex.quote(credential)}",
        *(f"export {one}={shlex.quote(value)}" for one, value in more.values()),
        "",
        "# in irkit.toml:",
        f"[connections.{name}]",
        f'connector = "{name}"',
        f'sign_in = "{way}"',
        *([f"settings = {{ {settings} }}"] if settings else []),
        f'credential = "env:{variable}"',
        *(["credentials = { " + ", ".join(f'{host} = "env:{one}"' for host, (one, _) in more.items()) + " }"] if more else []),
        f'base_url = "{url}"',
        "",
        "# all its credentials, none of them real:",
        *(f"#   {key:<14} {value}" for key, value in world.credentials().items()),
    ]
