"""Commands that ask by themselves, with what they need and what is typed at each of their questions, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from irkit.ledger import Ledger
from tests.cli.people import BOOK, NAME, PEOPLE, entries, incident
from tests.drill.scenes import begun
from tests.ledger.approving import FAR, ask, begin
from tests.ledger.ssh import made

CONNECTED = """\
[connections.zendesk]
connector = "zendesk"
sign_in = "token"
credential = "prompt"
base_url = "http://127.0.0.1:9"
"""
FINDS = BOOK.replace(b"do: \"Call them.\"", b"action: zendesk.find_user, with: {email: dana@example.org}")


@dataclass(frozen=True)
class Command:
    """What is typed on the command line and at its questions, who does, and the flag that is named where nobody can."""

    words: tuple[str, ...]
    types: tuple[str, ...]
    flag: str
    prepare: Callable[[], object]
    who: str = "Maria Lopez"


def _approval() -> None:
    """Somebody else asks for it, in a drill."""
    with Ledger.create(Path("evidence", NAME).absolute(), mode="drill", version="1", code_hash="0" * 64) as ledger:
        ledger.start_session("Maria Lopez")
        book = ledger.keep("mine.yaml", BOOK, run="r1")
        ledger.append("run.opened", {"runbook": "mine", "version": 1, "runbook_sha256": book.sha256, "mode": "drill"}, run="r1")
        begin(ledger)
        ask(ledger, 7, expires=FAR)


def _held() -> None:
    folder = incident("test")
    with Ledger.open(folder) as ledger:
        ledger.start_session("Maria Lopez")
        ledger.append("hold.placed", {}, {"hold.by": "counsel", "hold.reason": "a letter"}, by="human")
        ledger.end_session()


def _offered() -> None:
    from irkit.cli import main
    _with_people()
    assert main(["custody", "offer", NAME, "--to", "sam", "--all", "--location", "safe", "--reason", "analysis",
                 "--phone", "+33 1"]) == 0


def _with_people() -> None:
    incident("test")
    Path("irkit.toml").write_text(PEOPLE.replace('phone = "+33 1 23 45 67 89"\n', ""))


def _open() -> None:
    incident(open_run=True)


def _runbook() -> None:
    Path("mine.yaml").write_bytes(BOOK)
    Path("irkit.toml").write_text(f'[key]\nuse = "{made(Path.cwd())}"\n')


def _forwarded() -> None:
    """A receiver whose keys are typed, on this machine, where nothing listens."""
    incident("test")
    Path("irkit.toml").write_text(
        '[connections.splunk]\nconnector = "splunk"\ncredential = "prompt"\nbase_url = "http://127.0.0.1:9"\n'
        'settings = { hec = "127.0.0.1:9" }\ncredentials = { hec = "prompt" }\n')


def _prompted() -> None:
    Path("irkit.toml").write_text(CONNECTED)
    Path("mine.yaml").write_bytes(FINDS)


def _keys() -> None:
    (Path.home() / ".ssh").mkdir(parents=True)
    made(Path.home() / ".ssh")


def _clocked() -> None:
    """A live run whose clock runs, and a receipt."""
    incident(open_run=True, told=False)
    Path("receipt.pdf").write_bytes(b"%PDF received")


def _met() -> None:
    from irkit.cli import main
    _clocked()
    assert main(["clock", "met", NAME, "gdpr", "--basis", "filed", "--attach", "receipt.pdf"]) == 0


def _drilled() -> None:
    begun(Path("evidence", NAME))


def note_of() -> str:
    return str(entries(Path("evidence", NAME), "note")[0].seq)


COMMANDS = {
    "hold place": Command(("hold", "place", NAME), ("counsel", "a letter"), "--by", lambda: incident("test")),
    "hold release": Command(("hold", "release", NAME), ("counsel", "settled"), "--by", _held),
    "ledger label": Command(("ledger", "label", NAME, "NOTE", "privilege"), ("counsel", "J. Ortiz"), "--basis",
                            lambda: incident("test")),
    "ledger erase": Command(("ledger", "erase", NAME, "NOTE", "text"), ("GDPR", "DPO", "PHRASE"), "--basis",
                            lambda: incident("test")),
    "ledger erase, its phrase": Command(("ledger", "erase", NAME, "NOTE", "text", "--basis", "GDPR", "--by", "DPO"),
                                        ("PHRASE",), "--confirm", lambda: incident("test")),
    "close": Command(("close", NAME), ("PHRASE",), "--confirm", lambda: incident("test")),
    "custody offer": Command(("custody", "offer", NAME, "--to", "sam", "--all"), ("+33 1", "safe 2", "analysis"), "--location",
                             _with_people),
    "custody accept": Command(("custody", "accept", NAME), ("safe 3",), "--location", _offered, "sam"),
    "handover": Command(("handover", NAME), ("sam",), "--to", _open),
    "handover, its text": Command(("handover", NAME, "--to", "Sam Ng"), (), "--no-edit", _open),
    "resume": Command(("resume", NAME), ("I HAVE IT",), "--answers FILE", _open, "Sam Ng"),
    "run": Command(("run", "mine.yaml", "--incident", NAME), ("2026-11-20T02:06:00Z",), "--answers FILE", _runbook),
    "run, its credential": Command(("run", "mine.yaml", "--incident", NAME, "--input", "aware_at=2026-11-20T02:06:00Z"), (),
                                   "--answers FILE", _prompted),
    "approve": Command(("approve", NAME), ("PHRASE",), "--refuse", _approval, "sam"),
    "connect": Command(("connect", "zendesk"), ("token", "acme", "env:TOKEN"), "--sign-in", lambda: None),
    "ledger forward": Command(("ledger", "forward", NAME, "--to", "splunk", "--disclose"), ("PHRASE",), "--confirm",
                              _forwarded),
    "clock met": Command(("clock", "met", NAME, "gdpr", "--attach", "receipt.pdf"), ("filed",), "--basis", _clocked),
    "clock reopen": Command(("clock", "reopen", NAME, "gdpr"), ("returned",), "--reason", _met),
    "drill control": Command(("drill", "control", NAME), ("o", "weakness", "none", "They read it twice"), "--json",
                             _drilled),
    "key use": Command(("key", "use"), ("1",), "irkit key use REFERENCE", _keys),
    "doctor": Command(("doctor", "zendesk"), (), "use env: or command: in irkit.toml", _prompted),
}


def words_of(command: Command) -> Sequence[str]:
    return [note_of() if word == "NOTE" else word for word in command.words]
