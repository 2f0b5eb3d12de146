"""A drill as its facilitator sees and steers it: what `irkit drill control` shows, and how its entries are made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from irkit.cli import incidents
from irkit.cli.options import Settings
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from irkit.drill.control import Standing
    from irkit.drill.injects import Inject
    from irkit.engine.state import RunState, State
    from irkit.ledger import Entry, Ledger
    from irkit.ledger.clock import Clock
    from irkit.ui.layout import Page
    from irkit.ui.reading import Row

LATEST = 8                     # entries that stand below the rest
STEPS = 9                      # steps that stand above it


def there(state: State, session: int) -> bool:
    """Whether the process of an open session is still there; on another machine nobody can tell, and it counts as there."""
    from irkit.cli.resume import alive
    from irkit.ledger.clock import SystemClock
    data = state.sessions[session]
    return data.get("boot") != SystemClock().boot() or alive(data.get("pid", 0))


@contextlib.contextmanager
def desk_of(settings: Settings, incident: str, *, over: bool = False, write: bool = True,
            clock: Clock | None = None) -> Iterator[Desk]:
    """The drill in that incident. Raises UsageError for one that is none, and unless `over` for one that has ended.

    `clock` is the machine's, unless given.
    """
    from irkit.ledger import Ledger
    from irkit.ledger.clock import SystemClock
    folder, clock = incidents.folder_of(settings, incident), clock or SystemClock()
    with Ledger.open(folder, write=write, clock=clock) as ledger:
        if ledger.mode != "drill":
            raise UsageError(f"{folder.name} is a {ledger.mode} incident, and only a drill is steered",
                             next=f"irkit watch {folder.name}")
        settings.prefix = "DRILL "
        state = incidents.state_of(ledger)
        run = state.open_run or next(reversed(state.runs.values()), None)
        if run is None or run.mode != "drill":
            raise UsageError(f"{folder.name} holds no drill", next="irkit drill --facilitator")
        if run.closed and not over:
            raise UsageError(f"the drill of {folder.name} is over, and can be observed alone",
                             next=f'irkit drill control {folder.name} observe "WHAT YOU SAW", or: '
                                  f"irkit drill report {folder.name} --output {folder.name}.html")
        if write and ledger.sealed:
            raise LedgerError(f"{folder.name} is sealed: nothing more is recorded in it", next=f"irkit status {folder.name}")
        try:
            yield Desk(settings, ledger, state, run, clock)
        finally:
            ledger.end_session()


class Desk:
    """What a facilitator has in front of them. `state` is folded from the drill's ledger, by `_look` alone."""

    def __init__(self, settings: Settings, ledger: Ledger, state: State, run: RunState, clock: Clock) -> None:
        from irkit.cli.rows import Rows
        from irkit.cli.walks import own_copy, own_scenario
        self.settings, self.ledger, self.state, self.run, self._clock = settings, ledger, state, run, clock
        self.runbook, self.scenario = own_copy(ledger, run), own_scenario(ledger, run)
        self.latest: list[Row] = []
        self._unshown: list[Row] = []
        self._rows = Rows()
        self._stamped: dict[int, Entry] = {}                    # session -> its latest entry with the drill's time
        self.played: dict[str, timedelta] = {}                  # inject -> when, from the run's start
        self.answers: dict[str, tuple[str, int]] = {}           # inject -> what the team said, in how many seconds
        for entry in ledger.entries():
            self._note(entry)

    @property
    def name(self) -> str:
        return self.ledger.folder.name

    def news(self) -> list[Row]:
        """The rows of what came since the last call, each once: also of what was read before something was said."""
        self._look()
        rows, self._unshown = self._unshown, []
        return rows

    def _look(self) -> None:
        """Fold what came since the last look."""
        from irkit.engine.fold import fold
        from irkit.engine.session import load_from
        new = list(self.ledger.entries(after=self.state.seq))
        fold(self.state, new, load_from(self.ledger))
        self._unshown += [row for entry in new if (row := self._note(entry))]

    def _note(self, entry: Entry) -> Row | None:
        """Remember what the fold does not; the row that is shown of it."""
        from irkit.cli.watch import QUIET
        from irkit.engine.fold import moment
        row = self._rows(entry)
        if "drill_at" in entry.data:
            self._stamped[entry.session] = entry
        if entry.kind == "inject" and entry.run == self.run.id:
            inject = str(entry.data["inject"])
            if entry.data.get("answered"):
                self.answers[inject] = (str(entry.disclosed.get("answer", "")), int(entry.data.get("seconds", 0)))
            else:
                self.played.setdefault(inject, moment(entry) - self.run.opened_at)
        if entry.kind in QUIET or entry.data.get("control") == "taken":
            return None
        self.latest = [*self.latest, row][-LATEST:]
        return row

    # -- the team's process ------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The drill's time. Nobody records anything while the team reads and talks, so it is read off its process's clock."""
        from irkit.drill.clock import reading
        latest, last = incidents.now_of(self.state), self._stamped.get(self.run.holder)
        if last is None or not self._goes_on():
            return latest
        return max(latest, reading(last, self._clock.mono_ns()))

    @property
    def playing(self) -> bool:
        """Whether the team's process is there, as far as can be told: it was neither paused nor killed, and the run is open."""
        return not self.run.closed and self.run.holder in self.state.sessions and there(self.state, self.run.holder)

    @property
    def idle(self) -> str:
        """What to say where nobody plays and the run is open; else empty."""
        return "" if self.playing or self.run.closed else f"Nobody plays. irkit resume {self.name} goes on where they stopped."

    def _goes_on(self) -> bool:
        """Whether a process of this machine plays, with its clock running: it stands still once the pause was taken up."""
        from irkit.drill.control import standing
        followed = [one for one in self.run.controls if one.entry in self.run.taken]
        return (self.playing and self.state.sessions[self.run.holder].get("boot") == self._clock.boot()
                and not standing(followed).paused)

    # -- saying ------------------------------------------------------------------------------------------------------

    def begin(self, **data: object) -> None:
        """A session of this person's own. It begins with the first word, so that whoever is refused leaves no entry."""
        if self.ledger.session is None:
            self.ledger.start_session(incidents.who_am_i(self.settings.config)[0], data=data)

    def say(self, verb: str, data: Mapping[str, Any] | None = None, shown: Mapping[str, Any] | None = None) -> Entry:
        """Append what the facilitator does; the team's process follows it at its next look."""
        from irkit.engine.values import rfc3339
        self.begin()
        self._look()
        return self.ledger.append("control", {"control": verb, **(data or {}), "drill_at": rfc3339(self.now())}, shown,
                                  by="human", run=self.run.id)

    def hold(self, inject: str) -> Entry:
        """Keep an inject back. Raises UsageError for one that is none or has come, also while somebody chose it."""
        return self.say("hold", {"inject": self.inject(inject)})

    def release(self, inject: str) -> Entry:
        """Let an inject come now. Raises UsageError as `hold` does."""
        return self.say("release", {"inject": self.inject(inject)})

    def add(self, text: str, *, ask: str = "", to: str = "", expect: str = "", **bound: object) -> Entry:
        """An inject of one's own, `bound` to `at_seconds` or to the end of the step `after`; else it comes at once."""
        more = {f"inject.{key}": value for key, value in (("to", to), ("ask", ask), ("expect", expect)) if value}
        return self.say("add", {key: value for key, value in bound.items() if value}, {"text": text, **more})

    def when(self, text: str) -> dict[str, object]:
        """What an inject of one's own is bound to, as it is typed: a time, a step's id, or nothing. Raises ValueError."""
        from irkit.runbook import duration
        if not text.strip() or self.runbook.step(text.strip()) is not None:
            return {"after": text.strip()}
        try:
            return {"at_seconds": int(duration(text).total_seconds())}
        except ValueError as bad:
            raise ValueError(f"{bad}; nor is it a step: irkit runbook show {self.runbook.name}") from None

    def fault(self, connector: str, request: str, *, lost: str = "", status: int | None = None, retry_after: int | None = None,
              times: int = 1) -> Entry:
        """Raises UsageError for a fault that can never come about."""
        from irkit.drill.control import fault_entry, fault_of
        known = sorted(self.scenario.worlds)
        if connector not in known:
            raise UsageError(f"this drill has no world {connector!r}; it has {', '.join(known)}")
        data = {"connector": connector, "lost": lost or None, "status": status, "retry_after": retry_after, "times": times}
        made = fault_of({key: value for key, value in data.items() if value is not None}, {"fault.request": request})
        return self.say("fault", *fault_entry(made))

    def observe(self, text: str, tag: str, objective: str = "") -> Entry:
        return self.say("observe", {"tag": tag, **({"objective": objective} if objective else {})}, {"text": text})

    def inject(self, name: str) -> str:
        """The id of an inject that has not come yet. Raises UsageError."""
        from irkit.runbook.source import did_you_mean
        self._look()
        waiting = self.waiting()
        if name in self.run.injects:
            raise UsageError(f"the inject {name!r} was played already", next=f"waiting: {', '.join(waiting) or 'none'}")
        if name not in waiting:
            raise UsageError(f"there is no inject {name!r}; "
                             + did_you_mean(name, waiting, f"waiting: {', '.join(waiting) or 'none'}"))
        return name

    def waiting(self) -> list[str]:
        """The ids of injects that have not come."""
        return [card.id for card in self.cards() if card.id not in self.run.injects]

    def objectives(self) -> Sequence[str]:
        """What an observation can belong to: the lines of the scenario's score."""
        return [rule.id for rule in self.scenario.score]

    def objective(self, name: str) -> str:
        from irkit.runbook.source import did_you_mean
        if name and name not in self.objectives():
            raise UsageError(f"there is no objective {name!r}; "
                             + did_you_mean(name, self.objectives(), f"known here: {', '.join(self.objectives())}"))
        return name

    # -- seeing ------------------------------------------------------------------------------------------------------

    def stands(self) -> Standing:
        from irkit.drill.control import standing
        return standing(self.run.controls, self.state.people)

    def cards(self) -> Sequence[Inject]:
        from irkit.drill.injects import Cards
        return Cards(self.scenario.injects).all(self.run)

    def lines(self) -> list[str]:
        """All of it: the team's screen, the drill's clock, the injects, what goes wrong, and the latest entries."""
        from irkit.cli.acting import page_of
        from irkit.cli.watch import stand_of
        from irkit.ui.screen import prefixed
        from irkit.ui.watching import row_lines, stand_lines
        page, prefix = page_of(self.settings), self.settings.prefix
        stand = stand_of(self.name, self.runbook, self.state, self.run, self.now())
        stand = replace(stand, steps=_around(stand.steps, stand.where.number))
        top = stand_lines(stand, width=page.width + len(prefix), tz=self.settings.zone, prefix=prefix)
        return [*top, *prefixed([*self._screen(page), "", *self._injects(page), ""], prefix),
                *row_lines(self.latest, width=page.width + len(prefix), prefix=prefix, head=True)]

    def _screen(self, page: Page) -> list[str]:
        stands = self.stands()
        asks, now = stands.asks, self.now()
        question = f'{asks.data.get("question")}, since {_clock(now - asks.at)}: "{asks.shown.get("text")}"' if asks else \
            "not known: it is told while somebody facilitates"
        faults = [f"{one.data.get('connector')} {one.shown.get('fault.request')}" for one in stands.faults]
        named = ", ".join(sorted(filter(None, stands.attached.values()))) or "nobody, as far as the team's process knows"
        time = f"{_clock(now - self.run.opened_at)}, {'stands still' if stands.paused or self.idle else 'runs'}"
        lines = [("Team", self.idle), ("Asked", question), ("Time", time), ("Watching", named), ("Faults", "; ".join(faults))]
        return [line for label, text in lines if text for line in page.labelled(label, text)]

    def _injects(self, page: Page) -> list[str]:
        return page.listed([(card.id, self.state_of(card)) for card in self.cards()])

    def state_of(self, card: Inject) -> str:
        """Where an inject stands, in words."""
        if card.id in self.answers:
            text, seconds = self.answers[card.id]
            return f'played at {_clock(self.played[card.id])}, answered in {_clock(timedelta(seconds=seconds))}: "{text}"'
        if card.id in self.played:
            return f"played at {_clock(self.played[card.id])}" + (", no answer yet" if card.ask else "")
        comes = f"comes at {_clock(card.at)}" if card.at is not None else f"comes after {card.after}"
        return f"HELD, {comes}" if card.id in self.stands().held else comes

    def card_lines(self) -> list[str]:
        """Every inject in full, with what a good answer holds: for the facilitator alone."""
        from irkit.cli.acting import page_of
        page, lines = page_of(self.settings), list[str]()
        for card in self.cards():
            lines += page.hanging(f"{card.id}: {self.state_of(card)}")
            for label, text in (("To", card.to), ("Says", card.say), ("Asks", card.ask), ("Expect", card.expect)):
                lines += page.labelled(label, text) if text else []
        return lines

    def json(self) -> dict[str, Any]:
        from irkit.cli.status import as_data
        from irkit.engine.values import rfc3339
        stands, now = self.stands(), self.now()
        asks = stands.asks
        return {
            "incident": self.name, "mode": self.ledger.mode, "scenario": self.scenario.name, "now": rfc3339(now),
            "playing": self.playing, "paused": stands.paused, "facilitators": sorted(stands.attached.values()),
            "asks": asks and {"question": asks.data.get("question"), "text": asks.shown.get("text"), "since": rfc3339(asks.at)},
            "run": as_data(self.run, self.runbook, now), "injects": [self._card(card) for card in self.cards()],
            "faults": [{**_bare(one.data), **one.shown, "taken": one.entry in self.run.taken} for one in stands.faults],
            "observations": [{"entry": one.entry, "at": rfc3339(one.at), "by": one.who, **_bare(one.data), **one.shown}
                             for one in stands.observed]}

    def _card(self, card: Inject) -> dict[str, Any]:
        answer = self.answers.get(card.id)
        state = "answered" if answer else "played" if card.id in self.played else \
            "held" if card.id in self.stands().held else "waiting"
        return {"id": card.id, "state": state, "to": card.to, "say": card.say, "ask": card.ask, "expect": card.expect,
                "at_seconds": None if card.at is None else int(card.at.total_seconds()), "after": card.after or None,
                "played_seconds": int(self.played[card.id].total_seconds()) if card.id in self.played else None,
                "answer": answer and answer[0], "answer_seconds": answer and answer[1]}


def _around(steps: Sequence[tuple[int, str, str]], number: int) -> Sequence[tuple[int, str, str]]:
    """The steps that surround the one at work: a facilitator follows the team, and `irkit watch` has all of them."""
    first = max(0, min((number or len(steps)) - STEPS // 2, len(steps) - STEPS))
    return steps[first:first + STEPS]


def _bare(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in ("control", "drill_at")}


def _clock(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
