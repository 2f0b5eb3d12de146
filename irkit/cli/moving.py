"""`irkit incident pack | unpack | compare`: an incident moved to another machine as one file; two copies compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, opened, say, session
from irkit.cli.incident import complete_incident, stamped
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import IrkitError, LedgerError, UsageError

if TYPE_CHECKING:
    from irkit.ledger.copies import Compared


@click.command()
@INCIDENT
@click.option("--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The file to write.")
@shared
@click.pass_obj
def pack(settings: Settings, incident: str, output: Path) -> None:
    """Write an incident to one file, to go on with it on another machine.

    An open run is left to nobody first, on record: whoever goes on, here or there, types I HAVE IT. The file holds the whole
    ledger and all evidence, unencrypted.

    \b
    Example:
      irkit incident pack INC-2041 --output INC-2041.pack
    """
    from irkit.ledger import pack as packs
    if output.exists() or output.is_symlink():
        raise UsageError(f"there is already something at {output}", next="choose another --output")
    with opened(settings, incident) as ledger:
        state, name = incidents.state_of(ledger), ledger.folder.name
        run = state.open_run
        if run is not None and run.packed < 0 and not ledger.sealed:
            with session(settings, ledger):
                entry = ledger.append("run.paused", {"packed": True, **stamped(state)}, {"reason": "packed to be moved"},
                                      by="human", run=run.id)
            say(settings, f"The run is left to nobody from now on: whoever goes on types I HAVE IT.  entry {entry.seq}")
        size = packs.pack(ledger, output)
        entries = ledger.size
    say(settings, f"Packed {name}: {entries} entries, {size:,} bytes, in {output}",
        f"  next  on the other machine: irkit incident unpack {output.name}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--update", is_flag=True, help="The incident is here, and the pack continues it: add what it has more.")
@shared
@click.pass_obj
def unpack(settings: Settings, file: Path, update: bool) -> None:
    """Unpack an incident, after its ledger and every artefact were verified. Nothing that is here is ever overwritten.

    Where the incident is here already it is said whether the pack is older, the same, a continuation (--update adds it), or
    another history from an entry on; then nothing is changed and the exit code is 5.

    \b
    Examples:
      irkit incident unpack INC-2041.pack
      irkit incident unpack INC-2041.pack --update
    """
    from irkit.ledger import database
    from irkit.ledger import pack as packs
    with packs.unpacked(file, settings.root) as (name, making):
        folder = settings.root / incidents.check_id(name)
        if not folder.exists():
            packs.place(making, folder)
            database.use_wal(folder / database.NAME)
            say(settings, f"Unpacked and verified {name}", f"  next  irkit resume {name}")
            return
        found = _compared(making, folder)
        if found.kind == "longer" and update:
            added = packs.update(making, folder)
            say(settings, f"{name} has {added} entries more than before", f"  next  irkit resume {name}")
            return
        _here_already(name, folder, found)


def _here_already(name: str, folder: Path, found: Compared) -> None:
    """Say how the pack stands to what is here. Raises unless it is the same."""
    at = str(folder)
    if found.kind == "same":
        raise UsageError(f"{name} is here already, with the same {found.common} entries", where=at, next=f"irkit status {name}")
    if found.kind == "longer":
        raise UsageError(f"{name} is here already; the pack continues it by {found.one} entries", where=at,
                         next="irkit incident unpack FILE --update")
    if found.kind == "shorter":
        raise UsageError(f"the pack is older: {name} has {found.other} entries more here", where=at,
                         next=f"irkit status {name}")
    raise LedgerError("; ".join(_fork(found, "the pack", "here")) + ". Nothing was changed", where=at,
                      next=f"unpack it below another --evidence, then: irkit incident compare {name} OTHER")


@click.command()
@click.argument("incident", metavar="A", shell_complete=complete_incident)
@click.argument("other", metavar="B", shell_complete=complete_incident)
@as_json
@shared
@click.pass_obj
def compare(settings: Settings, incident: str, other: str, as_json: bool) -> None:
    """Say how two copies of an incident stand to each other: A and B are incidents, their folders, or bags.

    Exit 5 where both went on: then two people acted on one incident, each without the other. It only reads, and verifies
    nothing; irkit ledger verify A --against B does both.

    \b
    Example:
      irkit incident compare INC-2041 /mnt/stick/INC-2041
    """
    one, two = incidents.path_of(settings, incident), incidents.path_of(settings, other)
    found = _compared(one, two)
    if as_json:
        print_json({"a": str(one), "b": str(two), "relation": found.kind, "common": found.common, "more_in_a": found.one,
                    "more_in_b": found.other, "first_in_a": found.first, "first_in_b": found.second})
    else:
        for line in _told(found):
            click.echo(line)
    if found.kind in ("fork", "another"):
        raise LedgerError("the two copies tell different histories", where=f"entry {found.common}",
                          next=f"irkit ledger verify {one} --against {two}")


def _told(found: Compared) -> list[str]:
    words = {"same": f"The same {found.common} entries.", "longer": f"A continues B by {found.one} entries.",
             "shorter": f"B continues A by {found.other} entries."}
    return [words[found.kind]] if found.kind in words else _fork(found, "A", "B")


def _fork(found: Compared, one: str, other: str) -> list[str]:
    if found.kind == "another":
        return [f"{one} and {other} are two incidents that share no entry"]
    return [f"{one} and {other} are the same up to entry {found.common - 1}, and both went on",
            f"entry {found.common} is {found.first} in {one}", f"and {found.second} in {other}"]


def _compared(one: Path, other: Path) -> Compared:
    from irkit.ledger.copies import compare as compared
    from irkit.ledger.source import Trouble
    from irkit.ledger.verify import open_source
    try:
        with open_source(one) as first, open_source(other) as second:
            return compared(first, second)
    except Trouble as trouble:
        raise IrkitError(f"a copy cannot be read: {trouble.what}", where=f"{one}, {other}",
                         next="irkit ledger verify") from None
