"""`irkit ledger`: read, verify and export what an incident's ledger holds. Nothing here changes an incident."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from irkit.cli.incident import complete_incident
from irkit.cli.incidents import folder_of
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell, width
from irkit.errors import IrkitError, UsageError

if TYPE_CHECKING:
    from irkit.ledger import Entry
    from irkit.ui.reading import Row

INCIDENT = click.argument("incident", metavar="INCIDENT|PATH", shell_complete=complete_incident)
PROGRESS_EACH = 20_000         # entries between two lines of progress of an export


@click.group()
@shared
def ledger() -> None:
    """Show, verify and export an incident's ledger."""


def _mark(mode: str) -> str:
    """What begins every line about an incident that is not real, so that none can pass as live."""
    return "" if mode == "live" else f"{mode.upper()} "


# -- show --------------------------------------------------------------------------------------------------------

@ledger.command()
@INCIDENT
@click.option("--step", help="Only entries of this step.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND",
              help="Only entries of this kind: request.sending, or request for all its kinds. May be repeated.")
@as_json
@shared
@click.pass_obj
def show(settings: Settings, incident: str, step: str | None, kinds: tuple[str, ...], as_json: bool) -> None:
    """Show the entries of a ledger: number, UTC, who, what.

    With --json each entry is whole, with its disclosed values.

    \b
    Examples:
      irkit ledger show INC-2041
      irkit ledger show INC-2041 --step suspend
      irkit ledger show INC-2041 --kind note --kind decision
    """
    from irkit.ledger import Ledger
    with Ledger.open(folder_of(settings, incident), write=False) as found:
        wanted = _Filter(step, kinds)
        if as_json:
            print_json([_view(entry) for entry in found.entries() if wanted(entry)])
            return
        rows = list(_rows(found.entries(), wanted))
        prefix = _mark(found.mode)
    if not rows:
        tell(settings, f"No such entry in {incident}. Its steps: {', '.join(wanted.steps) or 'none'}")
        return
    from irkit.ui.reading import ledger_show_lines
    from irkit.ui.screen import prefixed
    put(settings, prefixed(ledger_show_lines(rows, width=width() - len(prefix)), prefix))


@dataclasses.dataclass
class _Filter:
    """Which entries are wanted; remembers the steps it met, to name them where nothing fits."""

    step: str | None
    kinds: tuple[str, ...]
    steps: dict[str, None] = dataclasses.field(default_factory=dict)

    def __call__(self, entry: Entry) -> bool:
        if entry.step:
            self.steps[entry.step] = None
        return (self.step in (None, entry.step)
                and (not self.kinds or any(entry.kind == kind or entry.kind.startswith(f"{kind}.") for kind in self.kinds)))


def _view(entry: Entry) -> dict[str, Any]:
    """An entry as `ledger export --as jsonl` writes it."""
    import json

    from irkit.ledger.disclose import nested
    view: dict[str, Any] = json.loads(entry.line)
    return {**view, "disclosed": nested(entry.disclosed)} if entry.disclosed else view


def _rows(entries: Iterable[Entry], wanted: Callable[[Entry], bool]) -> Iterator[Row]:
    from irkit.ui.reading import Row
    people: dict[int, str] = {}        # session -> person
    systems: dict[int, str] = {}       # request.sending -> connector
    for entry in entries:
        shown = entry.disclosed
        if entry.kind == "session.start":
            people[entry.seq] = str(shown.get("person.name", entry.who))
        if entry.kind == "request.sending":
            systems[entry.seq] = str(shown.get("request.connector", ""))
        if wanted(entry):
            system = shown.get("request.connector") or systems.get(entry.ref if entry.ref is not None else -1)
            told = system if entry.kind in ("request.answer", "request.body") and system else people.get(entry.session)
            yield Row(entry.seq, datetime.fromisoformat(entry.at), str(told or "irkit"), entry.kind, _what(entry))


def _what(entry: Entry) -> str:
    """An entry in words. A kind that is not known here is printed with whatever it holds."""
    words = _WORDS.get(entry.kind.partition(".")[0])
    if words is not None:
        return words(entry)
    from irkit.engine.values import summary
    return summary({key: value for key, value in {**entry.data, **entry.disclosed}.items() if key != "drill_at"})


def _request(entry: Entry) -> str:
    """`GET users/3971 -> 200`, `PUT users/3971`, `200, 0.4 s`."""
    shown, status = entry.disclosed, entry.data.get("status")
    if "request.url" in shown:
        path = re.sub(r"^[a-z]+://[^/]*/(api/v[0-9]+/)?", "", str(shown["request.url"]))
        text = f"{shown.get('request.method', '')} {path}" + (f" -> {status}" if status else "")
    elif entry.kind == "request.body":
        text = f"{len(str(shown.get('response.body', '')))} characters"
    else:
        text = f"{status}, {entry.data.get('ms', 0) / 1000:.1f} s" if status else ""
    return ", ".join(part for part in (_item(entry), text, str(shown.get("error", ""))) if part)


def _step(entry: Entry) -> str:
    from irkit.engine.values import summary
    shown = entry.disclosed
    if entry.kind == "step.asked":
        return ", ".join(part for part in (str(entry.data.get("answer", "")), _quoted(shown.get("reason"))) if part)
    result = summary(shown["result"], 3) if "result" in shown else ""
    return ", ".join(part for part in (entry.step or "", _item(entry), result, _quoted(shown.get("reason"))) if part)


def _item(entry: Entry) -> str:
    return "" if entry.item is None else f"item {entry.item}"


def _quoted(text: object) -> str:
    return f'"{text}"' if text else ""


def _artefact(entry: Entry) -> str:
    from irkit.ui.layout import size
    return f"{entry.disclosed.get('artefact.name', '')}, {size(int(entry.disclosed.get('artefact.size', 0)))}"


def _run(entry: Entry) -> str:
    if "runbook" not in entry.data:
        return _quoted(entry.disclosed.get("reason"))
    return f"{entry.data['runbook']} v{entry.data.get('version')}, {entry.data.get('mode')}"


def _auth(entry: Entry) -> str:
    return f"{entry.disclosed.get('request.connection', '')} signs in -> {entry.data.get('status', 'no answer')}"


def _inject(entry: Entry) -> str:
    shown = entry.disclosed
    return ", ".join(part for part in (str(entry.data.get("inject", "")), _quoted(shown.get("answer"))) if part)


def _deadline(entry: Entry) -> str:
    due = str(entry.data.get("due", "")).replace("+00:00", "Z")
    return str(entry.data.get("clock", "")) + (f", due {due}" if due else "")


_WORDS: Mapping[str, Callable[[Entry], str]] = {          # by the kind's first word
    "genesis": lambda entry: f"{entry.data.get('mode')}, irkit {entry.data.get('version')}",
    "session": lambda entry: str(entry.disclosed.get("person.name", "")),
    "run": _run,
    "request": _request,
    "auth": _auth,
    "step": _step,
    "decision": _step,
    "note": lambda entry: _quoted(entry.disclosed.get("text")),
    "artefact": _artefact,
    "inject": _inject,
    "deadline": _deadline,
}


# -- verify ------------------------------------------------------------------------------------------------------

@ledger.command()
@INCIDENT
@as_json
@shared
@click.pass_obj
def verify(settings: Settings, incident: str, as_json: bool) -> int:
    """Check a ledger: chain, numbering, disclosures, artefacts.

    Nothing is changed. Exit code 0 when everything agrees, 5 when something does not, 1 when something could not be checked.

    \b
    Examples:
      irkit ledger verify INC-2041
      irkit ledger verify /media/usb/evidence/INC-2041
    """
    from irkit.ledger import verify as check
    report = check(folder_of(settings, incident))
    if as_json:
        print_json({**dataclasses.asdict(report), "sound": report.sound, "exit_code": report.exit_code})
    else:
        from irkit.ui.reading import verify_lines
        from irkit.ui.screen import prefixed
        prefix = _mark(report.mode or "live")
        put(settings, prefixed(verify_lines(report, width=width() - len(prefix)), prefix), page=False)
    return report.exit_code


# -- export ------------------------------------------------------------------------------------------------------

@ledger.command()
@INCIDENT
@click.option("--as", type=click.Choice(["jsonl"]), default="jsonl", show_default=True, expose_value=False,
              help="Form of the export. jsonl: one entry a line, with its disclosed values.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH",
              help="File to write, which must not exist yet (default: stdout).")
@shared
@click.pass_obj
def export(settings: Settings, incident: str, output: Path | None) -> None:
    """Write a ledger's entries for other tools.

    A view for reading: what is hashed are the lines inside the ledger. It holds personal data; a file is made for you alone.

    \b
    Examples:
      irkit ledger export INC-2041 --as jsonl | jq 'select(.kind == "request.sending")'
      irkit ledger export INC-2041 --as jsonl --output INC-2041.jsonl
    """
    from irkit.ledger import export_jsonl
    folder = folder_of(settings, incident)
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")       # JSON is UTF-8 (RFC 8259 8.1), whatever the locale
        export_jsonl(folder, cast(TextIO, _Counting(sys.stdout, settings)))
        return
    with _new_file(output) as file:
        count = export_jsonl(folder, cast(TextIO, _Counting(file, settings)))
    tell(settings, f"Wrote {count} entries to {output}", f"  next  irkit ledger verify {incident}")


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
    except OSError as error:
        path.unlink(missing_ok=True)
        raise IrkitError(f"{path} could not be written whole, and was removed: {error.strerror}",
                         next=f"df -h {path.parent}") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class _Counting:
    """Passes lines on, and says on stderr how far a long export has come."""

    def __init__(self, out: TextIO, settings: Settings) -> None:
        self._out, self._settings, self._count = out, settings, 0

    def write(self, text: str) -> int:
        self._count += 1
        if self._count % PROGRESS_EACH == 0:
            tell(self._settings, f"{self._count:,} entries")
        return self._out.write(text)
