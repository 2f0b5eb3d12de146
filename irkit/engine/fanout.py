"""A step over many items: look at all, ask once, send the agreed ones, look again.

- An approval covers the sorted list of (item, request, seen): an item may leave it, never join it.
- An item whose look is older than five minutes looks again before it is sent, and leaves the batch if anything changed.
- Each item has its own outcome; Ctrl-C stops after the calls in flight, and resume does not repeat a done item.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from irkit.action import Effect
from irkit.engine import approval, ask, plan, probing
from irkit.engine.arguments import arguments
from irkit.engine.ending import AGAIN, COMMON, agree, common, done_words, end, judged, letter_or_go
from irkit.engine.except_some import except_some
from irkit.engine.gate import Progress, Sends, Trouble
from irkit.engine.modes import Mode
from irkit.engine.outcome import Accepted, Done, Failed, Gap, Outcome, Unknown
from irkit.engine.perform import Performance, stale
from irkit.engine.permit import Leaving
from irkit.engine.pool import WORKERS, Pool
from irkit.engine.session import Session
from irkit.engine.state import SETTLED, WITH_RESULT, Sending, StepState
from irkit.engine.values import name_of, plain
from irkit.runbook import Missing, Step


def fan_out(session: Session, step: Step) -> None:
    """Walk a step that has `for_each`."""
    try:
        items = step.items(session.scope())
    except Missing as missing:
        if session.ctx.mode is Mode.PROBE:
            raise
        session.record("step.started", {"step_kind": "action"}, step=step.id)
        answer = letter_or_go(session, step, "menu", f"{missing.path} is not known, so there is no list.",
                              {"s": "skip", "d": "defer", "m": "did it by hand"})
        common(session, step, answer)
        return
    Batch(session, step, items).walk()


class Batch:
    """The items of one fan-out, by their numbers. `outcomes` holds what each item's last performance came to.

    An undo of many is one, too: what differs there stands in the methods it overrides.
    """

    letters: Mapping[str, str] = COMMON
    done_kind, by_hand_kind = "step.done", "step.by_hand"

    def __init__(self, session: Session, step: Step, items: Sequence[Any]) -> None:
        self.session, self.step, self.items = session, step, items
        self.indexes: Sequence[int] = range(len(items))
        self.action = session.action_of(step)
        self.args: dict[int, dict[str, Any]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self._lock = threading.Lock()
        self._again: set[int] = set()        # unsettled items that the responder wants sent once more
        self._only: set[int] | None = None   # the items of the next round, where it is not for all that are open

    @property
    def title(self) -> str:
        return self.step.title

    @property
    def why(self) -> str:
        return self.step.why

    @property
    def state(self) -> StepState:
        return self.session.step_state(self.step)

    def walk(self) -> None:
        again = self.state.state in AGAIN
        typed: dict[str, Any] = {}
        self.args = {i: arguments(self.session, self.step, self.action, typed, item) for i, item in enumerate(self.items)}
        self.session.record("step.started", {"step_kind": "action", "action": self.action.full_name, "items": len(self.items),
                                             **({"again": True} if again else {}),
                                             "approve": self.step.approve.role if self.step.approve else None},
                            {"items": list(self.items), "args": [plain(self.args[i]) for i in self.indexes],
                             **{f"typed.{k}": v for k, v in typed.items()}}, step=self.step.id)
        while self._round():
            pass

    # -- one round: look, ask, send --------------------------------------------------------------------------------

    def _round(self) -> bool:
        """True when the responder wants to look again at what is still open."""
        only, self._only = self._only, None
        ready, twins = _apart(self._look([i for i in self._open() if only is None or i in only]))
        earlier = {i: s for i in ready if (s := self.state.unsettled(i)) is not None}
        agreed = {i: p for i, p in ready.items() if i not in earlier or i in self._again}
        self._again.clear()
        if agreed and self.session.ctx.mode is Mode.PROBE:
            return self._show_only(agreed)
        if agreed:
            letter, agreed = self._at_gate(agreed, earlier)
            if letter != "send":
                for performance in ready.values():
                    performance.stop()
                self._leave(letter)
                return False
            self._send(agreed)
        for i, performance in ready.items():
            if i not in agreed:
                performance.stop()
        if agreed and twins:                # their request was sent for another item: a look tells
            for performance in self._look(twins).values():
                performance.stop()
        return self._settle({i: earlier[i] for i in earlier if i not in agreed})

    def _open(self) -> list[int]:
        return [i for i in self.indexes if self._word(i) not in SETTLED]

    def _leave(self, letter: str) -> None:
        """The letter said that nothing is sent."""
        common(self.session, self.step, letter)

    def _look(self, indexes: Sequence[int]) -> dict[int, Performance]:
        """Advance every item to its first write or its end. Returns those that stand at a write."""
        performances = {i: self._performance(i) for i in indexes}
        with self.session.sending():
            pool = Pool(self.session.ctx, Performance.look, self._finished)
            pool.run(performances.values(), self._progress(indexes, looks=True))
        self.session.show_news()
        self.session.ctx.interrupts.check()
        return {i: p for i, p in performances.items() if p.write is not None}

    def _performance(self, index: int) -> Performance:
        return Performance(self.session.ctx, self.step.id, self.action, self.action(**self.args[index]),
                           self.session.connection_of(self.step), item=index, quiet=True)

    def _finished(self, performance: Performance) -> None:
        """On the worker, as soon as an item has an outcome: its entry is durable before the next item starts."""
        if performance.outcome is None or performance.item is None:
            return
        earlier = self.state.unsettled(performance.item)
        outcome = judged(performance.outcome, self.action, earlier)
        with self._lock:
            self.outcomes[performance.item] = outcome
        self._record(performance.item, outcome, earlier)

    def _record(self, index: int, outcome: Outcome, earlier: Sending | None) -> None:
        if isinstance(outcome, Done):
            data, _ = done_words(outcome, earlier)
            self.session.ctx.record(self.done_kind, data, {"result": outcome.result}, step=self.step.id, item=index)
            return
        data = {**({"status": outcome.status} if outcome.status else {}),
                **({"changed": True} if isinstance(outcome, Failed) and outcome.changed else {})}
        self.session.ctx.record(outcome.kind, data, {"reason": outcome.reason}, step=self.step.id, item=index)

    # -- the gate --------------------------------------------------------------------------------------------------

    def _at_gate(self, agreed: dict[int, Performance], earlier: dict[int, Sending]) -> tuple[str, dict[int, Performance]]:
        """The letter, or "send", and the items it is meant for; those left out are skipped once the rest is agreed."""
        left_out: dict[int, str] = {}
        while True:
            chosen = {i: p for i, p in agreed.items() if i not in left_out}
            shown = self._say_plan(chosen, [earlier[i] for i in chosen if i in earlier], left_out=len(left_out))
            some = {"e": "except some"} if len(agreed) > 1 else {}
            leaving: Leaving = {i: p.agreed for i, p in chosen.items() if p.agreed}
            subject = approval.Subject(self.title, self.why, self.action)
            letter = (approval.approved(self.session, self.step, subject, leaving, shown)
                      or agree(self.session, self.step, shown, {**self.letters, **some}))
            if letter != "e" or not some:
                break
            left_out = except_some(self.session, self.step, {i: self._name(i) for i in agreed})
        for i, why in left_out.items() if letter == "send" else ():
            agreed[i].stop()
            self.session.record("step.skipped", {}, {"reason": why}, by="human", step=self.step.id, item=i)
        return letter, chosen

    def _name(self, index: int) -> str:
        return name_of(self.items[index])

    def _say_plan(self, agreed: dict[int, Performance], earlier: Sequence[Sending], left_out: int = 0) -> Sends:
        words = [self._word(i) for i in self.indexes]
        failed = sum(1 for i, o in self.outcomes.items() if i not in agreed and not isinstance(o, Done))
        shown = plan.sends(self.session, self.step, self.action, [p.agreed for p in agreed.values() if p.agreed],
                           [self.args[i] for i in agreed], already=sum(w in WITH_RESULT for w in words), look_failed=failed,
                           pace=self._pace(len(agreed)), earlier=earlier, approve=approval.waiting_for(self.session, self.step))
        shown = replace(shown, left_out=left_out)
        self.session.ctx.say(shown)
        return shown

    def _pace(self, count: int) -> str:
        seconds = self.session.ctx.perform.seconds_for(self.session.connection_of(self.step), 2 * count)
        limit = f", about {seconds:.0f} seconds under the rate limit" if seconds >= 1 else ""
        return f"{min(count, WORKERS)} at a time{limit}" if count > 1 else ""

    def _show_only(self, agreed: dict[int, Performance]) -> bool:
        shown = self._say_plan(agreed, ())
        leaving: Leaving = {i: p.agreed for i, p in agreed.items() if p.agreed}
        probing.show_only(self.session, self.step, self.action, shown, leaving)
        for performance in agreed.values():
            performance.stop()
        return False

    # -- sending ---------------------------------------------------------------------------------------------------

    def _send(self, agreed: dict[int, Performance]) -> None:
        for i in agreed:
            self.outcomes.pop(i, None)
        with self.session.sending():
            Pool(self.session.ctx, self._send_one, self._finished).run(agreed.values(), self._progress(list(agreed)))
        self.session.ctx.interrupts.check()

    def _progress(self, indexes: Sequence[int], looks: bool = False) -> Callable[[int], None]:
        """Says how far these items have come, each time one more is done."""
        total, began = len(indexes), time.monotonic()

        def progress(done: int) -> None:
            came = [self.outcomes.get(i) for i in indexes]
            refused = sum(isinstance(outcome, Failed | Gap) for outcome in came)
            unknown = sum(isinstance(outcome, Unknown | Accepted) for outcome in came)
            left = (time.monotonic() - began) / done * (total - done)
            self.session.ctx.say(Progress(done, total, refused, unknown, left, final=done == total, looks=looks))
        return progress

    def _send_one(self, performance: Performance) -> None:
        if stale(performance, self.session.ctx.clock.now()):
            assert performance.item is not None
            fresh = self._performance(performance.item)
            fresh.look()
            unchanged = fresh.write is not None and plan.same(performance, fresh)
            fresh.stop()
            if not unchanged:
                performance.stop()
                performance.write = None
                performance.outcome = Failed("it changed since it was agreed to, and left the batch. Nothing was sent")
                return
        performance.send()

    # -- what is still open ----------------------------------------------------------------------------------------

    def _word(self, index: int) -> str:
        return self.state.items.get(index, "")

    def _settle(self, unsettled: dict[int, Sending]) -> bool:
        open_ones = self._open()
        if not open_ones:
            self._done()
            return False
        if all(isinstance(self.outcomes.get(i), Gap) for i in open_ones) and self.action.effect is Effect.READ:
            self._done(gaps=len(open_ones))
            return False
        self._show_trouble(open_ones, unsettled)
        if self.session.ctx.mode is Mode.PROBE:
            probing.could_not_see(self.session, self.step, *(self.outcomes[i] for i in open_ones if i in self.outcomes))
            return False
        failed = {i for i in open_ones if self.state.unsettled(i) is None}
        answer = letter_or_go(self.session, self.step, "menu", "", self._menu(open_ones, failed, unsettled))
        if answer in ("l", "x", "r"):
            self._again = set(unsettled) if answer == "x" else set()
            self._only = failed if answer == "r" else None
            return True
        if answer == "d":
            self._leave("d")
        else:
            self._close_rest(open_ones, answer)
        return False

    def _menu(self, open_ones: Sequence[int], failed: Collection[int], unsettled: Collection[int]) -> dict[str, str]:
        """What may have worked is looked at, and never among what is retried."""
        retry = {"r": f"retry the {len(failed)} not sent, after a fresh look"} if failed else {}
        again = {"x": "send again what is not visible"} if unsettled else {}
        several = {"e": "skip each with its own reason"} if len(open_ones) > 1 else {}
        defer = {"d": self.letters["d"]} if "d" in self.letters else {}
        return {**retry, "l": "look again at them (safe)", **again, "s": "skip the rest", **several, **defer,
                "m": "did the rest by hand"}

    def _show_trouble(self, open_ones: Sequence[int], unsettled: dict[int, Sending]) -> None:
        lines = []
        for i in open_ones[:10]:
            outcome = self.outcomes.get(i)
            said = plan.sent_before(unsettled[i]) if i in unsettled else outcome.reason if outcome else "not reached"
            lines.append(f"{self._name(i)}: {said}")
        if len(open_ones) > 10:
            lines.append(f"and {len(open_ones) - 10} more")
        kinds = {type(self.outcomes.get(i)) for i in open_ones}
        label = "UNKNOWN" if kinds & {Unknown, Accepted} or unsettled else "FAILED"
        self.session.ctx.say(Trouble(label, self.session.number(self.step.id), self.title,
                                     [f"{len(open_ones)} of {len(self.indexes)} are not done.", *lines], self.state.entry))

    def _close_rest(self, open_ones: Sequence[int], answer: str) -> None:
        if answer == "m":
            given = ask.by_hand(self.session, self.step.id, {}, evidence_required=self.step.evidence == "required")
            for i in open_ones:
                self.session.record(self.by_hand_kind, {}, {"result": given}, by="human", step=self.step.id, item=i)
        else:
            why = "" if answer == "e" else ask.reason(self.session, self.step.id)
            for i in open_ones:
                own = why or ask.reason(self.session, self.step.id, f"{i + 1}. {self._name(i)}: reason", key=str(i + 1))
                self.session.record("step.skipped", {}, {"reason": own}, by="human", step=self.step.id, item=i)
        self._done()

    def _done(self, gaps: int = 0) -> None:
        state = self.state
        words = [state.items.get(i, "unavailable") for i in range(len(self.items))]
        result = {"items": [state.item_results.get(i) for i in range(len(self.items))],
                  "count": sum(w in WITH_RESULT for w in words), "skipped": words.count("skipped"), "gaps": gaps}
        kind = "step.skipped" if words and set(words) == {"skipped"} else "step.done"
        say = f"{result['count']} of {len(self.items)}" if self.items else "there was nothing to do"
        end(self.session, self.step, kind, {"items": len(self.items)}, {"result": result}, say=say)


def _apart(ready: dict[int, Performance]) -> tuple[dict[int, Performance], list[int]]:
    """One item for each distinct request, and the others that want the very same one: it is sent once."""
    first: dict[tuple[object, ...], int] = {}
    twins = []
    for i, performance in ready.items():
        assert performance.write is not None
        key = (performance.write.method, performance.write.url, performance.write.body, performance.write.request.upload,
               performance.write.request.first)
        if first.setdefault(key, i) != i:
            performance.stop()
            twins.append(i)
    return {i: p for i, p in ready.items() if i not in twins}, twins


__all__ = ["Batch", "fan_out"]
