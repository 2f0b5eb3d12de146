"""The steps of a playbook as steps of a runbook, and what is lost or changed on the way.

Nothing of a foreign playbook is ever sent: its commands become text that a person follows. A step with irkit's own extension
becomes what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from irkit.runbook.cacao.extension import EXTENSION
from irkit.runbook.cacao.flow import DECISIONS, WORK, Edge, Flow, choices
from irkit.runbook.cacao.shape import COMMON, Playbook, items, pointer, table, text, texts
from irkit.runbook.cacao.words import (
    Names,
    command_words,
    indented,
    listed,
    one_line,
    opaque,
    quoted,
    slug,
    span,
    template,
    title,
    twice,
)
from irkit.runbook.cacao.write import action_text, agent_identifier, references
from irkit.runbook.source import Node, plain

Json = dict[str, Any]
NAMED = 3           # branches beside a step that its words name
NOT_OWN = ("delay", "timeout", "step_variables", "targets", "in_args", "out_args", "owner")    # what `write` never writes
PEOPLE = ("group", "individual", "organization", "sector")                      # agents that are no machine (section 7.2)
PHASES = {"restrict-access": "contain", "disconnect-system": "contain", "eliminate-risk": "eradicate",
          "revert-system": "recover", "restore-data": "recover", "restore-capabilities": "recover",
          "scan-system": "investigate", "match-indicator": "investigate", "analyze-collected-data": "investigate",
          "identify-indicators": "investigate",
          "scan-vulnerabilities": "investigate", "deliver-content": "notify", "compose-content": "notify",
          "identify-audience": "notify", "identify-channel": "notify"}          # playbook-activity-type-ov, section 3.1.2


class Loss(Struct, frozen=True):
    """`changed`: it stands there in another form; `lost`: not at all. `where` is a JSON pointer, `step` a name."""

    kind: Literal["changed", "lost"]
    where: str
    what: str
    step: str = ""


@dataclass
class Translation:
    """Turns the steps of one playbook, in order."""

    playbook: Playbook
    flow: Flow
    inputs: Mapping[str, str]                               # variable -> input
    losses: list[Loss] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    asks: dict[str, str] = field(default_factory=dict)      # step that decides -> id of its `ask`
    keys: dict[str, dict[str, str]] = field(default_factory=dict)       # step that decides -> branch -> key of the choice

    def steps(self) -> Iterator[Json]:
        """What each step becomes; a start, an end and a parallel step become none of their own."""
        self.names.taken |= {str(own.get("id")) for own in map(extension_step, self.playbook.workflow.values()) if own}
        for name in self.flow.order:
            step = self.playbook.workflow[name]
            kind = text(step, "type")
            self._tell(name, step)
            if kind in DECISIONS:
                yield self._decision(name, step, self._question(step), "decision")
            elif kind in WORK:
                yield self._own(name, step) if extension_step(step) else self._by_hand(name, step)
                if any(map(self._hangs, self.flow.edges[name])):
                    words = f"Did “{one_line(text(step, 'name')) or 'the step above'}” work?"
                    yield self._decision(name, step, words, "worked", heading=words)

    def _hangs(self, edge: Edge) -> bool:
        """Whether a step waits for the answer to what the edge hangs on."""
        onwards = edge not in self.flow.loops and text(self.playbook.workflow[edge.to], "type") != "end"
        return bool(edge.branch) and onwards

    def changed(self, where: str, what: str) -> None:
        self.losses.append(Loss("changed", where, what, step_at(self.playbook, where)))

    def lost(self, where: str, what: str) -> None:
        self.losses.append(Loss("lost", where, what, step_at(self.playbook, where)))

    # -- irkit's own ---------------------------------------------------------------------------------------------

    def _own(self, name: str, step: Node) -> Json:
        own, kind = extension_step(step), text(extension(step, "step_extensions"), "kind")
        parts = list(items(step, "commands"))
        words = command_words(parts[0]) or ""
        made: Json = {"id": own.get("id", ""), "phase": own.pop("phase", ""), "owner": own.pop("owner", ""),
                      "title": text(step, "name"), "why": text(step, "description")}
        if kind in ("do", "ask"):
            made[kind] = words
        elif words != action_text(own):
            self.changed(pointer("workflow", name, "commands", "0"),
                         f"the command was edited and is not read: the extension says what the step does ({action_text(own)})")
        if len(parts) > 1:
            self.lost(pointer("workflow", name, "commands"), "commands after the first: the extension knows one")
        head = extension(self.playbook.root, "playbook_extensions").get("runbook")
        if head and text(step, "agent") != agent_identifier(text(head, "runbook"), str(made["owner"])):
            self.changed(pointer("workflow", name, "agent"),
                         "the agent was changed and is not read: the extension says whose step it is")
        for key in NOT_OWN:
            if step.get(key):
                self.lost(pointer("workflow", name, key), f"{key}: another tool added it to a step of irkit's")
        return _filled({**made, **own, "when": self._when(name, own.get("when", "")), "refs": self._refs(name, step)})

    # -- everybody else's ----------------------------------------------------------------------------------------

    def _by_hand(self, name: str, step: Node) -> Json:
        wanted = title(text(step, "name") or text(step, "description")) or "A step without a name"
        own = self.names.give(text(step, "name"), slug(text(step, "type"), "step"))
        parts = [*self._before(name, step), *self._doing(name, step), *self._after(name, step)]
        return _filled({"id": own, "phase": self._phase(name, step), "owner": self._owner(step), "title": wanted,
                        "when": self._when(name, ""), "do": "\n".join(parts).strip("\n") + "\n",
                        "refs": self._refs(name, step)})

    def _phase(self, name: str, step: Node) -> str:
        """What the first command is for; a step has one phase."""
        phase = ""
        for position, one in enumerate(items(step, "commands")):
            activity = text(one, "playbook_activity")
            phase = phase or PHASES.get(activity, "")
            if activity and PHASES.get(activity) != phase:
                self.lost(pointer("workflow", name, "commands", str(position), "playbook_activity"),
                          f"playbook_activity: {one_line(activity)}: a step has one phase")
        return phase

    def _refs(self, name: str, step: Node) -> list[str]:
        """Those of a step, then those that its commands add."""
        where = pointer("workflow", name)
        found = [reference(one) for one in items(step, "external_references")]
        holders = [(where, step), *((f"{where}/commands/{at}", one) for at, one in enumerate(items(step, "commands")))]
        for holder, node in holders:
            for position, one in enumerate(items(node, "external_references")):
                found += [] if reference(one) in found else [reference(one)]
                if text(one, "description"):
                    self.lost(f"{holder}/external_references/{position}/description", listed(one, ["description"]))
        return found

    def _doing(self, name: str, step: Node) -> Iterator[str]:
        if text(step, "type") == "playbook-action":
            version = text(step, "playbook_version")
            self.changed(pointer("workflow", name), "another playbook is not run: a manual step says which")
            yield f"Run the playbook {text(step, 'playbook_id')}" + (f", version {version}." if version else ".")
        for position, command in enumerate(items(step, "commands")):
            yield from self._command(pointer("workflow", name, "commands", str(position)), command)
        yield from self._machines(step)

    def _command(self, where: str, command: Node) -> Iterator[str]:
        kind, version = one_line(text(command, "type"))[:40], one_line(text(command, "version"))[:40]
        for key in twice(command):
            self.lost(f"{where}/{key}", f"{listed(command, [key])}: another property says it otherwise")
        if description := text(command, "description"):
            yield self._words(description)
        if kind == "manual" and command_words(command) is not None:
            if version:
                self.lost(f"{where}/version", listed(command, ["version"]))
            yield self._words(command_words(command) or "")
            return
        self.changed(where, f"a command of type {kind!r} is not run: a manual step quotes it"
                     + ("; its base64 holds no text and stays as it is" if opaque(command) else ""))
        yield self._words(f"Command ({kind}{f', version {version}' if version else ''}), quoted; irkit does not run it:")
        yield from indented(self._words(line) for line in quoted(command))

    def _machines(self, step: Node) -> Iterator[str]:
        """Agents that are machines, and targets."""
        agent = self.playbook.table("agent_definitions").get(text(step, "agent"))
        if agent and text(agent, "type") not in PEOPLE:
            yield f"Run by: {self._words(_machine(agent))}"
        known = self.playbook.table("target_definitions")
        targets = [self._words(_machine(known[target])) for target in texts(step, "targets") if target in known]
        if targets:
            yield f"On: {'; '.join(targets)}"

    def _owner(self, step: Node) -> str:
        agent = self.playbook.table("agent_definitions").get(text(step, "agent"))
        if agent is None or text(agent, "type") not in PEOPLE or not one_line(text(agent, "name")):
            return ""
        role = slug(text(agent, "name"), "role")
        self.roles.setdefault(role, title(text(agent, "name")))
        return role

    def _before(self, name: str, step: Node) -> Iterator[str]:
        """What a person has to know first."""
        yield from self._words_of_flow(name)
        if title(called := one_line(text(step, "name"))) != called:
            yield self._words(called)
        if delay := text(step, "delay"):
            self.changed(pointer("workflow", name, "delay"), "a delay is said in words; irkit does not wait")
            yield f"Wait {span(delay)} before this step."
        if description := text(step, "description"):
            yield self._words(description)
        for key, says in (("in_args", "Needs"), ("out_args", "Brings back; write it down")):
            if found := texts(step, key):
                yield self._words(f"{says}: {', '.join(map(one_line, found))}")
        if own := table(step, "step_variables"):
            self.changed(pointer("workflow", name, "step_variables"), "variables of a step are said in words")
            yield from (self._words(one_line(f"{key} = {text(value, 'value')}" + (f" ({says})" if (
                says := text(value, "description")) else ""))) for key, value in own.items())

    def _limit(self, name: str, step: Node) -> Iterator[str]:
        if limit := text(step, "timeout"):
            self.changed(pointer("workflow", name, "timeout"), "a time limit is said in words")
            yield f"It counts as failed after {span(limit)}."

    def _after(self, name: str, step: Node) -> Iterator[str]:
        yield from self._limit(name, step)
        for edge in self.flow.edges[name]:
            if edge in self.flow.loops:
                yield f"{'If it fails,' if edge.branch == 'no' else 'Then'} go back to {self._name(edge.to)}: redo that step."

    def _words_of_flow(self, name: str) -> Iterator[str]:
        if firsts := self.flow.beside.get(name):
            others = [one for one in firsts[:NAMED + 1] if one != name][:NAMED]
            left = len(firsts) - 1 - len(others)
            yield f"Beside this, at the same time: {', '.join(map(self._name, others))}{f' and {left} more' if left else ''}."
        if name == self.playbook.text("workflow_exception"):
            yield "Only when a step failed and says nothing of its own."

    def _name(self, step_id: str) -> str:
        step = self.playbook.workflow[step_id]
        words = title(text(step, "name")) or {"end": "the end"}.get(text(step, "type"), step_id)
        return self._words(words if text(step, "type") == "end" else f"“{words}”")

    def _words(self, words: str) -> str:
        return template(words, self.inputs)

    # -- decisions -----------------------------------------------------------------------------------------------

    def _question(self, step: Node) -> str:
        kind = text(step, "type")
        if kind == "switch-condition":
            return f"Which case holds?\n{text(step, 'switch')}"
        return f"{'Is this so now? While it is, what follows is repeated.' if kind == 'while-condition' else 'Is this so?'}\n" \
               f"{text(step, 'condition')}"

    def _decision(self, name: str, step: Node, question: str, word: str, *, heading: str = "") -> Json:
        asked = heading or title(text(step, "name") or text(step, "description")) or "A decision"
        own = self.names.give(f"{text(step, 'name')}_{word}" if heading else text(step, "name"), word)
        keys, branches = Names(), choices(step)
        self.asks[name] = own
        self.keys[name] = {branch: keys.give(branch if len(branch) > 1 else f"case {branch}", "case") for branch in branches}
        labels = {"yes": "Yes", "no": "No", "default": "None of these"} if text(step, "type") != "switch-condition" or \
            "default" in branches else {}
        said = [self._words(question)] if heading else [
            *self._before(name, step), self._words(question), *self._limit(name, step), *self._loop(name)]
        return _filled({"id": own, "title": title(asked), "when": self._when(name, ""),
                        "refs": [] if heading else self._refs(name, step),
                        "ask": "\n".join(said).strip("\n") + "\n",
                        "choices": {self.keys[name][branch]: labels.get(branch) or one_line(branch) or "(empty)"
                                    for branch in branches}})

    def _loop(self, name: str) -> Iterator[str]:
        for edge in self.flow.edges[name]:
            if edge in self.flow.loops:
                yield f"If {'yes' if edge.branch == 'yes' else 'no' if edge.branch == 'no' else 'so'}, go back to " \
                      f"{self._name(edge.to)}: redo that step."

    def _when(self, name: str, own: str) -> str:
        """The choices under which a step is reached, added to the condition it has of its own."""
        said = [self._chosen(asked, taken) for asked, taken in self.flow.guards.get(name, {}).items()]
        if own and said:
            said.insert(0, f"({own})")
        return " and ".join(said or ([own] if own else []))

    def _chosen(self, asked: str, taken: frozenset[str]) -> str:
        keys = [f'"{key}"' for branch, key in self.keys[asked].items() if branch in taken]
        look = f"steps.{self.asks[asked]}.choice"
        return f"{look} == {keys[0]}" if len(keys) == 1 else f"{look} in [{', '.join(keys)}]"

    # -- what is told --------------------------------------------------------------------------------------------

    def _tell(self, name: str, step: Node) -> None:
        where, kind = pointer("workflow", name), text(step, "type")
        if kind == "parallel":
            self.changed(where, "parallel branches stand one after another; each says what may go beside it")
        if kind not in (*WORK, *DECISIONS):
            self._tell_of_no_step(where, step)
        if kind == "while-condition":
            self.changed(where, "a loop stands once, under a question: redo its steps while the answer is yes")
        if kind not in ("start", "end") and not self.flow.edges[name]:
            self.changed(where, "it leads nowhere, which is taken for an end")
        if name in self.flow.blurred:
            self.changed(where, "several decisions lead here; it is offered whenever one of them may")
        if text(step, "owner") and not extension_step(step):
            self.lost(where + "/owner", f"the owner {text(step, 'owner')}: an identity that the playbook does not hold")
        if kind not in WORK and step.get("on_failure"):
            self.changed(where + "/on_failure", "what follows its failure is offered in any case")
        for key in table(step, "step_extensions"):
            if key != EXTENSION:
                self.lost(where + pointer("step_extensions", key), "an extension that irkit does not know")
        for edge in (edge for edge in self.flow.edges[name] if edge in self.flow.loops):
            self._tell_loop(edge)

    def _tell_of_no_step(self, where: str, step: Node) -> None:
        """A start, an end and a parallel step become no step of their own; what they say besides is lost."""
        for key in COMMON:
            words = listed(step, [key])
            if words and key not in ("type", "owner", "step_extensions") and not key.startswith("on_") and not (
                    key == "name" and text(step, "name").casefold() in (text(step, "type"), "")):
                self.lost(f"{where}/{key}", words)

    def _tell_loop(self, edge: Edge) -> None:
        if text(self.playbook.workflow[edge.to], "type") != "while-condition":
            self.changed(edge.where, f"a way back to {self._name(edge.to)} is said in words: redo that step")


def step_at(playbook: Playbook, where: str) -> str:
    """The name of the step that a pointer leads into; nothing where it leads elsewhere."""
    _, holder, name, *_ = [*where.split("/"), "", ""]
    step = playbook.workflow.get(name) if holder == "workflow" else None
    return title(text(step, "name")) or text(step, "type") if step else ""


def extension(holder: Node, key: str) -> Node:
    """The object of irkit's extension; an empty one when there is none."""
    found = table(holder, key).get(EXTENSION)
    return found if found and found.kind == "mapping" else Node("mapping", holder.line, holder.col, holder.line, holder.col)


def extension_step(step: Node) -> Json:
    """The keys of the runbook language that a step brings along; a fresh copy."""
    found = extension(step, "step_extensions").get("step") if step.kind == "mapping" else None
    return dict(plain(found)) if found and found.kind == "mapping" else {}


def reference(one: Node) -> str:
    """What `write.references` made of it, or the same of a foreign one: name, then id, address and source."""
    name = text(one, "name")
    if references([name]) == [plain(one)]:
        return name
    called = " ".join(words for words in (name, text(one, "external_id")) if words)
    return ", ".join([called, *(words for key in ("url", "source", "reference_id") if (words := text(one, key)))])


def _machine(one: Node) -> str:
    """`Mail gateway (http-api: https://mail.example)`."""
    address = one.get("address")
    places = [value.value for key, values in (address.pairs if address and address.kind == "mapping" else ())
              for value in values.items if value.kind == "scalar"]
    return one_line(f"{text(one, 'name')} ({': '.join([text(one, 'type'), *[', '.join(places)] * bool(places)])})")


def _filled(made: Json) -> Json:
    return {key: value for key, value in made.items() if value not in ("", [], {})}
