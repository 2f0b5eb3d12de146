"""What a drill makes happen in a run: each card is shown, whoever is killed in between, and stands above its question."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from irkit.drill.injects import Cards, Inject
from irkit.engine.gate import Ended, News, Question, Said
from irkit.engine.session import Nothing
from irkit.errors import IrkitError, NotTheHolder
from irkit.ledger import Ledger
from tests.engine.play import AGENT, SUSPEND, Play, book
from tests.ledger.test_disk import no_file_beyond

FIRE = Inject("fire", "A fire in the rack.", at=timedelta(minutes=5))
PRESS = Inject("press", "A reporter asks.", at=timedelta(minutes=5), ask="What?", expect="Nothing.")
LAST = """
  - id: call
    phase: contain
    title: Call the agent
    why: They know.
    do: Call them.
"""
ANSWERS = {"suspend": "yes", "press": "The press office calls back", "call": {"by_hand": "Rang", "attach": "text:x"}}


class Killed(BaseException):
    """The process is gone: nothing more of it is run."""


def playing(folder: Path, *cards: Inject, answers: dict[str, Any] | None = None,
            at: Callable[[Play, Question], None] = lambda _play, _question: None) -> Play:
    return Play(folder, book(AGENT, SUSPEND, LAST), ANSWERS if answers is None else answers, happenings=Cards(cards),
                before_ask=at)


def at_the_gate(act: Callable[[Play], None]) -> Callable[[Play, Question], None]:
    """At the gate of the suspension, six minutes later."""
    def asked(play: Play, question: Question) -> None:
        if (question.step, question.name) == ("suspend", "gate"):
            play.pass_time(minutes=6)
            act(play)
    return asked


def dies(play: Play) -> None:
    """What comes is put on record, and the process is killed before it shows it."""
    assert play.session is not None
    play.session.poll()
    raise Killed


def cards_said(play: Play) -> list[str]:
    return [line.strip() for news in play.heard(News) for line in news.lines if line.strip() in (FIRE.say, PRESS.say)]


def test_a_card_that_nobody_was_shown_is_shown_on_resume(tmp_path: Path) -> None:
    """Killed between the record of an inject and its card: whoever resumes is shown it, and it stands on record once."""
    play = playing(tmp_path / "D", FIRE, at=at_the_gate(dies))
    with pytest.raises(Killed):
        play.walk()
    assert (len(play.entries("inject")), cards_said(play)) == (1, [])
    again = playing(tmp_path / "D", FIRE).walk()
    assert (len(again.entries("inject")), cards_said(again)) == (1, [FIRE.say])


def test_it_is_shown_until_somebody_goes_on_with_it(tmp_path: Path) -> None:
    """Killed once more as it is shown, it is shown again; after a step that was taken in its sight no more."""
    folder = tmp_path / "D"
    first, second = playing(folder, FIRE, at=at_the_gate(dies)), playing(folder, FIRE)
    second.on_say = as_shown
    for play in (first, second):
        with pytest.raises(Killed):
            play.walk()
    third = playing(folder, FIRE, answers={"suspend": "yes"}).walk()
    assert (cards_said(third), third.paused is not None) == ([FIRE.say], True)
    fourth = playing(folder, FIRE).walk()
    assert (cards_said(fourth), fourth.paused) == ([], None)


def as_shown(said: Said) -> None:
    if isinstance(said, News) and FIRE.lines == said.lines:
        raise Killed


def test_one_that_asks_is_shown_once_on_resume(tmp_path: Path) -> None:
    """Its card and its question, with nothing between them."""
    with pytest.raises(Killed):
        playing(tmp_path / "D", PRESS, at=at_the_gate(dies)).walk()
    again = playing(tmp_path / "D", PRESS)
    seen = recorded(again)
    again.walk()
    assert cards_said(again) == [PRESS.say]
    assert seen[seen.index("What?") - 1] == PRESS.say


def test_whoever_lost_the_run_plays_nothing_in_it(tmp_path: Path) -> None:
    """A card that comes then is the new holder's to show: the old process puts none on record that nobody sees."""
    def taken(play: Play) -> None:
        with Ledger.open(play.folder) as other:
            other.start_session("sam")
            other.append("run.resumed", {}, run="r1", by="human")
        assert play.session is not None
        play.session.poll()
    play = playing(tmp_path / "D", FIRE, at=at_the_gate(taken))
    with pytest.raises(NotTheHolder):
        play.walk()
    assert play.entries("inject") == []


# -- its question ----------------------------------------------------------------------------------------------------

def recorded(play: Play) -> list[str]:
    """What is said and asked from now on, a word each, in the order in which it stands on the screen."""
    seen: list[str] = []
    before = play.before_ask

    def asks(one: Play, question: Question) -> None:
        before(one, question)
        seen.append(question.prompt)
    play.before_ask = asks
    play.on_say = lambda said: seen.append(said.lines[-1].strip() if isinstance(said, News) else type(said).__name__)
    return seen


def test_a_card_stands_above_its_question(tmp_path: Path) -> None:
    """It came at a step's prompt and has scrolled away since: it is said again before the question."""
    play = playing(tmp_path / "D", PRESS, at=at_the_gate(shows))
    seen = recorded(play)
    play.walk()
    assert cards_said(play) == [PRESS.say, PRESS.say]
    assert seen[seen.index("What?") - 1] == PRESS.say


def shows(play: Play) -> None:
    """As a terminal does, which says what comes and asks again."""
    assert play.session is not None
    for said in play.session.poll():
        play.say(said)


def test_a_card_that_comes_between_the_steps_is_said_once(tmp_path: Path) -> None:
    """With its question right below it; a second one that came with it is said again above its own."""
    second = Inject("chief", "The chief rings.", at=timedelta(minutes=5), ask="Who answers?")
    play = playing(tmp_path / "D", PRESS, second, answers={**ANSWERS, "chief": "Maria"})
    seen = recorded(play)
    heard = play.on_say

    def says(said: Said) -> None:
        heard(said)
        if isinstance(said, Ended):
            play.pass_time(minutes=6)                  # between two steps
    play.on_say = says
    play.walk()
    asked = [seen.index("What?"), seen.index("Who answers?")]
    assert cards_said(play) == [PRESS.say]
    assert [seen[place - 1] for place in asked] == [second.say, second.say]
    assert seen[asked[0] - 2] == PRESS.say


# -- a disk that is full -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("says", ["control", "inject", "heartbeat"])
def test_a_disk_that_is_full_names_the_way_back(tmp_path: Path, says: str) -> None:
    """What a facilitator said, a card that came, or that nothing did, cannot be put on record: the error says how the team
    goes on."""
    def full(play: Play) -> None:
        assert play.session is not None
        if says == "control":
            with Ledger.open(play.folder) as other:
                other.start_session("fay")
                other.append("control", {"control": "hold", "inject": "fire"}, run="r1")
        if says == "heartbeat":
            play.session.ctx.clock.jumps = False       # as real time, in which a gap in the record is to be none
            play.session.happenings = Nothing()
        with no_file_beyond((play.folder / "ledger.db-wal").stat().st_size):
            play.session.poll()
    play = playing(tmp_path / "D", FIRE, at=at_the_gate(full))
    with pytest.raises(IrkitError, match="nothing was appended") as error:
        play.walk()
    assert error.value.next.startswith("df -h ")
    assert error.value.next.endswith("; then: irkit resume D")
    assert playing(tmp_path / "D", FIRE).walk().paused is None
