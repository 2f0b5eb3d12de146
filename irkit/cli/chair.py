"""A facilitator's terminal: what stands before them, a menu, and what each of its letters asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from irkit.cli.acting import answer
from irkit.cli.control import TAGS
from irkit.drill.control import requested
from irkit.engine.gate import Question, Said
from irkit.errors import IrkitError, UsageError
from irkit.ui.reading import error_lines
from irkit.ui.watching import row_lines

if TYPE_CHECKING:
    from irkit.cli.facilitating import Desk
    from irkit.ui.prompt import Terminal

LETTERS = {"o": "observe", "h": "hold", "r": "release", "a": "add", "i": "injects", "f": "fault", "p": "pause", "c": "continue",
           "l": "look", "q": "leave"}


class _Over(Exception):
    """The drill has ended."""


class _Withdrawn(Exception):
    """Ctrl-C at a question of a verb."""


class Chair:
    """The facilitator's loop: what the team's process records is shown as it comes, and a letter begins each thing to do."""

    def __init__(self, desk: Desk, asks: Terminal) -> None:
        self.desk, self.asks = desk, asks
        self._idle = ""

    def sit(self) -> None:
        self.asks.talk.lines(self.desk.lines())
        self._idle = self.desk.idle
        try:
            menu = Question("menu", "Drill", letters=LETTERS)
            while (letter := self._put(menu, lambda: self._news(menu))) != "q":
                self._try(letter)
        except KeyboardInterrupt:
            self._leave()
            raise
        except _Over:
            name = self.desk.name
            self.asks.talk.tell("The drill is over. It can still be observed, and then reported:",
                                f'  irkit drill control {name} observe "WHAT YOU SAW"',
                                f"  irkit drill report {name} --output {name}.html")
        else:
            self._leave()

    def _try(self, letter: str) -> None:
        """Whatever is withdrawn or refused, the facilitator stays: what they hold would come if they went."""
        try:
            self._do(letter)
        except _Withdrawn:
            self.asks.talk.tell("Left out; nothing of it was recorded.")
        except IrkitError as bad:
            self.asks.talk.tell(*error_lines(bad, width=self.asks.talk.width - len(self.asks.talk.prefix)))

    def _leave(self) -> None:
        """Say what goes on by itself where nobody else facilitates."""
        stands = self.desk.stands()
        if not stands.attached.keys() - {self.desk.ledger.session}:
            held = [name for name in self.desk.waiting() if name in stands.held]
            more = " and ".join([*([f"what is held comes in its time ({', '.join(held)})"] if held else []),
                                 *(["its clock runs"] if stands.paused else [])])
            self.asks.talk.tell(f"The drill goes on without you{': ' if more else ''}{more}.")

    def _put(self, question: Question, poll: Callable[[], Sequence[Said]] = tuple) -> str:
        return answer(self.asks, question, poll)

    def _news(self, menu: Question) -> Sequence[Said]:
        """New entries as rows, and the menu again below them. Nothing is sent from here: a letter typed meanwhile still counts.

        A text that is being typed is left alone; they come after it.
        """
        rows, talk = self.desk.news(), self.asks.talk
        before, self._idle = self._idle, self.desk.idle
        idle = [self._idle] if self._idle and not before else []
        if rows or idle:
            talk.tell("")
            talk.lines(row_lines(rows, width=talk.width, prefix=talk.prefix))
            talk.tell(*idle)
        if self.desk.run.closed:
            raise _Over
        if rows or idle:
            talk.prompt(menu)
        return []

    def _text(self, prompt: str, *, key: str, required: bool = True, parse: Callable[[str], object] | None = None) -> str:
        try:
            return self._put(Question("control", prompt, key=key, required=required, parse=parse)).strip()
        except KeyboardInterrupt:
            raise _Withdrawn from None

    def _one_of(self, prompt: str, names: Sequence[str]) -> str:
        """One of several, by its number or its name."""
        def parse(text: str) -> str:
            if text.strip() in names:
                return text.strip()
            if text.strip().isdecimal() and 0 < int(text) <= len(names):
                return names[int(text) - 1]
            raise ValueError(f"type a number from 1 to {len(names)}, or a name")
        if not names:
            raise UsageError(f"{prompt}: there is none")
        self.asks.talk.tell(*(f"{number:>3}  {name}" for number, name in enumerate(names, 1)))
        return parse(self._text(prompt, key="one", parse=parse))

    def _do(self, letter: str) -> None:
        match letter:
            case "l":
                self.asks.talk.lines(self.desk.lines())
            case "i":
                self.asks.talk.tell(*self.desk.card_lines())
            case "h":
                self.desk.hold(self._one_of("Which inject", self.desk.waiting()))
            case "r":
                self.desk.release(self._one_of("Which inject", self.desk.waiting()))
            case "p" | "c":
                self.desk.say("pause" if letter == "p" else "continue")
            case "a":
                self._add()
            case "f":
                self._fault()
            case "o":
                self._observe()

    def _add(self) -> None:
        text = self._text("What the team is told", key="text")
        to = self._text("To whom (empty: all)", key="to", required=False)
        ask = self._text("What they are asked (empty: nothing)", key="ask", required=False)
        expect = self._text("What a good answer holds (empty: nothing)", key="expect", required=False) if ask else ""
        when = self._text("When: 25m from the start, or a step's id for after it (empty: now)", key="when", required=False,
                          parse=self.desk.when)
        self.desk.add(text, ask=ask, to=to, expect=expect, **self.desk.when(when))

    def _fault(self) -> None:
        connector = self._one_of("Which system", sorted(self.desk.scenario.worlds))
        request = self._text("Which request, as in DELETE /api/v2/users/*/sessions", key="request", parse=requested)
        how = self._one_of("How", ["lost before it arrives", "lost on the way back", "answered 429, wait 3 s", "answered 503"])
        lost: Literal["before", "after", ""] = "before" if "before" in how else "after" if "back" in how else ""
        status = None if lost else 429 if "429" in how else 503
        self.desk.fault(connector, request, lost=lost, status=status, retry_after=3 if status == 429 else None)

    def _observe(self) -> None:
        tag = self._one_of("What is it", TAGS)
        objective = self._one_of("Of which objective", [*self.desk.objectives(), "none"])
        self.desk.observe(self._text("What you saw", key="text"), tag, "" if objective == "none" else objective)
