"""`irkit ledger forward`: entries to a log system while an incident runs, from a process of its own that only reads."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict

from irkit.cli.acting import INCIDENT, confirmed, say, show, terminal
from irkit.cli.complete import connection_name
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from irkit.action import Forward, Line
    from irkit.engine.forwarding import Count
    from irkit.ledger import Entry

HELD = 8 << 20                       # bytes of lines that are read at once


@click.command()
@INCIDENT
@click.option("--to", "connection", required=True, metavar="CONNECTION", shell_complete=connection_name,
              help="A connection of irkit.toml whose system takes entries: splunk, sumologic.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until the incident is sealed or Ctrl-C.")
@click.option("--resend", is_flag=True, help="Send once more what is unknown, or was accepted and never acknowledged.")
@click.option("--disclose", is_flag=True, help="With the disclosed values too: names, addresses, what was sent and answered. "
                                               "Not those that bear a label by then. They cannot be taken back.")
@click.option("--confirm", metavar="INCIDENT", help="With --disclose and without a terminal: the incident's name again.")
@as_json
@shared
@click.pass_obj
def forward(settings: Settings, incident: str, connection: str, follow: bool, resend: bool, disclose: bool,
            confirm: str | None, as_json: bool) -> int:
    """Send entries on to Splunk or Sumo Logic as they are made.

    What leaves is each entry's canonical line and its hash, which say what was done and not to whom: names, addresses and texts
    stand in values that leave with --disclose alone, artefacts never. The ledger is only read, and the run waits for nothing.

    Accepted is not stored. Where the receiver acknowledges, an entry counts when it did; where it never does, nothing is called
    stored. How far it came is kept on this machine, so that a restart sends nothing twice: what was not answered is told, and
    sent again only with --resend. Exit 1: something is unknown, or was not acknowledged. Ctrl-C ends after the batch in hand.

    \b
    Examples:
      irkit ledger forward INC-2041 --to splunk
      irkit ledger forward INC-2041 --to splunk --follow
      irkit ledger forward INC-2041 --to sumologic --json
    """
    from irkit.cli.incidents import folder_of
    from irkit.report.words import mark
    folder = folder_of(settings, incident)
    source = Reader(folder, disclose=disclose)
    settings.prefix = mark(source.mode)
    way = _way(settings, connection)
    if disclose:
        say(settings, "Names, addresses, requests and answers will leave with the entries, and cannot be taken back.")
        confirmed(settings, folder.name, folder.name, f"send them to {connection}", confirm,
                  f"irkit ledger forward {folder.name} --to {connection} --disclose")
    with _stopping() as stop:
        found = _forward(settings, source, connection, way, stop, follow=follow, resend=resend)
    _tell(settings, folder.name, source.mode, connection, found, as_json)
    return 0 if found.good else 1


def _way(settings: Settings, name: str) -> Forward:
    """How the connection's system takes entries. Raises UsageError for one that takes none."""
    connector = settings.config.connector(settings.config.connection(name).connector)
    if connector.forward is None:
        raise UsageError(f"{connector.title} takes no ledger entries", next="irkit ledger forward --to splunk, or sumologic")
    return connector.forward


def _forward(settings: Settings, source: Reader, connection: str, way: Forward, stop: threading.Event, *, follow: bool,
             resend: bool) -> Count:
    from irkit.cli.clock import RealClock
    from irkit.cli.walks import hidden_prompt
    from irkit.config import state_folder
    from irkit.engine.forwarding import Cursor, Forwarding
    from irkit.wire.http import Wire
    config = settings.config
    wire = Wire(config.connections, config.connector, hidden_prompt if terminal(settings) else None,
                loopback=source.mode != "live")
    with contextlib.closing(wire):
        wire.sign_in(connection)
        cursor = Cursor.load(state_folder(os.environ), source.origin, _place(settings, connection))
        with cursor.held():
            return Forwarding(cursor, source, wire, connection, way, RealClock(), say=lambda text: say(settings, text),
                              stop=stop.is_set).run(follow=follow, resend=resend)


def _place(settings: Settings, name: str) -> str:
    """Where entries go: the connection and its addresses. Another place begins at the first entry."""
    named = settings.config.connection(name)
    connector = settings.config.connector(named.connector)
    addresses = connector.addresses(named.base_url, connector.filled(None, named.settings))
    return " ".join([named.name, *addresses.values()])


@contextlib.contextmanager
def _stopping() -> Iterator[threading.Event]:
    """The first Ctrl-C is heard between two batches; the second interrupts."""
    stop = threading.Event()

    def asked(*_: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
    was = [(number, signal.signal(number, asked)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield stop
    finally:
        for number, handler in was:
            signal.signal(number, handler)


def _tell(settings: Settings, incident: str, mode: str, connection: str, found: Count, as_json: bool) -> None:
    if as_json:
        print_json({"incident": incident, "mode": mode, "to": connection, **asdict(found)})
        return
    lines = [f"{found.entries:,} entries of {incident} forwarded to {connection}"]
    if found.acknowledges:
        lines.append(f"  acknowledged   {found.stored:,}")
    if found.accepted:
        why = "not acknowledged yet" if found.acknowledges else f"whether {connection} stores them it does not say: look there"
        lines.append(f"  accepted       {', '.join(found.accepted)}  ({why})")
    if found.unknown:
        lines.append(f"  unknown        {', '.join(found.unknown)}  (look there for irkit_seq; --resend sends them again)")
    show(settings, lines)


# -- the ledger, read in short looks -----------------------------------------------------------------------------

class Reader:
    """Implements `irkit.engine.forwarding.Source`. The store is opened for a moment at a time: a reader that stayed would keep
    a sealed incident from becoming one file.
    """

    def __init__(self, folder: Path, *, disclose: bool) -> None:
        from irkit.ledger import Ledger
        self._folder, self._disclose, self.ended = folder, disclose, False
        self._empty: object = None              # the files' state when there was nothing new
        with Ledger.open(folder, write=False) as ledger:
            self.mode, self.origin = ledger.mode, ledger.origin

    def read(self, after: int, until: int | None = None) -> Sequence[Line]:
        """Lines behind `after`, 8 MiB of them at most. Nothing is opened while the files are as they were."""
        from irkit.ledger import Ledger
        state = self._state()
        if state == self._empty and until is None:
            return []
        found: list[Line] = []
        size, last = 0, ""
        with Ledger.open(self._folder, write=False) as ledger:
            hidden = self._labelled(ledger.entries()) if self._disclose else {}
            for entry in ledger.entries():
                last = entry.kind
                if entry.seq > after and (until is None or entry.seq <= until) and size < HELD:
                    found.append(self._line(entry, hidden.get(entry.seq)))
                    size += len(entry.line)
            self.ended = ledger.sealed and last == "session.end"
        self._empty = None if found else state
        return found

    def leaf(self, seq: int) -> str:
        from irkit.ledger import Ledger
        with Ledger.open(self._folder, write=False) as ledger:
            return next((entry.leaf for entry in ledger.entries(seq - 1)), "")

    def _line(self, entry: Entry, hidden: frozenset[str] | None) -> Line:
        from irkit.action import Line
        values: dict[str, Any] | None = None
        if self._disclose:
            values = {} if hidden == frozenset() else {
                name: value for name, value in entry.disclosed.items() if name not in (hidden or ())}
        return Line(entry.seq, datetime.fromisoformat(entry.at), entry.leaf, entry.line.decode(), values)

    @staticmethod
    def _labelled(entries: Iterator[Entry]) -> dict[int, frozenset[str]]:
        """Entry -> the values that a label marks; none named means all of them."""
        from irkit.ledger.labels import labels
        found: dict[int, frozenset[str]] = {}
        for one in labels(entries):
            marked = frozenset(one.fields)
            found[one.of] = found.get(one.of, marked) | marked if marked and found.get(one.of, marked) else frozenset()
        return found

    def _state(self) -> object:
        """Of the store's files: what changes with every append."""
        found = []
        for name in ("ledger.db", "ledger.db-wal"):
            with contextlib.suppress(FileNotFoundError):
                told = (self._folder / name).stat()
                found.append((name, told.st_mtime_ns, told.st_size))
        return found
