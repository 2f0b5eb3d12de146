"""`irkit doctor` and `irkit connect`: what a live run needs, checked and described before it is needed."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli.complete import connection_name, connector_name, runbook_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import assignments, put, tell, width
from irkit.errors import CredentialError, NeedsTerminal, Paused, UsageError

if TYPE_CHECKING:
    from irkit.action import Connector, Setting, SignIn
    from irkit.cli.checks import Clock
    from irkit.config import Config, Connection
    from irkit.runbook import Runbook
    from irkit.ui.prompt import Terminal
    from irkit.ui.reading import Check


# -- doctor ------------------------------------------------------------------------------------------------------

@click.command()
@click.argument("connections", nargs=-1, metavar="[CONNECTION]...", shell_complete=connection_name)
@click.option("--for", "runbook", metavar="RUNBOOK", shell_complete=runbook_name,
              help="Check what this runbook needs, and which of its steps could not run.")
@as_json
@shared
@click.pass_obj
def doctor(settings: Settings, connections: tuple[str, ...], runbook: str | None, as_json: bool) -> int:
    """Check connections, credentials, clock, evidence folder and key before they are needed.

    Signs in to each connection and asks whom it acts as; nothing is changed anywhere. Exit code 0 when ready, 4 when not.

    \b
    Examples:
      irkit doctor
      irkit doctor zendesk
      irkit doctor --for zendesk_agent_compromise
    """
    from irkit.cli import checks
    from irkit.ui.reading import doctor_lines
    plan = _runbook(runbook) if runbook else None
    config = settings.config
    names = _wanted(config, connections, plan)
    found, clocks = _connections(settings, names, plan)
    failed = {name for name in names if next((c.state for c in found if c.name == name), "ok") == "FAIL"}      # not for a scope
    found += [checks.clock(seen) for seen in clocks]
    found += [checks.evidence(settings.root), checks.key(config.key, live=_live(config, names, plan)),
              checks.timestamps(config.authorities, config.authorities_ca)]
    blocked = _blocked(plan, failed) if plan else []
    ready = not any(check.state == "FAIL" for check in found)
    if as_json:
        print_json({"ready": ready, "blocked": blocked,
                    "checks": [{"name": c.name, "state": c.state, "text": c.text, "next": c.command} for c in found]})
    else:
        put(settings, doctor_lines(found, blocked, width=width()), page=False)
    return 0 if ready else CredentialError.exit_code


def _runbook(name: str) -> Runbook:
    from irkit.runbook import find, load, search_path
    return load(find(name, search_path(os.environ)))


def _wanted(config: Config, named: Sequence[str], plan: Runbook | None) -> list[str]:
    """The connections to check: those named and those the runbook's steps use, else all there are."""
    used = list(plan.used) if plan else []
    return list(dict.fromkeys([*named, *used])) or list(config.connections)


def _live(config: Config, names: Sequence[str], plan: Runbook | None) -> bool:
    """Whether a run could be live. Over connections to this machine itself alone it is a test."""
    loopback = {name for name, one in config.connections.items() if one.loopback}
    spare = {name for name in names if plan and name not in plan.surely_used and name not in config.connections}
    return not names or not loopback.issuperset(set(names) - spare)


def _connections(settings: Settings, names: Sequence[str], plan: Runbook | None) -> tuple[list[Check], list[Clock]]:
    """A check for each connection, and what their answers said of the clock."""
    from irkit.cli import checks
    from irkit.ui.reading import Check
    from irkit.wire.http import Wire
    config = settings.config
    clocks: list[Clock] = []
    found: list[Check] = []
    if not names:
        found.append(Check("connections", "FAIL", "none is described in irkit.toml; drills need none", "irkit connect zendesk"))
        return found, clocks
    wire = Wire(config.connections, config.connector, _hidden(settings), reads_only=True, loopback=True)
    try:
        for name in names:
            try:
                connection = config.connection(name)
            except CredentialError as error:
                spare = _numbers(plan, {name}) if plan and name not in plan.surely_used else ""
                found.append(Check(name, "ok", f"{error.what}: {spare.lower()} would be done by hand", error.next) if spare
                             else Check(name, "FAIL", error.what, error.next))
                continue
            tell(settings, f"asking {wire.connector(name).title}…")
            found += checks.connection(wire, connection, clocks)
    finally:
        wire.close()
    return found, clocks


def _blocked(plan: Runbook, failed: set[str]) -> list[str]:
    """"Steps 7-9, 12 cannot run."."""
    numbers = _numbers(plan, failed)
    return [f"{numbers} cannot run."] if numbers else []


def _numbers(plan: Runbook, connections: set[str]) -> str:
    """"Steps 7-9, 12": those that act on these connections."""
    from irkit.engine.view import spans
    numbers = [number for number, step in enumerate(plan.steps, 1) if step.action and step.on in connections]
    return f"Step{'s' if len(numbers) > 1 else ''} {', '.join(spans(numbers))}" if numbers else ""


def terminal_of(settings: Settings) -> Terminal | None:
    """The person at this terminal; None when there is nobody to ask."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from irkit.ui.prompt import Terminal
    return Terminal(plain=settings.plain)


def _hidden(settings: Settings) -> Callable[[str], str] | None:
    """A hidden prompt for credentials that are typed; None without a terminal, which the check then says."""
    terminal = terminal_of(settings)
    return terminal.hidden if terminal else None


# -- connect -----------------------------------------------------------------------------------------------------

@click.command()
@click.argument("connector", required=False, shell_complete=connector_name)
@click.option("--name", help="Name of the connection, where a connector has several (default: the connector's).")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting, such as subdomain=acme. May be repeated.")
@click.option("--sign-in", metavar="WAY", help="How to sign in, such as token, client_credentials or api_token.")
@click.option("--credential", metavar="REFERENCE",
              help="Where the credential is kept, never the credential: env:NAME, command:…, keyring:service/user, file:/PATH "
                   "or prompt.")
@click.option("--also", multiple=True, metavar="HOST=REFERENCE",
              help="Where the credential of a host of its own is kept, such as events=env:ROUTING_KEY. May be repeated.")
@click.option("--base-url", metavar="URL", help="Another address than the connector's own, such as that of irkit world serve.")
@shared
@click.pass_obj
def connect(settings: Settings, connector: str | None, name: str | None, given: tuple[str, ...], sign_in: str | None,
            credential: str | None, also: tuple[str, ...], base_url: str | None) -> None:
    """Describe a connection in irkit.toml, without its secret.

    Asks for what is not given. A connection of the same name is replaced; every other line of the file stays as it is.
    Without CONNECTOR, lists what there is and what is connected.

    \b
    Examples:
      irkit connect
      irkit connect zendesk
      irkit connect zendesk --set subdomain=acme --sign-in token --credential env:ZENDESK_TOKEN
      irkit connect zendesk --name sandbox --credential "command:op read op://IR/sandbox/token"
    """
    from irkit.config import Connection, write_connection
    from irkit.config.model import address_problem
    if connector is None:
        if name or given or sign_in or credential or also or base_url:
            raise UsageError("say what to connect to, as the first word", next="irkit connect CONNECTOR …")
        put(settings, _connectable(settings))
        return
    found = _connector(settings, connector)
    if base_url and (wrong := address_problem(base_url)):
        raise UsageError(f"--base-url {wrong}", next=f"irkit connect {connector} --base-url https://acme.example.com")
    if name and not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UsageError("--name has letters, digits, _ and - only", next=f"irkit connect {connector} --name sandbox")
    form = _Form(settings, found, assignments("--set", given), base_url or "")
    way = form.sign_in(sign_in)
    connection = Connection(name or found.name, found.name, form.settings_for(way), way.name, form.credential(credential, way),
                            base_url or "", form.also(assignments("--also", also)))
    path = config_file(settings)
    write_connection(path, connection)
    tell(settings, *_said(path, connection, found, way))


def _connectable(settings: Settings) -> list[str]:
    """A line per connector: its title, and the connections to it; then the next command."""
    from irkit import connectors
    from irkit.ui.layout import Page
    config, page = settings.config, Page.of(width())
    rows = []
    for one in connectors.names(config.connectors):
        mine = [name for name, connection in config.connections.items() if connection.connector == one]
        rows.append((one, config.connector(one).title + (f", connected as {', '.join(mine)}" if mine else "")))
    return [*page.listed(rows), *page.labelled("Next", "irkit connect NAME")]


def _connector(settings: Settings, name: str) -> Connector:
    """A built-in connector needs no irkit.toml, so that a broken one does not stand in the way of mending it."""
    from irkit import connectors
    return connectors.find(name) if name in connectors.names() else settings.config.connector(name)


def config_file(settings: Settings) -> Path:
    """The irkit.toml to write: the one given, else the one that is used, else a new one here."""
    from irkit.config import find
    return settings.config_path or find(None, os.environ) or Path("irkit.toml")


class _Form:
    """What a connection must say: from the options where given, else asked for, else refused with the option's name."""

    def __init__(self, settings: Settings, connector: Connector, given: Mapping[str, str], base_url: str) -> None:
        self.connector, self.given, self.base_url = connector, given, base_url
        self.terminal = terminal_of(settings)

    def sign_in(self, given: str | None) -> SignIn:
        ways = {way.name: way for way in self.connector.sign_in}
        if given is None and len(ways) == 1:
            return next(iter(ways.values()))
        words = {way.name: way.ask for way in ways.values()}
        chosen = given if given is not None else self._ask("--sign-in", "Sign in with?", letters=words)
        if chosen not in ways:
            raise UsageError(f"{self.connector.title} signs in with {', '.join(ways)}",
                             next=f"irkit connect {self.connector.name} --sign-in {next(iter(ways))}")
        return ways[chosen]

    def settings_for(self, way: SignIn) -> dict[str, str]:
        """Every setting that is needed. Beside --base-url, those that only make up the address may be left out."""
        wanted = {one.name: one for one in (*self.connector.settings, *way.settings)}
        for key in self.given:
            if key not in wanted:
                raise UsageError(f"{self.connector.title} has no setting {key!r} with {way.name}; it has {', '.join(wanted)}",
                                 next=f"irkit connect {self.connector.name}")
        return {key: self._setting(one) for key, one in wanted.items() if key in self.given or not (
            one.default is not None or (self.base_url and f"{{{key}}}" in self.connector.base_url))}

    def _setting(self, one: Setting) -> str:
        def parse(text: str) -> str:
            if not one.takes(text):
                raise ValueError(f"That does not look right: {one.hint or one.ask}.")
            return text
        value = self.given.get(one.name)
        if value is None:
            hint = one.hint or ", ".join(one.values)
            return self._ask(f"--set {one.name}=…", one.ask + (f" ({hint})" if hint else ""), parse=parse)
        if not one.takes(value):
            raise UsageError(f"--set {one.name} does not look right: {one.hint or one.ask}",
                             next=f"irkit connect {self.connector.name}")
        return value

    def also(self, given: Mapping[str, str]) -> dict[str, str]:
        """Where the credentials of hosts of their own are kept, as given: a connection works without them, but for those."""
        own = [name for name, host in self.connector.hosts.items() if host.sign_in]
        for name, reference in given.items():
            if name not in own:
                raise UsageError(f"{self.connector.title} has no host {name!r} with a credential of its own"
                                 + (f"; it has {', '.join(own)}" if own else ""), next=f"irkit connect {self.connector.name}")
            self._reference("--also", reference)
        return dict(given)

    def credential(self, given: str | None, way: SignIn) -> str:
        """Where the credential is kept. Text that is no reference may be the secret itself, and is never quoted."""
        from irkit.action import keyless
        from irkit.secrets import problem
        if keyless(way):
            return ""

        def parse(text: str) -> str:
            if wrong := problem(text):
                raise ValueError(f"The credential {wrong}.")
            return text
        kept = "Where is it kept? env:NAME, command:…, keyring:service/user, file:/PATH, or prompt to type it each time"
        reference = given if given is not None else self._ask("--credential", f"{way.ask}. {kept}", parse=parse)
        return self._reference("--credential", reference)

    def _reference(self, option: str, reference: str) -> str:
        from irkit.secrets import problem
        if wrong := problem(reference):
            raise UsageError(f"{option} {wrong}. If that was the secret itself, it now stands in your shell's history: "
                             "replace it",
                             next=f"irkit connect {self.connector.name} --credential env:{self.connector.name.upper()}_SECRET")
        return reference

    def _ask(self, option: str, prompt: str, *, letters: Mapping[str, str] | None = None,
             parse: Callable[[str], object] | None = None) -> str:
        if self.terminal is None:
            raise NeedsTerminal(f"{option} is missing, and there is no terminal to ask for it",
                                next=f"irkit connect {self.connector.name} {option}")
        from irkit.engine.gate import Question
        try:
            return self.terminal.ask(Question("connect", prompt, letters=letters or {}, parse=parse), tuple)
        except Paused:
            raise KeyboardInterrupt from None          # nothing was written, so there is nothing to resume


def _said(path: Path, connection: Connection, connector: Connector, way: SignIn) -> list[str]:
    """Where it was written, what the account needs, and what to do next."""
    from irkit.action import Basic
    scope = next((found for one in connector.sign_in if (found := getattr(one, "scope", ""))), "")
    scope = scope.format_map(_Named(connector.filled(way, connection.settings)))
    oauth = bool(scope) and not isinstance(way, Basic)          # Basic has no scopes
    hosts = [f"  and   {host.sign_in.ask}, for {name}: {connection.credentials.get(name) or f'--also {name}=env:NAME'}"
             for name, host in connector.hosts.items() if host.sign_in]
    return [
        f"Wrote [connections.{connection.name}] to {path}, which holds no secret.",
        f"  needs {way.ask}" + (f"; scopes: {scope}" if oauth else ""),
        *(["  kept  " + connection.credential] if connection.credential else []),
        *hosts,
        *(f"  grant {proof.scope}: to {proof.why}" for proof in connector.proofs),
        *(f"  note  {line}" for line in connector.setup),
        f"  next  irkit doctor {connection.name}",
    ]


class _Named(dict[str, str]):
    """For a template of which a setting may be missing: its name stands there."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"
