"""irkit handover, and irkit resume where a run was offered."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.drill.clock import DrillClock
from irkit.engine.fold import fold
from irkit.engine.gate import Offered, Question, Said
from irkit.engine.handover import take_over
from irkit.engine.session import Session, load_from
from irkit.engine.state import State
from irkit.engine.view import View
from irkit.errors import NotTheHolder
from irkit.ledger import Ledger
from irkit.ledger.keys import signer
from irkit.ledger.sshsig import Signer, Throwaway
from tests.cli.people import NAME, Team, entries, incident, verified
from tests.cli.rig import Capsys, irkit
from tests.engine.play import STARTS, book
from tests.ledger.ssh import needs_ssh


class Says:
    """A gate that types one answer, and keeps what was asked and said. `meanwhile` happens before it answers."""

    def __init__(self, answer: str, meanwhile: object = None) -> None:
        self.answer, self.meanwhile = answer, meanwhile
        self.asked: list[Question] = []

    def say(self, said: Said) -> None:
        del said

    def ask(self, question: Question, _poll: object) -> str:
        self.asked.append(question)
        if callable(self.meanwhile):
            self.meanwhile()
        return self.answer


def taking(folder: Path, who: str, gate: Says, key: Signer | None = None) -> Session:
    """A session of `who` that takes the open run over."""
    from irkit.engine.context import Context
    from irkit.engine.modes import Mode
    with Ledger.open(folder) as ledger:
        own = ledger.start_session(who, signer=key or Throwaway())
        state = fold(State(), ledger.entries(), load_from(ledger))
        clock = DrillClock(STARTS, monotonic=lambda: 0.0)
        ctx = Context(ledger, None, clock, gate, Mode.LIVE, "r1", who, signer=key or Throwaway())  # type: ignore[arg-type]
        view = View(folder.name, book("\n  - {id: a, phase: prepare, title: A, why: B, do: C}\n"), state, "r1", who)
        session = Session(ctx, view, own=own)
        try:
            take_over(session, "")
        finally:
            ledger.end_session()
    return session


def offered(folder: Path) -> Offered | None:
    with Ledger.open(folder, write=False) as ledger:
        return fold(State(), ledger.entries(), load_from(ledger)).runs["r1"].offer


@pytest.fixture
def drill(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drill's incident with a run that Maria holds."""
    del capsys
    monkeypatch.setenv("IRKIT_WHO", "Maria Lopez")
    return incident("drill", open_run=True)


def test_an_offer_is_filled_from_the_ledger_and_signed(drill: Path, capsys: Capsys) -> None:
    """Six sections; the run stays with its holder; the ledger verifies; nothing of it stands in the line."""
    ran = irkit(capsys, "handover", NAME, "--to", "sam", "--no-edit")
    assert ran.code == 0, ran.err
    assert "It stays yours until sam types I HAVE IT" in ran.words
    entry = entries(drill, "handover.")[0]
    assert set(entry.disclosed) == {"handover.from", "handover.to", "handover.text"}
    assert [line.partition(":")[0] for line in entry.disclosed["handover.text"].splitlines() if not line.startswith("- ")] == [
        "Status", "Tried", "Unknown", "Risks", "Next", "Clock"]
    assert b"sam" not in entry.line
    verified(drill)
    assert "not accepted yet" in irkit(capsys, "status", NAME).out


def test_the_next_one_accepts_and_signs(drill: Path, capsys: Capsys) -> None:
    """handover.accepted refers to the offer; only then does the run move."""
    irkit(capsys, "handover", NAME, "--to", "sam", "--no-edit")
    gate = Says("I HAVE IT")
    session = taking(drill, "sam", gate)
    offer, accepted = entries(drill, "handover.")
    assert (accepted.kind, accepted.ref, session.run.holder, session.run.last_who) == (
        "handover.accepted", offer.seq, session.own, "sam")
    assert gate.asked[0].prompt.startswith("You are sam. Maria Lopez hands this run over to you.")
    assert session.run.offer is None
    verified(drill)


def test_somebody_else_takes_it_over_and_accepts_nothing(drill: Path, capsys: Capsys) -> None:
    """An offer to sam is no hand-over to kim: the prompt says so, and run.resumed refers to the offer that it passed by."""
    irkit(capsys, "handover", NAME, "--to", "sam", "--no-edit")
    gate = Says("I HAVE IT")
    session = taking(drill, "kim", gate)
    assert "offered it to sam, and not to you" in gate.asked[0].prompt
    resumed = entries(drill, "run.resumed")[0]
    assert (resumed.ref, len(entries(drill, "handover.accepted"))) == (entries(drill, "handover.offered")[0].seq, 0)
    assert (session.run.last_who, offered(drill)) == ("kim", None)


def test_of_two_who_type_it_the_first_has_it(drill: Path, capsys: Capsys) -> None:
    """Both saw the same screen and both type I HAVE IT: one is refused inside the transaction, and that is on record."""
    irkit(capsys, "handover", NAME, "--to", "sam", "--no-edit")
    with pytest.raises(NotTheHolder, match="somebody else took"):
        taking(drill, "sam", Says("I HAVE IT", lambda: taking(drill, "kim", Says("I HAVE IT"))))
    assert [one.kind for one in entries(drill, "handover.")] == ["handover.offered"]
    assert [one.data["refused"] for one in entries(drill, "note") if "refused" in one.data] == ["handover.accepted"]
    verified(drill)


@pytest.mark.parametrize(("to", "why"), [("  ", "nobody was named"), ("maria  LOPEZ", "has this run already")])
def test_an_offer_to_nobody_or_oneself_is_refused_and_recorded(drill: Path, capsys: Capsys, to: str, why: str) -> None:
    """Exit 2 with the reason, a note, and no offer."""
    ran = irkit(capsys, "handover", NAME, "--to", to, "--no-edit")
    assert ran.code == 2
    assert why in ran.words
    assert entries(drill, "handover.") == []
    assert [one.data["refused"] for one in entries(drill, "note") if "refused" in one.data] == ["handover.offered"]


def test_an_empty_text_offers_nothing(drill: Path, capsys: Capsys) -> None:
    """A file of comments alone is empty."""
    Path("text").write_text("# only a hint\n\n")
    ran = irkit(capsys, "handover", NAME, "--to", "sam", "--text", "text")
    assert (ran.code, entries(drill, "handover.")) == (2, [])


def test_no_terminal_and_no_flag(drill: Path, capsys: Capsys) -> None:
    """An editor needs a terminal: exit 2 names the flags, and nothing is recorded."""
    before = len(entries(drill))
    ran = irkit(capsys, "handover", NAME, "--to", "sam")
    assert (ran.code, len(entries(drill))) == (2, before)
    assert "--no-edit, or --text FILE" in ran.words


def test_only_who_has_it_hands_it_over(drill: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kim cannot give away what Maria has."""
    monkeypatch.setenv("IRKIT_WHO", "kim")
    ran = irkit(capsys, "handover", NAME, "--to", "sam", "--no-edit")
    assert ran.code == 2
    assert "Maria Lopez has this run, and you are kim" in ran.words
    assert entries(drill, "handover.") == []


@needs_ssh
def test_live_it_is_to_somebody_of_the_incident(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name is refused until a role.assigned makes it known; the acceptance wants another key than the offer."""
    team = Team(capsys, tmp_path, monkeypatch)
    folder = incident(open_run=True, signer=signer(str(team.keys["maria"])))
    unknown = team("maria", "handover", NAME, "--to", "sam", "--no-edit")
    assert unknown.code == 2
    assert "is not among the people" in unknown.words
    assert team("maria", "people", "assign", NAME, "legal", "sam").code == 2           # no such role
    with Ledger.open(folder) as ledger:
        ledger.start_session("Maria Lopez", signer=signer(str(team.keys["maria"])))
        ledger.append("role.assigned", {"role": "lead"}, {"person.name": "Sam Ng", "person.handle": "sam"}, by="human")
        ledger.end_session()
    assert team("maria", "handover", NAME, "--to", "sam", "--no-edit").code == 0
    same_key = Says("q")
    with pytest.raises(Exception, match="not taken over"):
        taking(folder, "Sam Ng", same_key, signer(str(team.keys["maria"])))
    assert "The key that signs here signed the offer" in same_key.asked[0].prompt
    taking(folder, "Sam Ng", Says("I HAVE IT"), signer(str(team.keys["sam"])))
    assert [one.kind for one in entries(folder, "handover.")] == ["handover.offered", "handover.accepted"]
    verified(folder, team.trust())


def test_people_roles_and_steps_are_completed_from_the_incident(drill: Path) -> None:
    """Behind an option without its value, too; an incident that is not there completes nothing."""
    from click.shell_completion import BashComplete

    from irkit.cli import cli
    from irkit.cli.options import Settings
    with Ledger.open(drill) as ledger:
        ledger.start_session("Maria Lopez", signer=Throwaway())
        ledger.append("role.assigned", {"role": "lead"}, {"person.name": "Sam Ng"}, by="human")
        ledger.end_session()

    def offers(*words: str) -> list[str]:
        shell = BashComplete(cli, {"obj": Settings()}, "irkit", "_IRKIT_COMPLETE")
        return [one.value for one in shell.get_completions(list(words), "")]

    assert offers("handover", NAME, "--to") == ["Sam Ng"]
    assert offers("people", "assign", NAME) == ["lead"]
    assert offers("note", NAME, "text", "--step") == ["call", "tell"]
    assert offers("handover", "INC-404", "--to") == []
