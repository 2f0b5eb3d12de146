"""`irkit ledger verify`, `checkpoint` and `stamp`: what a ledger proves, to whom, and what to keep outside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict

from irkit.cli.incident import complete_incident
from irkit.cli.incidents import folder_of, path_of
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import progress, put, tell, width

if TYPE_CHECKING:
    from irkit.cli.anchoring import Stamped
    from irkit.ledger.verify import Report

PROGRESS_EACH = 100_000        # entries between two lines of progress: some two seconds
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("incident", metavar="INCIDENT|PATH", shell_complete=complete_incident)
@click.option("--signers", type=FILE, metavar="FILE", help="Whose keys may sign: an allowed signers file (ssh-keygen(1)).")
@click.option("--revoked", type=FILE, metavar="FILE", help="Keys that are revoked: a list of ssh-keygen -k, or public keys.")
@click.option("--tsa-ca", type=FILE, metavar="PEM", help="Certificates of the time-stamp authorities that you trust.")
@click.option("--expect", type=FILE, metavar="NOTE", multiple=True,
              help="A note kept elsewhere, which must fit. May be repeated.")
@click.option("--against", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="PATH",
              help="Another copy of the same ledger, a folder or a bag.")
@click.option("--policy", type=FILE, metavar="FILE", help="Demands beyond those in genesis, as JSON.")
@click.option("--require-trusted", is_flag=True, help="Fail where author or time is not proven by --signers and --tsa-ca.")
@as_json
@shared
@click.pass_obj
def verify(settings: Settings, incident: str, signers: Path | None, revoked: Path | None, tsa_ca: Path | None,
           expect: tuple[Path, ...], against: Path | None, policy: Path | None, require_trusted: bool, as_json: bool) -> int:
    """Check a ledger, or a bag made from one: every byte, signature, time stamp and artefact.

    Nothing is changed. A ledger cannot vouch for itself: give the keys and authorities that you trust, and notes that were kept
    elsewhere; without them the first line says what stays unproven. Exit code 0 when everything agrees, 5 when something does
    not, 1 when something could not be checked.

    \b
    Examples:
      irkit ledger verify INC-2041
      irkit ledger verify INC-2041 --signers signers --tsa-ca authorities.pem
      irkit ledger verify /media/usb/INC-2041-bag --expect mailed.note --require-trusted
    """
    from irkit.ledger.trust import Trust
    from irkit.ledger.verify import verify as check
    report = check(path_of(settings, incident), Trust(signers, revoked, tsa_ca, expect, against, policy, require_trusted),
                   progress(settings, PROGRESS_EACH))
    if as_json:
        print_json(_plain(report))
    else:
        from irkit.report.words import mark
        from irkit.ui.screen import prefixed
        from irkit.ui.verifying import verify_lines
        prefix = mark(report.mode or "live")
        put(settings, prefixed(verify_lines(report, width=width() - len(prefix)), prefix), page=False)
    return report.exit_code


def _plain(report: Report) -> dict[str, Any]:
    names = {one.name for one in dataclasses.fields(report)} - {"ranges", "windows"}
    fields = {name: getattr(report, name) for name in sorted(names)}
    fields["findings"] = [asdict(finding) for finding in report.findings]
    fields["remarks"] = [asdict(finding) for finding in report.remarks]
    fields["sessions"] = [vars(session) for session in report.sessions.values()]
    fields["assured"] = [row._asdict() for row in report.assured()]
    return {**fields, "sound": report.sound, "exit_code": report.exit_code}


@click.command()
@click.argument("incident", shell_complete=complete_incident)
@click.option("--show", is_flag=True, help="Print the newest checkpoint there is, and change nothing.")
@shared
@click.pass_obj
def checkpoint(settings: Settings, incident: str, show: bool) -> int:
    """Sign the ledger as it stands, and print the note: some 200 bytes to keep where nobody who holds the ledger can reach.

    Paste it into chat, mail it to counsel, read it out. `irkit ledger verify --expect` holds the ledger to it, years later.

    \b
    Examples:
      irkit ledger checkpoint INC-2041
      irkit ledger checkpoint INC-2041 --show > INC-2041.note
    """
    from irkit.cli.incident import appending
    from irkit.ledger import Ledger
    if show:
        with Ledger.open(folder_of(settings, incident), write=False) as ledger:
            note = ledger.newest_note()
    else:
        with appending(settings, incident, "checkpoint", sealed=True):
            pass                       # the end of the session is what the note covers
        with Ledger.open(folder_of(settings, incident), write=False) as ledger:
            note = ledger.newest_note()
    if note is None:
        tell(settings, f"{incident} has no checkpoint yet.", f"  next  irkit ledger checkpoint {incident}")
        return 1
    click.echo(note.decode(), nl=False)
    return 0


def _time(stamped: Stamped) -> str:
    return f"{stamped.token.gen_time:%Y-%m-%d %H:%M:%S}Z" if stamped.token else ""


@click.command()
@click.argument("incident", shell_complete=complete_incident)
@as_json
@shared
@click.pass_obj
def stamp(settings: Settings, incident: str, as_json: bool) -> int:
    """Have the newest checkpoint time-stamped by every configured authority (RFC 3161).

    A run does this by itself; this is for the time after one was offline. Authorities stand in irkit.toml under [timestamps].
    They learn a hash, your address and that something happened. Exit code 1 when one of them could not be reached.

    \b
    Example:
      irkit ledger stamp INC-2041
    """
    from irkit.cli.anchoring import stamp as ask
    from irkit.cli.incident import appending
    from irkit.errors import UsageError
    if not settings.config.authorities:
        raise UsageError("no time-stamp authority is configured", where=str(settings.config.path or "irkit.toml"),
                         next='put authorities = ["https://…"] under [timestamps]')
    with appending(settings, incident, "stamp", sealed=True) as (ledger, _, _):
        ledger.note()
        found = ask(ledger, settings.config.authorities)
    if as_json:
        print_json([{"authority": one.authority, "gen_time": one.token.gen_time.isoformat() if one.token else None,
                     "problem": one.problem} for one in found])
    else:
        put(settings, [f"{one.authority}  {one.problem or _time(one)}" for one in found])
    return 0 if all(one.token for one in found) else 1
