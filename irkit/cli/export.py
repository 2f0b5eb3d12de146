"""`irkit ledger export`, `redact` and `reveal`: what leaves an incident for other people.

jsonl is a view and changes nothing. Everything else is recorded first: a session of its own appends `exported`, and what is
written ends with that entry (see `irkit.report.exporting`).
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from irkit.cli.incident import complete_incident
from irkit.cli.incidents import folder_of, who_am_i
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import progress, put, tell
from irkit.cli.watch import FACILITATOR, behind, keeps_back, left_out
from irkit.errors import IrkitError, UsageError

if TYPE_CHECKING:
    from irkit.ledger import Ledger
    from irkit.ledger.sshsig import Signer
    from irkit.report.exporting import Export
    from irkit.report.folder import Folder
    from irkit.report.redact import Rules
    from irkit.report.reveal import Revealed
    from irkit.report.withheld import Withheld

INCIDENT = click.argument("incident", metavar="INCIDENT|PATH", shell_complete=complete_incident)
RULES = click.Path(path_type=Path, dir_okay=False, exists=True)
PROGRESS_EACH = 20_000         # entries between two lines of progress
FORMS = ("jsonl", "bag", "timesketch", "case", "csv")


def _signer(settings: Settings, ledger: Ledger, *, needed: bool) -> Signer | None:
    """Whose key signs the export: the responder's where one is configured, a throw-away one in a drill."""
    from irkit.cli.signing import signer
    return signer(settings, ledger.mode, needed=needed)


# -- commands ----------------------------------------------------------------------------------------------------

@click.command()
@INCIDENT
@click.option("--as", "form", type=click.Choice(FORMS), default="jsonl", show_default=True,
              help="bag: a folder anybody can check. csv: a folder of tables. jsonl, timesketch, case: a file.")
@click.option("--output", type=click.Path(path_type=Path), metavar="PATH",
              help="File or folder to make, which must not exist yet (jsonl: default stdout).")
@click.option("--for", "recipient", default="", metavar="WHO", help="Who gets it, for the record.")
@click.option("--basis", default="", help="On what ground they get it, for the record.")
@click.option("--redact", "rules_file", type=RULES, metavar="FILE",
              help="Withhold what these rules say; see irkit ledger redact.")
@FACILITATOR
@shared
@click.pass_obj
def export(settings: Settings, incident: str, form: str, output: Path | None, recipient: str, basis: str,
           rules_file: Path | None, facilitator: bool) -> None:
    """Write a ledger for other people and other tools.

    A bag can be checked without irkit: its VERIFY.md says how. All forms but jsonl are recorded in the ledger. They hold
    personal data; what is made is readable by you alone. Without rules, jsonl leaves out what a facilitator does in a drill
    behind the team's back until the drill is over.

    \b
    Examples:
      irkit ledger export INC-2041 --as bag --output INC-2041-bag --for "Ada Counsel"
      irkit ledger export INC-2041 --as timesketch --output INC-2041.jsonl
      irkit ledger export INC-2041 --as csv --output INC-2041-tables
      irkit ledger export INC-2041 --as jsonl | jq 'select(.kind == "request.sending")'
    """
    folder = folder_of(settings, incident)
    rules = _rules(rules_file)
    if form == "jsonl":
        _jsonl(settings, folder, output, rules, all_of_it=facilitator)
        return
    if output is None:
        raise UsageError(f"--as {form} wants --output", next=f"irkit ledger export {incident} --as {form} --output PATH")
    _recorded(settings, folder, form, output, recipient=recipient, basis=basis, rules=rules)


@click.command()
@INCIDENT
@click.option("--for", "recipient", required=True, metavar="WHO", help="Who gets the bag, for the record.")
@click.option("--rules", "rules_file", type=RULES, required=True, metavar="FILE",
              help="YAML: basis, by, and a list withhold of names, kinds, labels, steps, entries, whole.")
@click.option("--output", type=click.Path(path_type=Path), metavar="PATH", help="Folder to make, which must not exist yet.")
@click.option("--dry-run", is_flag=True, help="Only say what each rule would withhold; nothing is written or recorded.")
@as_json
@shared
@click.pass_obj
def redact(settings: Settings, incident: str, recipient: str, rules_file: Path, output: Path | None, dry_run: bool,
           as_json: bool) -> None:
    """Write a bag from which values or whole entries are withheld.

    Chain, checkpoints and signatures still verify. What is withheld is listed, and the list is signed; privilege_log.csv says
    on what basis and by whom. Nothing is edited, and each withheld value can be shown later: irkit ledger reveal.

    \b
    Examples:
      irkit ledger redact INC-2041 --for "CNIL" --rules gdpr.yaml --dry-run
      irkit ledger redact INC-2041 --for "CNIL" --rules gdpr.yaml --output INC-2041-cnil
    """
    from irkit.ledger import Ledger
    from irkit.report.exporting import Nowhere, list_withheld
    folder, rules = folder_of(settings, incident), _rules(rules_file)
    assert rules is not None
    if dry_run:
        with Ledger.open(folder, write=False) as ledger:
            found = list_withheld(ledger, rules, Nowhere(), Nowhere())
            _warn(settings, ledger, rules)
            mode = ledger.mode
        _say_counts(settings, found, rules_file, mode, as_json=as_json)
        return
    if output is None:
        raise UsageError("a redacted bag wants --output", next=f"irkit ledger redact {incident} --for WHO --rules {rules_file} "
                                                               "--output PATH")
    _recorded(settings, folder, "bag", output, recipient=recipient, rules=rules, as_json=as_json)


@click.command()
@INCIDENT
@click.argument("entry", type=click.IntRange(0))
@click.argument("name", required=False, default="")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="File to write the exact bytes to.")
@click.option("--against", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="BAG",
              help="Check here that it belongs to this bag.")
@as_json
@shared
@click.pass_obj
def reveal(settings: Settings, incident: str, entry: int, name: str, output: Path | None, against: Path | None,
           as_json: bool) -> None:
    """Show one withheld value, or one withheld line, so that a recipient can check it.

    NAME is a value's name, as in request.body; without it the line and all its values are shown. Nothing is changed.

    \b
    Examples:
      irkit ledger reveal INC-2041 118 request.body
      irkit ledger reveal INC-2041 118 request.body --output value.txt --against INC-2041-cnil
      irkit ledger reveal INC-2041 118 --output line.txt
    """
    from irkit.ledger import Ledger
    from irkit.ledger.export import entries_of, stored
    from irkit.report.reveal import compare
    from irkit.report.reveal import reveal as show
    with Ledger.open(folder_of(settings, incident), write=False) as ledger:
        if entry >= ledger.size:
            raise UsageError(f"{incident} has no entry {entry}; its last one is {ledger.size - 1}",
                             next=f"irkit ledger show {incident}")
        with contextlib.closing(stored(ledger, entry + 1)) as rows:
            found = show(next(row for row in entries_of(rows) if row.entry.seq == entry), name)
    fits = compare(found, against) if against is not None else ""
    if output is not None:
        with _new_file(output) as file:
            file.write(found.file().decode())
    _say_revealed(settings, found, output, fits, as_json=as_json)


# -- rules -------------------------------------------------------------------------------------------------------

def _rules(path: Path | None) -> Rules | None:
    """The rules of a file. Raises RunbookError with every mistake, UsageError when it cannot be read."""
    from irkit.report.redact import read
    if path is None:
        return None
    try:
        return read(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None


# -- making ------------------------------------------------------------------------------------------------------

def _recorded(settings: Settings, folder: Path, form: str, output: Path, *, recipient: str, basis: str = "",
              rules: Rules | None = None, as_json: bool = False) -> None:
    """Make an export in a session of its own. Before that its place is claimed, and rules that do not fit are refused."""
    from irkit.ledger import Ledger
    from irkit.ledger.check import pseudonym
    from irkit.report.exporting import Export, Nowhere, list_withheld
    from irkit.report.folder import Folder
    with Ledger.open(folder) as ledger, contextlib.ExitStack() as place:
        into: Folder | TextIO = (place.enter_context(Folder(output)) if form in ("bag", "csv")
                                 else place.enter_context(_new_file(output)))
        if rules is not None:
            list_withheld(ledger, rules, Nowhere(), Nowhere())
            _warn(settings, ledger, rules)
        name, signer = who_am_i(settings.config)[0], _signer(settings, ledger, needed=rules is not None)
        who = signer.fingerprint if signer else pseudonym(ledger.origin, name)
        ledger.start_session(name, signer=signer, data={"pid": os.getpid()})
        mode = ledger.mode
        made = Export(ledger, who, signer, recipient, basis, rules, lambda text: _tell(settings, mode, text))
        try:
            told = _made(made, form, into)
        finally:
            ledger.end_session()
    if as_json:
        print_json({"incident": folder.name, "as": form, "output": str(output), **told})
        return
    words = [f"{value:,} {name.replace('_', ' ')}" for name, value in told.items() if type(value) is int]
    _tell(settings, mode, f"Wrote {form} of {folder.name} to {output}: {', '.join(words)}")
    if form == "timesketch":
        _tell(settings, mode, f"  Timesketch should count {told['lines']} events")
    if form == "bag":
        unsigned = "" if told["signed"] else ", unsigned: no key is configured (irkit key use)"
        _tell(settings, mode, f"  head  {told['head']}{unsigned}")
    following = f"verify {output}" if form == "bag" else f"show {folder.name} --kind exported"
    _tell(settings, mode, f"  next  irkit ledger {following}")


def _made(export: Export, form: str, into: Folder | TextIO) -> dict[str, Any]:
    """Write it. Returns what there is to tell."""
    from irkit.report.folder import Folder
    if isinstance(into, Folder):
        return export.bag(into)._asdict() if form == "bag" else {"lines": export.csv(into)}
    return {"lines": export.timesketch(into)} if form == "timesketch" else {"nodes": export.case(into)}


def _jsonl(settings: Settings, folder: Path, output: Path | None, rules: Rules | None, *, all_of_it: bool) -> None:
    """The view, which is not recorded."""
    from irkit.ledger import Ledger
    from irkit.ledger.export import view, write_jsonl
    with Ledger.open(folder, write=False) as ledger, contextlib.ExitStack() as place:
        if output is not None:
            out = place.enter_context(_new_file(output))
        else:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8", newline="\n")       # JSON is UTF-8 (RFC 8259 8.1), whatever the locale
            out = sys.stdout
        hides = rules is None and not all_of_it and keeps_back(ledger)
        shown = (entry for entry in ledger.entries() if not (hides and behind(entry)))
        count = write_jsonl(_counted(settings, map(view, shown) if rules is None else _redacted(ledger, rules)), out)
        left = ledger.size - count if hides else 0
    if left:
        tell(settings, left_out(left))
    if output is not None:
        tell(settings, f"Wrote {count} entries to {output}", f"  next  irkit ledger verify {folder.name}")


def _redacted(ledger: Ledger, rules: Rules) -> Iterator[dict[str, Any]]:
    """The view without what the rules withhold."""
    from irkit.ledger.export import stored, view
    from irkit.report.exporting import Nowhere, list_withheld
    from irkit.report.view import Shown, shown
    list_withheld(ledger, rules, Nowhere(), Nowhere())
    for row in shown(stored(ledger), rules.hide):
        if isinstance(row, Shown):
            yield view(row.entry) if row.entry else {"withheld": {"leaf": row.leaf, "seq": row.seq}}


def _counted(settings: Settings, views: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Passes them on, and says on stderr how far a long export has come."""
    so_far = progress(settings, PROGRESS_EACH)
    for count, one in enumerate(views, 1):
        yield one
        so_far(count)


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file that was not there before, for this user alone; gone again when writing it fails. Raises UsageError."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists already and is not overwritten", next="give another --output") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", next="give another --output") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise IrkitError(f"{path} could not be written whole, and was removed: {error.strerror}",
                         next=f"df -h {path.parent}") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise


# -- telling -----------------------------------------------------------------------------------------------------

def _say_counts(settings: Settings, found: Withheld, rules_file: Path, mode: str, *, as_json: bool) -> None:
    """What each rule of a dry run would withhold."""
    if as_json:
        print_json([{"rule": number, "what": rule.told(), "basis": rule.basis, "by": rule.by, "values": count.values,
                     "entries": count.entries, "sample": count.sample, "unmatched": sorted(count.unmatched)}
                    for number, (rule, count) in enumerate(found.counts.items(), 1)])
        return
    lines: list[str] = []
    for rule, count in found.counts.items():
        lines += [f"{rules_file}:{rule.node.line}  {rule.told()}",
                  f"  basis    {rule.basis}" + (f", asserted by {rule.by}" if rule.by else ""),
                  f"  withheld {count.values:,} values, {count.entries:,} whole entries",
                  f"  such as  {'; '.join(count.sample)}",
                  *([f"  nothing  is called {', '.join(sorted(count.unmatched))}"] if count.unmatched else [])]
    from irkit.report.words import mark
    from irkit.ui.text import safe
    put(settings, [mark(mode) + safe(line) for line in lines], page=False)
    _tell(settings, mode, f"Dry run: {found.rows:,} would be withheld; nothing was written or recorded.")


def _tell(settings: Settings, mode: str, line: str) -> None:
    """A line about an incident, which says so when the incident is not real."""
    from irkit.report.words import mark
    tell(settings, mark(mode) + line)


def _warn(settings: Settings, ledger: Ledger, rules: Rules) -> None:
    """Name the values that are shown and hold something that is withheld elsewhere. Never what it is."""
    from irkit.ledger.export import entries_of, stored
    from irkit.report.elsewhere import standing
    for name, where in standing(lambda: entries_of(stored(ledger)), rules.hide).items():
        _tell(settings, ledger.mode, f"shown, and holds something withheld elsewhere: {name}, entries {where}")


def _say_revealed(settings: Settings, found: Revealed, output: Path | None, fits: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"seq": found.seq, "name": found.name, "digest": found.digest, "content": found.content.decode(),
                    "check": found.check, "against": fits, "disclosures": [one._asdict() for one in found.disclosures]})
    elif output is None:
        click.echo(found.file().decode().rstrip("\n"))
    else:
        tell(settings, f"Wrote {output}")
    words = "digest" if found.name else "leaf"
    tell(settings, f"{words}  {found.digest}", f"  check  {found.check.replace('FILE', str(output or 'FILE'))}",
         *([f"  fits  {fits}"] if fits else []))
