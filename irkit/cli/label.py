"""`irkit ledger label | labels | erase`: what people say about entries, and values destroyed on a lawful ground.

`irkit ledger` is loaded through this module, which adds its commands to that group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, confirmed, filled, opened, page_of, print_of, say, session, show
from irkit.cli.complete import completing
from irkit.cli.incident import stamped
from irkit.cli.options import Settings, as_json, shared
from irkit.errors import IrkitError, UsageError

if TYPE_CHECKING:
    from irkit.ledger import Ledger
    from irkit.ledger.erase import Plan

BASIS = click.option("--basis", help="On what ground, for the record.")
BY = click.option("--by", metavar="NAME", help="Who asserts it: counsel, the data protection officer.")


def _usual(_: Settings) -> tuple[str, ...]:
    from irkit.ledger.labels import USUAL
    return USUAL


# -- labels ------------------------------------------------------------------------------------------------------

@click.command()
@INCIDENT
@click.argument("entry", type=int)
@click.argument("label", shell_complete=completing(_usual))
@click.option("--field", "fields", multiple=True, metavar="NAME",
              help="A value of the entry that the label is about, such as request.body (default: all of it). May be repeated.")
@click.option("--remove", is_flag=True, help="Take the label off again.")
@BASIS
@BY
@shared
@click.pass_obj
def label(settings: Settings, incident: str, entry: int, label: str, fields: tuple[str, ...], remove: bool, basis: str | None,
          by: str | None) -> None:
    """Put a label on an entry. Usual ones are privilege, work-product and personal.

    Nothing is edited: the label is an entry of its own. A redaction can withhold by it. Privilege does not follow from a label.

    \b
    Examples:
      irkit ledger label INC-2041 118 privilege --basis "advice of counsel" --by "J. Ortiz"
      irkit ledger label INC-2041 31 personal --field request.body --basis "GDPR art. 9" --by "DPO"
      irkit ledger label INC-2041 118 privilege --remove --basis "waived" --by "J. Ortiz"
    """
    from irkit.ledger.labels import WORD, labels
    if not WORD.fullmatch(label):
        raise UsageError(f"{label!r} cannot be a label: lower-case letters, digits and -, at most 40 of them",
                         next=f"irkit ledger label {incident} {entry} privilege --basis …")
    if remove and fields:
        raise UsageError("--remove takes the whole label off the entry; it takes no --field",
                         next=f"irkit ledger labels {incident}")
    with opened(settings, incident) as found:
        name = found.folder.name
        _check_fields(found, entry, fields)
        if remove and not any((one.of, one.label) == (entry, label) for one in labels(found.entries())):
            raise UsageError(f"entry {entry} of {name} does not bear the label {label!r}", next=f"irkit ledger labels {name}")
        basis, by = filled(settings, f"irkit ledger label {name} {entry} {label}", {"--basis": ("On what ground?", basis),
                                                                                   "--by": ("Who asserts it?", by)})
        data = {"label": label, "removed": remove or None, **stamped(incidents.state_of(found))}
        values = {"label.basis": basis, "label.by": by, **({"label.fields": sorted(set(fields))} if fields else {})}
        with session(settings, found):
            made = found.append("label.set", data, values, by="human", ref=entry)
    done = "no longer bears" if remove else "bears"
    say(settings, f"Entry {entry} {done} the label {label}.  entry {made.seq}", f"  next  irkit ledger labels {name}")


def _check_fields(found: Ledger, seq: int, fields: tuple[str, ...]) -> None:
    entry = next(found.entries(after=seq - 1), None) if seq >= 0 else None
    if entry is None or entry.seq != seq:
        raise UsageError(f"{found.folder.name} has no entry {seq}", next=f"irkit ledger show {found.folder.name}")
    unknown = [one for one in fields if one not in entry.disclosed]
    if unknown:
        there = ", ".join(sorted(entry.disclosed)) or "none"
        raise UsageError(f"entry {seq} has no value {', '.join(unknown)}; it has: {there}")


@click.command("labels")
@INCIDENT
@as_json
@shared
@click.pass_obj
def labels_(settings: Settings, incident: str, as_json: bool) -> None:
    """List the labels that stand. On which entry, on what ground, by whom.

    \b
    Examples:
      irkit ledger labels INC-2041
      irkit ledger labels INC-2041 --json
    """
    from irkit.ledger.labels import labels
    with opened(settings, incident, write=False) as found:
        standing, name = labels(found.entries()), found.folder.name
        if as_json:
            print_of(settings, found, labels=[asdict(one) for one in standing])
            return
    page = page_of(settings)
    show(settings, [line for one in standing for line in (
        *page.hanging(f"entry {one.of} {one.label}" + (f" ({', '.join(one.fields)})" if one.fields else "")),
        *page.labelled("", f"{one.basis}, by {one.by}, {one.at[:16]}Z  entry {one.entry}"))])
    if not standing:
        say(settings, f"No label in {name}.")


# -- erase -------------------------------------------------------------------------------------------------------

@click.command()
@INCIDENT
@click.argument("entry", type=int)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@BASIS
@BY
@click.option("--with-artefact", is_flag=True, help="Remove the files of artefacts, too, that these values name.")
@click.option("--confirm", metavar="INCIDENT", help="The incident's id, in place of the phrase, where there is no terminal.")
@shared
@click.pass_obj
def erase(settings: Settings, incident: str, entry: int, names: tuple[str, ...], basis: str | None, by: str | None,
          with_artefact: bool, confirm: str | None) -> None:
    """Destroy values on a lawful ground. Such as GDPR article 17; it cannot be undone.

    The entry's line stays, with the digests of what was erased, so the ledger still verifies. Refused while a hold stands.
    Copies elsewhere (backups, exports, other systems) are not touched.

    \b
    Examples:
      irkit ledger erase INC-2041 31 request.body --basis "GDPR art. 17" --by DPO
      irkit ledger erase INC-2041 31 artefact --with-artefact --basis "GDPR art. 17" --by DPO
    """
    from irkit.ledger.erase import carry_out, plan
    with opened(settings, incident) as found:
        name = found.folder.name
        what = plan(found, entry, names, with_artefacts=with_artefact)
        if not what.values:
            _sweep(settings, found, entry, names)
            return
        _not_held(settings, found, entry, names)
        still = [f"{sha256} by entries {', '.join(map(str, who))}" for sha256, who in what.kept.items() if who]
        if with_artefact and still:
            raise UsageError(f"the artefact is still named: {'; '.join(still)}; nothing was changed",
                             next="erase there first, or leave --with-artefact out")
        command = f"irkit ledger erase {name} {entry} {' '.join(names)}"
        basis, by = filled(settings, command, {"--basis": ("On what ground?", basis), "--by": ("Who asserts it?", by)})
        _say_plan(settings, what)
        confirmed(settings, name, f"ERASE {name} {entry}", "erase it for good", confirm, command)
        with session(settings, found, endorsed=True):
            made, gone = carry_out(found, what, basis=basis, by=by)
        say(settings, f"Erased {_values(what)} of entry {entry}.  entry {made.seq}")
        _must_be_gone(found, entry, names, gone)
    say(settings, f"  next  irkit ledger verify {name}")


def _sweep(settings: Settings, found: Ledger, entry: int, names: tuple[str, ...]) -> None:
    """The values were erased before: see to it that their bytes are gone as well."""
    _must_be_gone(found, entry, names, found.rewrite())
    say(settings, f"Erased before. The bytes of erased values of entry {entry} are in no file of the ledger any more.")


def _must_be_gone(found: Ledger, entry: int, names: tuple[str, ...], gone: bool) -> None:
    if not gone:
        name = found.folder.name
        raise IrkitError("the values are out of the ledger, but their bytes are still in its files: another process reads them",
                         where=str(found.folder), next=f"once it ended: irkit ledger erase {name} {entry} {' '.join(names)}")


def _not_held(settings: Settings, found: Ledger, entry: int, names: tuple[str, ...]) -> None:
    """Refuse under a hold, and have the record say that it was tried. That of a sealed incident takes no note."""
    if not found.holds:
        return
    name, held = found.folder.name, min(found.holds)
    record = ""
    if not found.sealed:
        text = f"Erasing {', '.join(names)} of entry {entry} was refused: the hold of entry {held} stands."
        with session(settings, found):
            made = found.append("note", stamped(incidents.state_of(found)), {"text": text}, ref=entry)
        record = f"; entry {made.seq} says that it was tried"
    raise IrkitError(f"nothing was erased: the hold of entry {held} stands{record}", where=f"entry {held} of {name}",
                     next=f"irkit hold list {name}")


def _say_plan(settings: Settings, what: Plan) -> None:
    names = ", ".join(sorted(one.name for one in what.values))
    lines = [f"Erases {_values(what)} of entry {what.of.seq}, {what.of.kind}: {names}"]
    lines += [f"Removes the file {sha256}" for sha256 in what.artefacts]
    lines += [f"Leaves the file {sha256} on the disk" + (f", named by entries {', '.join(map(str, who))}" if who else
                                                         "; --with-artefact removes it") for sha256, who in what.kept.items()]
    say(settings, *lines)


def _values(what: Plan) -> str:
    return f"{len(what.values)} value{'' if len(what.values) == 1 else 's'}"
