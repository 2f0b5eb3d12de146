"""From a graph to one straight list: the order of the steps, under which choices each is reached, and which loops there are.

The order is a topological one in which branches stand behind their decision and before what follows it (reverse postorder, what
follows first). A loop that a decision can leave is cut at the edge that leads back, and told; one that nothing leaves, a step
that nothing reaches and one from which no end is reached are refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from irkit.runbook.cacao.shape import Playbook, pointer, pointers, stop, text
from irkit.runbook.source import Node

MAX_BRANCHES = 16           # decisions that one step depends on
WORK = ("action", "playbook-action")
DECISIONS = ("if-condition", "while-condition", "switch-condition")

Guard = Mapping[str, frozenset[str]]        # step that decides -> the branches under which another is reached


class Edge(Struct, frozen=True):
    """From one step to another. `branch` is the key of the decision it hangs on, "" where it is taken in any case."""

    source: str
    keys: tuple[str, ...]
    target: Node
    branch: str = ""

    @property
    def to(self) -> str:
        return self.target.value

    @property
    def where(self) -> str:
        return pointer("workflow", self.source, *self.keys)


@dataclass
class Flow:
    """`order`: ids from start to end; `guards`: id -> choices under which it is reached; `loops`: edges that lead back."""

    edges: Mapping[str, Sequence[Edge]]
    order: Sequence[str] = ()
    loops: Sequence[Edge] = ()
    guards: dict[str, Guard] = field(default_factory=dict)
    beside: dict[str, list[str]] = field(default_factory=dict)      # first of a parallel branch -> those of all
    blurred: list[str] = field(default_factory=list)        # reached in ways that no guard says: always offered


def straighten(playbook: Playbook) -> Flow:
    """Raises RunbookError with every place where the workflow is broken."""
    edges = {name: tuple(_edges(name, step)) for name, step in playbook.workflow.items()}
    roots = [playbook.text(key) for key in ("workflow_exception", "workflow_start") if playbook.text(key)]
    found = Flow(edges, *_order(edges, roots))
    _broken(playbook, found)
    _guard(playbook, found, roots)
    for own in found.edges.values():
        firsts = [edge.to for edge in own if edge.keys[0] == "next_steps"]
        found.beside.update(dict.fromkeys(firsts, firsts))
    return found


def _edges(name: str, step: Node) -> Iterator[Edge]:
    """A failure that has a way of its own is a decision: did it work?"""
    failing = text(step, "type") in WORK and step.get("on_failure")
    for keys, target in pointers(step):
        branch = {"on_true": "yes", "on_false": "no"}.get(keys[0], keys[1] if keys[0] == "cases" else "")
        if failing and keys[0].startswith("on_"):
            branch = "no" if keys[0] == "on_failure" else "yes"
        yield Edge(name, keys, target, branch)


def _order(edges: Mapping[str, Sequence[Edge]], roots: Iterable[str]) -> tuple[list[str], list[Edge]]:
    """The steps that are reached in reverse postorder, and the edges that lead back to a step on the way to them."""
    done: list[str] = []
    loops: list[Edge] = []
    state: dict[str, bool] = {}             # True: on the way; False: finished
    for root in roots:
        way = [(root, reversed(edges[root]))] if root not in state else []
        state.setdefault(root, True)
        while way:
            name, rest = way[-1]
            edge = next(rest, None)
            if edge is None:
                way.pop()
                state[name] = False
                done.append(name)
            elif edge.to not in state:
                state[edge.to] = True
                way.append((edge.to, reversed(edges[edge.to])))
            elif state[edge.to]:
                loops.append(edge)
    return done[::-1], loops


def _broken(playbook: Playbook, found: Flow) -> None:
    workflow, mistakes = playbook.workflow, playbook.mistakes
    holder = playbook.root.get("workflow")
    reached = set(found.order)
    for name in workflow:
        if name not in reached:
            mistakes.error(holder.key(name) if holder else None, f"{pointer('workflow', name)}: no step leads here",
                           "lead to it, or take it out")
    sure = {name: tuple(edge for edge in own if not edge.branch and edge.keys[0] != "on_failure")
            for name, own in found.edges.items()}
    for edge in _order(sure, found.order)[1]:
        mistakes.error(edge.target, f"{edge.where}: an endless loop back to {edge.to}", "nothing in it decides to leave it")
    ending = _with_an_end(found)
    lost = [name for name in found.order if name not in ending]
    if lost and not mistakes.errors:
        mistakes.error(workflow[lost[0]], f"{pointer('workflow', lost[0])}: no end can be reached from here",
                       "a loop that no decision leaves")
    if not any(text(workflow[name], "type") in WORK for name in reached):
        mistakes.error(holder, "/workflow: it has no step that does anything")
    stop(mistakes)


def _with_an_end(found: Flow) -> set[str]:
    """The steps from which an end, or a step that leads nowhere, is reached."""
    back: dict[str, list[str]] = {}
    for own in found.edges.values():
        for edge in own:
            back.setdefault(edge.to, []).append(edge.source)
    seen = {name for name, own in found.edges.items() if not own}
    queue = deque(seen)
    while queue:
        for name in back.get(queue.popleft(), ()):
            if name not in seen:
                seen.add(name)
                queue.append(name)
    return seen


# -- under which choices a step is reached -----------------------------------------------------------------------

def choices(step: Node) -> list[str]:
    """The branches of a decision, in order; a switch without a default can take none of its cases."""
    if text(step, "type") != "switch-condition":
        return ["yes", "no"]
    cases = step.get("cases")
    named = [key.value for key, _ in cases.pairs] if cases else []
    return named if "default" in named else [*named, "default"]


def _guard(playbook: Playbook, found: Flow, roots: Sequence[str]) -> None:
    """One pass along the order. Where ways meet, a choice holds only if each way has one: in doubt a step is offered."""
    cut = set(found.loops)
    ways: dict[str, list[Guard]] = {root: [{}] for root in roots}
    for name in found.order:
        guard = found.guards[name] = _meet(playbook, ways.get(name, []))
        if _blurs(ways.get(name, [])):
            found.blurred.append(name)
        if len(guard) > MAX_BRANCHES:
            playbook.mistakes.error(playbook.workflow[name], f"{pointer('workflow', name)}: it hangs on more than "
                                    f"{MAX_BRANCHES} decisions", "split the playbook")
            stop(playbook.mistakes)
        for edge in found.edges[name]:
            if edge not in cut:
                taken = {name: frozenset({edge.branch})} if edge.branch else {}
                ways.setdefault(edge.to, []).append({**guard, **taken})


def _blurs(ways: Sequence[Guard]) -> bool:
    """Whether ways that differ in more than one decision meet: what they have in common may hold on none of them."""
    differing = {asked for way in ways for asked in way if any(other.get(asked) != way[asked] for other in ways)}
    return len(differing) > 1


def _meet(playbook: Playbook, ways: Sequence[Guard]) -> Guard:
    first, rest = (ways[0], ways[1:]) if ways else ({}, ())
    met = {asked: frozenset.union(branches, *(way[asked] for way in rest))
           for asked, branches in first.items() if all(asked in way for way in rest)}
    return {asked: taken for asked, taken in met.items() if taken != frozenset(choices(playbook.workflow[asked]))}
