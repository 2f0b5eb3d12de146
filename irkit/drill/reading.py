"""From a scenario's bytes to a Scenario, with every mistake in one pass as path:line:col with a caret and a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NewType

from irkit import worlds
from irkit.action import Email
from irkit.drill.control import requested
from irkit.drill.injects import Inject
from irkit.drill.scenario import FindRunbook, Scenario, Wrong, instant
from irkit.drill.score import START, Achieved, Before, Rule, Within
from irkit.drill.standard import LINES
from irkit.engine.session import Second
from irkit.errors import UsageError
from irkit.runbook import Runbook, duration, parse_input
from irkit.runbook.model import Name
from irkit.runbook.reader import Reader, scalar
from irkit.runbook.source import Mistakes, Node, compose, did_you_mean
from irkit.runbook.values import email
from irkit.worlds import Fault, Person, World

SCHEMA = Literal["irkit/scenario-v1"]
REQUIRED = ("schema", "scenario", "title", "runbook", "starts", "worlds")
OPTIONAL = ("people", "inputs", "injects", "faults", "score", "approvals", "answers", "by_hand", "wrong")
Words = NewType("Words", str)              # a text as one line, however it was folded in the file
RequestGlob = NewType("RequestGlob", str)
Times = NewType("Times", int)
Status = NewType("Status", int)
Seconds = NewType("Seconds", int)


def read(raw: bytes, path: str, find_runbook: FindRunbook | None, stem: str) -> Scenario:
    """Raises RunbookError with every mistake."""
    mistakes = Mistakes(path, raw)
    scenario = _ScenarioReader(mistakes).scenario(compose(raw, path), raw, find_runbook, stem)
    if mistakes.errors:
        mistakes.fail()
    return scenario


class _ScenarioReader(Reader):
    """Notes every mistake and goes on; what stands in the place of a mistake does not matter, for nothing is returned then."""

    def __init__(self, mistakes: Mistakes) -> None:
        super().__init__(mistakes, {
            datetime: scalar(instant), timedelta: scalar(duration), Email: scalar(email), Words: scalar(_words),
            RequestGlob: scalar(requested), Times: scalar(_whole(1, 1000)), Status: scalar(_whole(200, 599)),
            Seconds: scalar(_whole(0, 86_400)),
        })
        self.runbook: Runbook | None = None

    @property
    def steps(self) -> Sequence[str] | None:
        """The runbook's step ids; None when it is not known, so that any name may be right."""
        return [step.id for step in self.runbook.steps] if self.runbook else None

    def scenario(self, root: Node, raw: bytes, find_runbook: FindRunbook | None, stem: str) -> Scenario:
        top = self.fields(root, (*REQUIRED, *OPTIONAL), REQUIRED, "a scenario")
        self.value(top, "schema", SCHEMA)
        name, runbook = self.value(top, "scenario", Name) or "", self.value(top, "runbook", Name) or ""
        if stem and name and name != stem:
            self.mistakes.error(top["scenario"], f"the scenario is called '{name}', its file '{stem}'",
                                "give both the same name")
        if find_runbook and runbook:
            self.consult(find_runbook, runbook, top["runbook"])
        starts = self.value(top, "starts", datetime)
        people = [person for node in self.each(top, "people") for person in self.person(node)]
        options = self.worlds(top)
        injects = [inject for node in self.each(top, "injects") for inject in self.inject(node)]
        prompts = None if self.steps is None else [*self.steps, *(inject.id for inject in injects)]
        rules = [rule for node in self.each(top, "score") for rule in self.rule(node)]
        scenario = Scenario(
            name, self.value(top, "title", Words) or "", runbook, starts, people, self.inputs(top, starts), options, injects,
            [fault for node in self.each(top, "faults") for fault in self.fault(node, options)],
            rules, self.free(top, "answers", "step or inject", prompts), raw, self.approvals(top), self.by_hand(top),
            self.wrong(top, prompts, [rule.id for rule in rules]))
        self.unique(top, "injects", self.steps or ())
        self.unique(top, "score", ())
        if not self.mistakes.errors:
            built = self.try_out(scenario, top["worlds"])
            self.seeded(top, built)
        return scenario

    # -- values ----------------------------------------------------------------------------------------------------

    def value(self, values: Mapping[str, Node], key: str, want: Any) -> Any:
        """The value under `key`; None when there is none."""
        return self.read(values[key], want, f"'{key}'") if key in values else None

    def each(self, values: Mapping[str, Node], key: str) -> Sequence[Node]:
        return self.sequence(values[key], f"'{key}'") if key in values else ()

    def known(self, node: Node, what: str, names: Iterable[str] | None) -> str:
        """The name that `node` holds, which must be one of `names`, where they are known."""
        name: str = self.read(node, str, f"a {what}")
        names = None if names is None else list(names)
        if name and names is not None and name not in names:
            self.mistakes.error(node, f"there is no {what} '{name}'",
                                did_you_mean(name, names, f"known here: {', '.join(names[:9])}"))
        return name

    def free(self, values: Mapping[str, Node], key: str, what: str, names: Iterable[str] | None) -> dict[str, Any]:
        """The mapping under `key`: its keys are among `names`, its values anybody's."""
        found: dict[str, Any] = {}
        for name, node in self.mapping(values[key], f"'{key}'").items() if key in values else ():
            self.known(values[key].key(name) or node, what, names)
            found[name] = self.plain(node)
        return found

    def unique(self, values: Mapping[str, Node], key: str, taken: Iterable[str]) -> None:
        """No two in a list have the same id, and none has one of those `taken`."""
        seen = set(taken)
        for node in values[key].items if key in values else ():
            if (name := node.get("id")) is not None:
                if name.value in seen:
                    self.mistakes.error(name, f"the id '{name.value}' is taken", "give each its own")
                seen.add(name.value)

    # -- the scenario's parts --------------------------------------------------------------------------------------

    def consult(self, find_runbook: FindRunbook, name: str, node: Node) -> None:
        try:
            self.runbook = find_runbook(name)
        except UsageError as bad:
            self.mistakes.error(node, bad.what, bad.next)

    def inputs(self, top: Mapping[str, Node], starts: datetime | None) -> Mapping[str, str]:
        """Texts, as somebody would type them; with the runbook at hand they must be what its inputs take."""
        texts: Mapping[str, str] = self.value(top, "inputs", Mapping[str, str]) or {}
        if self.runbook is None or starts is None:
            return texts
        for name in texts:
            self.known(top["inputs"].key(name) or top["inputs"], "input", self.runbook.inputs)
        values: dict[str, Any] = {}
        for name, wanted in self.runbook.inputs.items():
            if name in texts:
                try:
                    values[name] = parse_input(wanted, texts[name], now=starts, so_far=values)
                except ValueError as bad:
                    self.mistakes.error(top["inputs"].get(name), f"'{name}': {bad}")
        return texts

    def worlds(self, top: Mapping[str, Node]) -> dict[str, Mapping[str, object]]:
        found = self.free(top, "worlds", "world", worlds.names())
        if not found and "worlds" in top:
            self.mistakes.error(top["worlds"], "a scenario has at least one world", f"worlds: {', '.join(worlds.names())}")
        for name, options in found.items():
            if not isinstance(options, dict):
                self.mistakes.error(top["worlds"].get(name), f"the options of the world '{name}' are a mapping", "{} for none")
        return {name: options if isinstance(options, dict) else {} for name, options in found.items()}

    def try_out(self, scenario: Scenario, node: Node) -> dict[str, World]:
        """Build each world, so that every option it does not take is told at its place; those that could be built."""
        built: dict[str, World] = {}
        for name, given in scenario.worlds.items():
            left, options = dict(given), node.get(name) or node
            while not isinstance(bad := _tried(name, left, scenario), World):
                option = next((key for key in left if re.search(rf"\b{re.escape(key)}\b", bad.what)), "")
                at = options.get(option) if f"{name}.{option}" in bad.what else options.key(option)
                self.mistakes.error(at or options, bad.what, bad.next)
                if left.pop(option, None) is None:
                    break
            else:
                built[name] = bad
        return built

    def by_hand(self, top: Mapping[str, Node]) -> dict[str, Sequence[str]]:
        """Which of the attack's traces a step takes away that people do outside of the worlds."""
        found: dict[str, Sequence[str]] = {}
        for step, node in self.mapping(top["by_hand"], "'by_hand'").items() if "by_hand" in top else ():
            self.known(top["by_hand"].key(step) or node, "step", self.steps)
            found[step] = [self.read(one, str, "a trace") for one in self.sequence(node, f"'{step}'")]
        return found

    def seeded(self, top: Mapping[str, Node], built: Mapping[str, World]) -> None:
        """Each trace that a step takes away, or that a wrong team leaves, is there at the beginning."""
        there = sorted({f"{name}.{one.kind}" for name, world in built.items() for one in world.left()})
        for node in self.mapping(top["by_hand"], "'by_hand'").values() if "by_hand" in top else ():
            for one in node.items:
                self.known(one, "trace of an attack", there)
        for node in self.mapping(top["wrong"], "'wrong'").values() if "wrong" in top else ():
            for one in (misses.items if (misses := node.get("misses")) else ()):
                about = str(one.value).removeprefix("left:")
                if about != one.value and about not in there:
                    self.mistakes.error(one, f"there is no trace of an attack '{about}'",
                                        did_you_mean(about, there, ", ".join(there)))

    def wrong(self, top: Mapping[str, Node], prompts: Iterable[str] | None, rules: Sequence[str]) -> dict[str, Wrong]:
        """Teams that get something wrong; each says by which lines of the result one sees it."""
        found: dict[str, Wrong] = {}
        for name, node in self.mapping(top["wrong"], "'wrong'").items() if "wrong" in top else ():
            values = self.fields(node, ("why", "answers", "misses"), ("why", "answers", "misses"), "a wrong team")
            misses = [self.missed(one, rules) for one in self.each(values, "misses")]
            if "misses" in values and not misses:
                self.mistakes.error(values["misses"], "a wrong team misses something", "ids of score lines, or left:WORLD.KIND")
            found[name] = Wrong(self.value(values, "why", Words) or "", self.free(values, "answers", "step or inject", prompts),
                                misses)
        return found

    def missed(self, node: Node, rules: Sequence[str]) -> str:
        """A line of the scenario's score, or one that every drill has: what it is about is a step, but of `left`."""
        kind, colon, about = str(self.read(node, str, "a line of the score")).partition(":")
        if not colon:
            return self.known(node, "score line", rules)
        if kind not in LINES:
            self.mistakes.error(node, f"there is no score line '{kind}:'", did_you_mean(kind, LINES, ", ".join(LINES)))
        elif kind != "left" and self.steps is not None and about not in self.steps:
            self.mistakes.error(node, f"there is no step '{about}'", did_you_mean(about, self.steps, "irkit runbook show"))
        return f"{kind}:{about}"

    def person(self, node: Node) -> Iterator[Person]:
        keys = ("name", "email", "role")
        values = self.fields(node, keys, keys, "a person")
        if len(values) == len(keys):
            yield Person(self.value(values, "name", Words), self.value(values, "email", Email),
                         self.value(values, "role", Literal["agent", "admin", "end-user"]))

    def inject(self, node: Node) -> Iterator[Inject]:
        values = self.fields(node, ("id", "at", "after", "to", "say", "ask", "expect"), ("id", "say"), "an inject")
        if ("at" in values) == ("after" in values):
            wrong = "with both 'at' and" if "at" in values else "without 'at' or"
            self.mistakes.error(node, f"an inject {wrong} 'after'",
                                "at: 8m counts from the run's start, after: STEP comes when that step has ended")
        if "expect" in values and "ask" not in values:
            self.mistakes.error(values["expect"], "'expect' without 'ask': nobody is asked", "add the question as 'ask'")
        after = self.known(values["after"], "step", self.steps) if "after" in values else ""
        say, to, ask, expect = (self.value(values, key, Words) or "" for key in ("say", "to", "ask", "expect"))
        yield Inject(self.value(values, "id", Name) or "", say, self.value(values, "at", timedelta), after, to, ask, expect)

    def approvals(self, top: Mapping[str, Node]) -> dict[str, Second]:
        """Who plays the second person of a step, how long they take to read, and why they refuse where they do."""
        found: dict[str, Second] = {}
        asking = None if self.runbook is None else [step.id for step in self.runbook.steps if step.approve]
        for step, node in self.mapping(top["approvals"], "'approvals'").items() if "approvals" in top else ():
            self.known(top["approvals"].key(step) or node, "step with 'approve'", asking)
            values = self.fields(node, ("by", "after", "refuse"), ("by",), "an approval")
            by, refuse = self.value(values, "by", Words) or "", self.value(values, "refuse", Words) or ""
            after = self.value(values, "after", timedelta)
            found[step] = Second(by, refuse=refuse) if after is None else Second(by, after, refuse)
        return found

    def rule(self, node: Node) -> Iterator[Rule]:
        values = self.fields(node, ("id", "before", "from", "to", "within", "done"), ("id",), "a score line")
        name = self.value(values, "id", Name) or ""
        match sorted(values.keys() - {"id"}):
            case ["before"]:
                pair = [self.known(step, "step", self.steps) for step in self.each(values, "before")]
                if len(pair) == 2:
                    yield Before(name, *pair)
                else:
                    self.mistakes.error(values["before"], "'before' is two steps", "the one that comes first, and the other")
            case ["from", "to", "within"]:
                yield Within(name, self.known(values["from"], "step", self.steps and [START, *self.steps]),
                             self.known(values["to"], "step", self.steps), self.value(values, "within", timedelta))
            case ["done"]:
                yield Achieved(name, self.known(values["done"], "step", self.steps))
            case _:
                self.mistakes.error(node, "a score line says one thing",
                                    "before: [a, b], or from: a, to: b, within: 15m, or done: a")

    def fault(self, node: Node, options: Iterable[str]) -> Iterator[Fault]:
        values = self.fields(node, ("connector", "request", "lost", "answer", "times"), ("connector", "request"), "a fault")
        connector = self.known(values["connector"], "world in this scenario", options) if "connector" in values else ""
        request = self.value(values, "request", RequestGlob)
        lost = self.value(values, "lost", Literal["before", "after"])
        answer = self.answer(values["answer"]) if "answer" in values else None
        times = self.value(values, "times", Times) or 1
        if ("lost" in values) == ("answer" in values):
            self.mistakes.error(node, "a fault says one of 'lost' and 'answer'",
                                "lost: before, lost: after, or answer: {status: 503}")
        elif request and (lost or answer):
            yield Fault(connector, request, lost, answer, times)

    def answer(self, node: Node) -> Mapping[str, Any]:
        """What is said in the world's place: a status, and perhaps a wait, headers, and a body of any shape."""
        values = self.fields(node, ("status", "retry_after", "headers", "body"), ("status",), "an answer")
        said = {"status": self.value(values, "status", Status), "retry_after": self.value(values, "retry_after", Seconds)}
        if "headers" in values:
            said["headers"] = self.read(values["headers"], Mapping[str, str], "'headers'")
        if "body" in values:
            said["body"] = self.plain(values["body"])
        return said


def _tried(name: str, options: Mapping[str, object], scenario: Scenario) -> World | UsageError:
    try:
        return worlds.find(name)(options, people=scenario.people, now=lambda: scenario.starts)
    except UsageError as bad:
        return bad


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError("this is empty")
    return " ".join(text.split())


def _whole(low: int, high: int) -> Any:
    def convert(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(f"'{text[:40]}' is not a whole number from {low} to {high}")
        return int(text)
    return convert
