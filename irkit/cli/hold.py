"""`irkit hold`: legal holds. While one stands nothing is erased; each stands for itself."""

from __future__ import annotations

import click
from msgspec.structs import asdict

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, filled, opened, page_of, say, session, show
from irkit.cli.incident import complete_incident, stamped
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import UsageError

BY = click.option("--by", metavar="NAME", help="Who orders it: counsel, a court, an authority.")
REASON = click.option("--reason", help="Why, for the record.")


@click.group()
@shared
def hold() -> None:
    """Place a legal hold, so that nothing is erased; or release one."""


@hold.command()
@INCIDENT
@BY
@REASON
@shared
@click.pass_obj
def place(settings: Settings, incident: str, by: str | None, reason: str | None) -> None:
    """Place a hold. Each stands for itself, also in a sealed incident.

    \b
    Example:
      irkit hold place INC-2041 --by "J. Ortiz, counsel" --reason "letter of 20 November"
    """
    with opened(settings, incident) as ledger:
        name = ledger.folder.name
        by, reason = filled(settings, f"irkit hold place {name}", {"--by": ("Who orders the hold?", by),
                                                                   "--reason": ("Why?", reason)})
        now = stamped(incidents.state_of(ledger))
        with session(settings, ledger):
            entry = ledger.append("hold.placed", now, {"hold.by": by, "hold.reason": reason}, by="human")
    say(settings, f"Held. Nothing of {name} is erased while this stands.  entry {entry.seq}",
        f"  next  irkit hold release {name} {entry.seq}")


@hold.command()
@INCIDENT
@click.argument("entry", type=int, required=False)
@BY
@REASON
@shared
@click.pass_obj
def release(settings: Settings, incident: str, entry: int | None, by: str | None, reason: str | None) -> None:
    """Release a hold. It is named by the entry that placed it; others that stand go on standing.

    \b
    Examples:
      irkit hold release INC-2041 --by "J. Ortiz, counsel" --reason "settled"
      irkit hold release INC-2041 312 --by "J. Ortiz, counsel" --reason "settled"
    """
    with opened(settings, incident) as ledger:
        name = ledger.folder.name
        from irkit.ledger.holds import holds
        placed = holds(ledger.entries())
        standing = [one.entry for one in placed.values() if one.stands]
        if entry is None and len(standing) != 1:
            several = f"{len(standing)} holds stand, entries {', '.join(map(str, standing))}; say which"
            raise UsageError(several if standing else f"no hold stands in {name}",
                             next=f"irkit hold release {name} {standing[0]}" if standing else f"irkit hold list {name}")
        chosen = standing[0] if entry is None else entry
        if chosen not in standing:
            what = (f"the hold of entry {chosen} was released by entry {placed[chosen].released}" if chosen in placed
                    else f"entry {chosen} of {name} is no hold")
            raise UsageError(what, next=f"irkit hold list {name}")
        by, reason = filled(settings, f"irkit hold release {name} {chosen}",
                            {"--by": ("Who releases the hold?", by), "--reason": ("Why?", reason)})
        now = stamped(incidents.state_of(ledger))
        with session(settings, ledger, endorsed=True):
            made = ledger.append("hold.released", now, {"hold.by": by, "hold.reason": reason}, by="human", ref=chosen)
        left = len(ledger.holds)
    others = f"; {left} other{'s' if left > 1 else ''} still stand{'' if left > 1 else 's'}" if left else "; none stands now"
    say(settings, f"Released the hold of entry {chosen}{others}.  entry {made.seq}", f"  next  irkit hold list {name}")


@hold.command("list")
@click.argument("incident", required=False, shell_complete=complete_incident)
@as_json
@shared
@click.pass_obj
def list_(settings: Settings, incident: str | None, as_json: bool) -> None:
    """List holds, of one incident or of all. Those that stand, and those that were released.

    \b
    Examples:
      irkit hold list
      irkit hold list INC-2041 --json
    """
    from irkit.errors import LedgerError
    from irkit.ledger.holds import holds
    rows, lines = [], []
    for folder in [incidents.folder_of(settings, incident)] if incident else incidents.folders(settings):
        try:
            with opened(settings, str(folder), write=False) as ledger:
                for one in holds(ledger.entries()).values():
                    rows.append({"incident": folder.name, "mode": ledger.mode, "stands": one.stands, **asdict(one)})
                    text = [f"by {one.by}: {one.reason}"]
                    text += [] if one.stands else [f"released {one.released_at[:16]}Z by {one.released_by}: "
                                                   f"{one.released_reason}  entry {one.released}"]
                    head = f"{settings.prefix}{folder.name} entry {one.entry}, {one.at[:16]}Z, "
                    lines += [head + ("STANDS" if one.stands else "released"),
                              *(settings.prefix + line for line in page_of(settings).labelled("", text))]
        except LedgerError as error:
            if incident:
                raise
            say(settings, f"{folder.name}: {error.what} (irkit ledger verify {folder.name})")
    settings.prefix = ""
    if as_json:
        print_json(rows)
        return
    show(settings, lines)
    if not rows:
        say(settings, f"No hold in {incident or settings.root}.")
