"""Runs that come past the places where the engine asks, with what a person types at each question, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from irkit.drill.injects import Cards, Inject
from irkit.engine.gate import Question, Said
from irkit.engine.run import Due
from irkit.errors import Paused
from irkit.ledger.sshsig import Throwaway
from irkit.ui.accept import refusal
from irkit.worlds import Fault
from tests.engine.play import AGENT, END, SESSIONS, SUSPEND, Play, book
from tests.engine.test_approval import APPROVED, WITH_EVIDENCE, Lead
from tests.engine.test_fanout import OFF, TRIGGERS
from tests.engine.test_flow import CALL, EXPORTED, NOTIFY, WATCH
from tests.engine.test_undo import LAST, edit

PHRASE, ENDS = object(), object()        # the phrase that the question wants; the terminal's input ends here
ELSEWHERE = """
  - {id: elsewhere, phase: contain, title: Find them in Okta, why: They sign in there., action: okta.find_user,
     with: {email: "{{ inputs.agent_email }}"}}
"""
NOT_A_TIME = """
  - {id: log, phase: preserve, title: Keep the log, why: It ages out., action: zendesk.collect_access_log,
     with: {since: "{{ inputs.agent_email }}"}}
"""
OWNED = LAST.rstrip("\n") + "\n    owner: lead\n"


@dataclass
class Typed(Play):
    """A play at which somebody types, in order. `at` is told of each question as it is asked."""

    types: list[object] = field(default_factory=list)
    at: Callable[[Play, Question], None] = lambda _play, _question: None

    def ask(self, question: Question, poll: Callable[[], Sequence[Said]]) -> str:
        assert self.session is not None
        self.session.ctx.signer = Throwaway()
        self.at(self, question)
        if self.types[:1] != [ENDS]:
            self.before_ask(self, question)
        self.asked.append(question)
        for said in poll():
            self.say(said)
        answer = self.types.pop(0) if self.types else ENDS
        if answer is ENDS:
            raise Paused("the terminal's input ended")
        text = question.phrase if answer is PHRASE else str(answer)
        assert not refusal(question, text), (question.name, question.prompt, text)
        return text


Making = Callable[[Path], Typed]


def _play(*steps: str, types: Sequence[object], **more: object) -> Making:
    faults = [Fault("zendesk", *fault) for fault in more.pop("faults", ())]          # type: ignore[attr-defined]
    return lambda folder: Typed(folder, book(*steps), {}, types=list(types), faults=faults, **more)  # type: ignore[arg-type]


def _meddle(play: Play, question: Question) -> None:
    """Somebody else makes the account an admin before the undo looks."""
    if question.step == "last" and not play.entries("step.failed"):
        edit(play, b'{"user": {"role": "admin"}}')


def _waits(folder: Path) -> Typed:
    """A step that is due later, on a clock that does not jump; at the second question its time has come."""
    def at(play: Play, question: Question) -> None:
        if question.name == "menu" and any(q.name == "note" for q in play.asked):
            play.pass_time(minutes=31)
            raise Due
    made = Typed(folder, book(AGENT, SUSPEND, WATCH), {}, types=["y", "n", "a note"], before_ask=at)
    made.on_say = lambda _said: setattr(made.session.ctx.clock, "jumps", False) if made.session else None
    return made


def _answered(kind: str, *types: object, steps: Sequence[str] = (AGENT, APPROVED)) -> Making:
    def make(folder: Path) -> Typed:
        return Typed(folder, book(*steps), {}, types=list(types), before_ask=Lead(kind=kind, times=1))
    return make


PLAYS: Mapping[str, Making] = {
    "containment": _play(AGENT, SESSIONS, SUSPEND, END, types=[
        "n", "a note", "a", "text: seen", "h", "", "h", "sam", "Take care.", "s", "ask the owner", PHRASE, "sent nevertheless"],
        faults=[("GET /api/v2/users/*/sessions*", None, {"status": 403}, 1)]),
    "by hand": _play(AGENT, CALL, EXPORTED, NOTIFY, types=[
        "m", "", "", "looked it up", "Dana Reyes", "dana@example.org", "", "m", "Wei", "now", "rang them", "paste:",
        '{"reached": true}', "s", "no log yet", "x", "nobody wants it"],
        faults=[("GET /api/v2/users/search*", None, {"status": 404}, 1)]),
    "a decision": _play(AGENT, EXPORTED, NOTIFY, types=["yes", "12 rows", "m", "", "", "sent it", ""]),
    "what is not known": _play(AGENT, SUSPEND, types=["s", "no such account", "8"],
                               faults=[("GET /api/v2/users/search*", None, {"status": 404}, 1)]),
    "a value that does not fit": _play(NOT_A_TIME, types=["r", "s", "the runbook is wrong"]),
    "no list": _play(TRIGGERS, OFF, types=["s", "not on this plan", "s", "no list"],
                     faults=[("GET /api/v2/triggers*", None, {"status": 404}, 1)]),
    "many, except some": _play(TRIGGERS, OFF, types=["e", "", "e", "1", "ours", "y", "e", *["another reason"] * 2],
                               faults=[("PUT /api/v2/triggers/*", None, {"status": 403}, 2)]),
    "many, the rest skipped": _play(TRIGGERS, OFF, types=["y", "s", "owner asleep"],
                                    faults=[("PUT /api/v2/triggers/*", None, {"status": 403}, 2)]),
    "many, the rest by hand": _play(TRIGGERS, OFF, types=["y", "m", "", "", "in the console", ""],
                                    faults=[("PUT /api/v2/triggers/*", None, {"status": 403}, 2)]),
    "unknown": _play(AGENT, SUSPEND, types=["y", "l", "x", "y"], faults=[("PUT /api/v2/users/*", "before", None, 1)]),
    "undo over a change": _play(AGENT, SUSPEND, LAST, types=["y", "u", "s", "ask the owner"], before_ask=_meddle),
    "undo by hand": _play(AGENT, SUSPEND, LAST, types=["y", "u", "m", "", "", "in the console", ""]),
    "undo of many": _play(TRIGGERS, OFF, LAST, types=["y", "u", "y"]),
    "a wait": _waits,
    "a card": _play(AGENT, SUSPEND, types=["the press office", "y"], happenings=Cards(
        [Inject("press", "A reporter calls.", at=timedelta(), ask="Who answers?")])),
    "no connection": _play(ELSEWHERE, types=["n", "a note", "s", "nobody has the console"]),
    "a role": _play(AGENT, OWNED, types=["", "s", "all is well"]),
    "approval refused": _answered("approval.refused", "", "s", "she is right"),
    "approval given": _answered("approval.given", "sam", "text: the ticket", "y", steps=(AGENT, WITH_EVIDENCE)),
}
