"""`irkit people`: who may act as what in an incident, and changes to it as signed entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict, replace

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, opened, page_of, print_of, say, session, show
from irkit.cli.complete import in_incident, person_name
from irkit.cli.incident import stamped
from irkit.cli.options import Settings, as_json, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from irkit.config import Config
    from irkit.engine.people import Person
    from irkit.engine.state import State
    from irkit.ledger import Ledger

ROLES = in_incident(lambda _, ledger, state: _known_roles(ledger, state))


class _Group(click.Group):
    """`irkit people INCIDENT` is `irkit people show INCIDENT`."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from irkit.cli.incident import complete_incident
        names = complete_incident(ctx, click.Argument(["incident"]), incomplete)
        return [*super().shell_complete(ctx, incomplete), *map(click.shell_completion.CompletionItem, names)]


@click.group(cls=_Group)
@shared
def people() -> None:
    """Show who may act as what in an incident, and assign roles.

    \b
    Examples:
      irkit people INC-2041                          who holds which role
      irkit people assign INC-2041 lead "Sam Ng"     from now on Sam is lead, too
      irkit people release INC-2041 lead maria       maria no longer is
    """


@people.command("show")
@INCIDENT
@as_json
@shared
@click.pass_obj
def show_(settings: Settings, incident: str, as_json: bool) -> None:
    """Show who holds which role, and which roles of the runbook nobody holds.

    The word `show` can be left out: irkit people INC-2041.

    \b
    Examples:
      irkit people show INC-2041
      irkit people show INC-2041 --json
    """
    from irkit.engine.people import holders
    with opened(settings, incident, write=False) as ledger:
        state, name = incidents.state_of(ledger), ledger.folder.name
        vacant = [role for role in _known_roles(ledger, state) if not holders(state, role)]
        if as_json:
            print_of(settings, ledger, people=[asdict(one) for one in state.team.values()], vacant=vacant)
            return
    page = page_of(settings)
    show(settings, [line for one in state.team.values() for line in _lines(settings, one)]
         + (page.labelled("Nobody", [", ".join(vacant)]) if vacant else []))
    if not state.team:
        say(settings, f"Nobody is named in {name}; a step that needs a role asks for it.")
    if vacant:
        say(settings, f"  next  irkit people assign {name} {vacant[0]} NAME")


def _lines(settings: Settings, one: Person) -> list[str]:
    page = page_of(settings)
    reach = ", ".join(text for text in (one.title, one.phone, one.email) if text)
    return [*page.hanging(f"{one.name}: {', '.join(one.roles) or 'no role'}"), *(page.labelled("", reach) if reach else []),
            *page.labelled("", one.fingerprint or "no key on record")]


# -- changing ----------------------------------------------------------------------------------------------------

@people.command()
@INCIDENT
@click.argument("role", shell_complete=ROLES)
@click.argument("name", shell_complete=person_name)
@click.option("--title", default="", help="Their title (default: [people] in irkit.toml).")
@click.option("--phone", default="", help="Their phone number (default: [people]).")
@click.option("--email", default="", help="The address of their account (default: [people]).")
@click.option("--key", default="", help="The fingerprint or public key that signs for them (default: [people]).")
@shared
@click.pass_obj
def assign(settings: Settings, incident: str, role: str, name: str, title: str, phone: str, email: str, key: str) -> None:
    """Say that somebody holds a role from now on. Signed by you; somebody new joins the incident with it.

    NAME is a name or handle of the incident or of [people] in irkit.toml, or any other. What is given beside it replaces
    what was on record, a key too.

    \b
    Examples:
      irkit people assign INC-2041 lead sam
      irkit people assign INC-2041 legal "Kim Oduya" --key "ssh-ed25519 AAAA… kim"
    """
    from irkit.engine.people import Person, find
    with opened(settings, incident) as ledger:
        state = incidents.state_of(ledger)
        _must_be_role(ledger, state, role)
        known = find(state, name) or _configured(settings.config, name)
        if not name.strip():
            raise UsageError("a role is held by somebody; say whom", next=f"irkit people {ledger.folder.name}")
        before = known or Person(" ".join(name.split()))
        person = replace(before, title=title or before.title, phone=phone or before.phone,
                         email=email or before.email, key=key.strip() or before.key)
        if person.key and not person.fingerprint.startswith("SHA256:"):
            raise UsageError("--key is neither a fingerprint (SHA256:…) nor a public key", next="irkit key show")
        entry = _record(settings, ledger, state, role, person, held=True)
    if known is not None and known.key and person.fingerprint != known.fingerprint:
        say(settings, f"The key on record for {person.name} is another one from now on; it was {known.fingerprint}")
    say(settings, f"{person.name} is {role} from now on.  entry {entry}", f"  next  irkit people {ledger.folder.name}")


@people.command()
@INCIDENT
@click.argument("role", shell_complete=ROLES)
@click.argument("name", shell_complete=person_name)
@shared
@click.pass_obj
def release(settings: Settings, incident: str, role: str, name: str) -> None:
    """Say that somebody no longer holds a role. Signed by you.

    \b
    Example:
      irkit people release INC-2041 lead maria
    """
    from irkit.engine.people import find, holders
    with opened(settings, incident) as ledger:
        state = incidents.state_of(ledger)
        person = find(state, name)
        if person is None or person not in holders(state, role):
            raise UsageError(f"{name} is not {role} in {ledger.folder.name}", next=f"irkit people {ledger.folder.name}")
        entry = _record(settings, ledger, state, role, person, held=False)
    say(settings, f"{person.name} is no longer {role}.  entry {entry}", f"  next  irkit people {ledger.folder.name}")


def _record(settings: Settings, ledger: Ledger, state: State, role: str, person: Person, *, held: bool) -> int:
    from irkit.engine.people import values
    with session(settings, ledger, endorsed=True):
        data = {"role": role, **({} if held else {"held": False}), **stamped(state)}
        return ledger.append("role.assigned", data, values(person), by="human",
                             run=state.open_run.id if state.open_run else None).seq


def _configured(config: Config, name: str) -> Person | None:
    """The person as irkit.toml knows them, by their handle there or their name."""
    from irkit.engine.people import Person, same_name
    for handle, one in config.people.items():
        if same_name(handle, name) or same_name(one.name, name):
            return Person(one.name, handle, one.title, one.phone, one.email, one.key)
    return None


def _known_roles(ledger: Ledger, state: State) -> list[str]:
    """The roles of the runbooks that were run, and those that somebody holds."""
    from irkit.cli.walks import own_copy
    found = dict.fromkeys(role for run in state.runs.values() for role in own_copy(ledger, run).roles)
    return [*(found | dict.fromkeys(role for one in state.team.values() for role in one.roles))]


def _must_be_role(ledger: Ledger, state: State, role: str) -> None:
    """A role that no runbook knows would have no effect, and a slip of the pen no notice."""
    known = _known_roles(ledger, state)
    if state.runs and role not in known:
        import difflib
        near = difflib.get_close_matches(role, known, 1)
        raise UsageError(f"no runbook of {ledger.folder.name} knows the role {role!r}"
                         + (f"; did you mean {near[0]!r}?" if near else f"; they know {', '.join(known) or 'none'}"),
                         next=f"irkit people {ledger.folder.name}")
