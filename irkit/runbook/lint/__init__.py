"""What lint refuses, every mistake in one pass.

 1  keys, types, kinds of a step, an empty runbook             `irkit.runbook.load`
 2  names that lead nowhere, parameters                        `names`
 3  destroying what no earlier step preserves                  `traces`
 4  irreversible without a look; a fan-out over no list        `traces`, `names`
 5  clocks that nothing stops; a `when` that is never true     `names`, `choices`
 6  `ask` without choices, unused choices, placeholders        `irkit.runbook.load`, `choices`, here
 7  what a template may not hold                               `irkit.runbook.grammar`
 8  secrets in clear                                           `secrets`
 9  nobody tells legal (a warning)                             here
10  YAML that could harm                                       `irkit.runbook.source`
11  telling people where the intruder reads along (a warning)   here
12  what irkit cannot know (a warning)                          here
13  a version that does not go up, against an older copy        `versions`
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from irkit import connectors
from irkit.action import Effect
from irkit.connectors import find_action
from irkit.errors import RunbookError, UsageError
from irkit.runbook.lint import choices, names, secrets, traces, versions
from irkit.runbook.lint.kinds import Context, at
from irkit.runbook.lint.traces import FindAction
from irkit.runbook.load import Draft, draft, read_bytes
from irkit.runbook.model import Runbook
from irkit.runbook.source import Mistake, Mistakes, did_you_mean

_PLACEHOLDER = re.compile(r"^\W*$|\b(TODO|TBD|FIXME|XXX)\b")


def lint(runbook: Runbook, *, find_action: FindAction = find_action) -> list[Mistake]:
    """Everything lint has to say about a runbook that loads, in the order of the file."""
    found = Draft(runbook, Mistakes(runbook.path, runbook.raw), frozenset())
    with contextlib.suppress(RunbookError):
        _rules(found, find_action)
    return found.mistakes.sorted()


def linted(path: Path, *, find_action: FindAction = find_action) -> Runbook:
    """The runbook in a file that lint has nothing against. Raises RunbookError with every mistake."""
    raw = read_bytes(path)
    mistakes = Mistakes(str(path), raw)
    found = draft(raw, mistakes, path.stem)
    if found:
        _rules(found, find_action)
    if found is None or mistakes.errors:
        mistakes.fail(next=f"irkit runbook lint {path}")
    return found.runbook


def check(path: Path, *, find_action: FindAction = find_action, against: versions.Head | None = None) -> Mistakes:
    """The mistakes of a file's structure and everything lint has to say about the rest. Raises RunbookError if unreadable.

    `against` is the head of an older copy, which its version is held to.
    """
    return check_bytes(read_bytes(path), str(path), path.stem, find_action=find_action, against=against)


def check_bytes(raw: bytes, path: str, stem: str = "", *, find_action: FindAction = find_action,
                against: versions.Head | None = None) -> Mistakes:
    """The same from bytes; `stem` is the name the runbook should have."""
    mistakes = Mistakes(path, raw)
    with contextlib.suppress(RunbookError):         # too many: those found so far are enough
        if found := draft(raw, mistakes, stem):
            _rules(found, find_action)
            if against is not None:
                versions.check(found.runbook, against, mistakes)
    return mistakes


def _rules(found: Draft, find_action: FindAction) -> None:
    context = Context(found.runbook, found.mistakes, found.broken, traces.actions(found.runbook, find_action))
    _actions(context, find_action)
    for rule in (names.check, traces.check, choices.check, secrets.check, _placeholders, _notify, _overheard, _opaque):
        rule(context)


def _actions(context: Context, find_action: FindAction) -> None:
    """Rule 2: the connector and the action exist."""
    for step in context.runbook.steps:
        if step.action and step.id not in context.actions:
            try:
                find_action(step.action)
            except UsageError as unknown:
                context.mistakes.error(at(step, "action"), unknown.what, _nearest(step.action))


def _nearest(full_name: str) -> str:
    connector, _, action = full_name.partition(".")
    known = connectors.names()
    if connector not in known:
        return did_you_mean(connector, known, "irkit action list")
    return did_you_mean(action, connectors.find(connector).actions, "irkit action list")


def _placeholders(context: Context) -> None:
    """Rule 6: a `do` that says nothing yet."""
    for step in context.runbook.steps:
        if step.do and _PLACEHOLDER.search(step.do.source.strip()):
            context.mistakes.error(at(step, "do"), "this `do` is still a placeholder", "say what to do, and where")


def _notify(context: Context) -> None:
    """Rule 9: whoever reads a helpdesk reads people's data, so somebody tells legal."""
    book = context.runbook
    if context.actions and not any(step.phase == "notify" and step.owner == "legal" for step in book.steps):
        context.mistakes.warn(book.node.get("runbook"), "no step of phase notify is owned by legal",
                              "an action can reveal personal data; add a step that tells legal")


def _overheard(context: Context) -> None:
    """Rule 11: nobody is told through a system that the runbook calls compromised."""
    book = context.runbook
    for position, name in enumerate(book.compromised):
        if name not in connectors.names() and not any(step.on == name for step in book.steps):
            node = book.node.get("compromised")
            context.mistakes.error(node.items[position] if node and node.kind == "sequence" else node,
                                   f"unknown system '{name}'", did_you_mean(name, connectors.names(), "irkit action list"))
    for step in book.steps:
        action = context.actions.get(step.id)
        if action and action.tells and book.distrusts(step.on, action.connector):
            context.mistakes.warn(at(step, "action"), f"this tells people through {step.on}, which counts as compromised here",
                                  "the intruder may read it: tell them by phone, or over a system that is not listed there")


def _opaque(context: Context) -> None:
    """Rule 12: what irkit cannot know is done by a connector that does, or by hand."""
    for step in context.runbook.steps:
        action = context.actions.get(step.id)
        if action and action.opaque and action.effect is not Effect.READ:
            context.mistakes.warn(at(step, "action"), f"irkit does not know what {step.action} does: it counts as irreversible",
                                  "a connector's own action looks before and after: irkit action list")
