"""Twelve faults that authors make, each put into a runbook that is right: lint finds each, at its place, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.runbook import available, check, check_bytes
from irkit.runbook.lint.versions import Head, head_of

LIBRARY = Path(__file__).parents[2] / "runbooks"
RIGHT = """\
schema: irkit/v1
runbook: right
title: A session in other hands
version: 4
inputs:
  account:  {type: email, ask: "Which account?"}
  aware_at: {type: timestamp, ask: "When did you first know?", default: now}
roles:
  lead: Incident lead
  legal: Counsel
clocks:
  - {id: gdpr_33, title: GDPR art. 33 notice, start: "{{ inputs.aware_at }}", within: 72h, stops: tell_legal}
steps:
  - {id: agent, phase: prepare, title: Find the account, why: All below is about it., action: zendesk.find_user,
     with: {email: "{{ inputs.account }}"}}
  - {id: keep, phase: preserve, title: Keep its sessions, why: Ending them destroys the list., action: zendesk.collect_sessions,
     with: {user_id: "{{ steps.agent.id }}"}}
  - id: stolen
    phase: investigate
    title: Is it stolen?
    ask: Does the list show a device that nobody knows?
    choices: {stolen: "Yes", own: "No"}
  - id: end
    phase: contain
    owner: lead
    title: End its sessions
    why: They outlive a new password.
    when: steps.stolen.choice == "stolen"
    action: zendesk.end_sessions
    with: {user_id: "{{ steps.agent.id }}"}
    after: {step: keep, wait: 1m}
    target: 15m
  - {id: tell_legal, phase: notify, owner: legal, title: Tell legal, do: "Ring counsel on the emergency number.",
     evidence: required}
"""
OLD = Head("right", 3, "0" * 64)

# The fault's name: what is written, what stands there instead, what lint says, and the text under the caret.
FAULTS = {
    "dangling id": ("{step: keep, wait", "{step: kept, wait", "unknown step 'kept'", "kept"),
    "self-loop": ("{step: keep, wait", "{step: end, wait", "step 'end' does not come before this one", "end"),
    "misspelt key": ("    target: 15m", "    targt: 15m", "unknown key 'targt'", "targt"),
    "exclusive keys together": ("    action: zendesk.end", "    do: Do it by hand.\n    action: zendesk.end",
                                "two kinds in one step: action and do", "do"),
    "missing parameter": ('zendesk.find_user,\n     with: {email: "{{ inputs.account }}"}}', "zendesk.find_user}",
                          "zendesk.find_user needs 'email'", "zendesk.find_user"),
    "undefined input": ("{{ inputs.account }}", "{{ inputs.acount }}", "unknown input 'acount'", "inputs.acount"),
    "undefined role": ("owner: lead", "owner: laed", "unknown role 'laed'", "laed"),
    "negative time": ("target: 15m", "target: -15m", "'-15m' is not a duration", "-15m"),
    "version going backwards": ("version: 4", "version: 2", "the version goes backwards: 2, after 3", "2"),
    "plain secret": ("Ring counsel on", "Ring counsel with PIN ghp_16C7e42F292c6912E7710c838347Ae178B4a on",
                     "a credential in clear", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
    "destroy before preserve": ("action: zendesk.collect_sessions", "action: zendesk.collect_identities",
                                "zendesk.end_sessions destroys sessions, and no earlier step preserves that", ""),
    "clock nobody stops": ("stops: tell_legal", "stops: tell_leagl", "the clock 'gdpr_33' is stopped by no step", "tell_leagl"),
}


def found(text: str) -> list[tuple[str, str, str]]:
    """(level, message, what stands under the caret) of each mistake."""
    lines = text.splitlines()
    return [(one.level, one.message, lines[one.line - 1][one.col - 1:one.col - 1 + one.width])
            for one in check_bytes(text.encode(), "right.yaml", "right", against=OLD).sorted()]


def test_there_are_twelve() -> None:
    """None of them is the same as another."""
    assert len(FAULTS) == len({new for _, new, _, _ in FAULTS.values()}) == 12


def test_the_runbook_they_are_put_into_is_right() -> None:
    """Nothing is said of it, against an older version of it either."""
    assert found(RIGHT) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seeded_fault_is_caught_where_it_stands(fault: str) -> None:
    """One mistake, an error, under the very words that are wrong."""
    old, new, message, place = FAULTS[fault]
    assert RIGHT.count(old) == 1
    ((level, said, under),) = found(RIGHT.replace(old, new))
    assert level == "error"
    assert message in said
    assert place in under


@pytest.mark.parametrize(("old", "new"), [("within: 72h", "within: -72h"), ("wait: 1m", "wait: -1m"), ("15m", "-1m"),
                                          ("default: now", "default: aware_at - -3d")])
def test_no_time_is_negative_wherever_it_stands(old: str, new: str) -> None:
    """Of a clock, of a wait, of a target, in the default of an input."""
    ((level, _, under),) = found(RIGHT.replace(old, new))
    assert (level, "-" in under) == ("error", True)


@pytest.mark.parametrize("name", sorted(available([LIBRARY])))
def test_no_false_alarm_on_the_library(name: str) -> None:
    """Not a mistake and not a warning about a runbook that is shipped, against itself either."""
    path = LIBRARY / f"{name}.yaml"
    assert check(path, against=head_of(path)).found == []
