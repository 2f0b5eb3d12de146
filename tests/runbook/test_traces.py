"""Rules 3 and 4: nothing is destroyed before it is preserved, and nothing irreversible is sent unseen."""

from __future__ import annotations

import pytest

from irkit.runbook import uncovered
from tests.runbook.support import AGENT, block, find_action, read, said

ID = "{{ steps.agent.id }}"
KEEP = f'- {{id: keep, title: Keep, why: w, action: demo.collect_sessions, with: {{user_id: "{ID}"}}}}'
KEEP_ALL = "- {id: keep, title: Keep, why: w, action: demo.collect_sessions}"
END = f'- {{id: end, title: End, why: w, action: demo.end_sessions, with: {{user_id: "{ID}"}}}}'
LIST = "- {id: many, title: List, why: w, action: demo.list_users}"
LOST = "demo.end_sessions destroys sessions, and no earlier step preserves that"


def ask(name: str) -> str:
    return f'- {{id: {name}, title: A, ask: "Sure?", choices: {{yes: "Yes", no: "No"}}}}'


def also(step: str, keys: str) -> str:
    """The step with more keys."""
    return step.removesuffix("}") + f", {keys}}}"


def when(step: str, text: str) -> str:
    return also(step, f"when: '{text}'")


YES, NO = 'steps.a.choice == "yes"', 'steps.a.choice == "no"'


# -- unconditional -----------------------------------------------------------------------------------------------

def test_destroying_what_nothing_preserved_reads_as_promised() -> None:
    """The action is underlined, and both ways out are named."""
    assert block(AGENT, END).splitlines() == [
        "test.yaml:12:43: demo.end_sessions destroys sessions, and no earlier step preserves that",
        "   |",
        f'12 |   {END}',
        "   |" + " " * 43 + "^^^^^^^^^^^^^^^^^",
        "   = keep the sessions of the same target first, or say unpreserved: REASON",
    ]


@pytest.mark.parametrize("steps", [
    pytest.param([KEEP, END], id="the same target"), pytest.param([KEEP_ALL, END], id="the whole tenant"),
    pytest.param([also(KEEP_ALL, "with: {user_id: ~}"), END], id="the whole tenant, said so"),
    pytest.param([KEEP.replace(ID, "{{steps['agent'].id}}"), END], id="the same target, written differently"),
    pytest.param([also(END, "unpreserved: They are in the SIEM")], id="overridden"),
    pytest.param([also(KEEP, "connection: eu"), also(END, "connection: eu")], id="the same connection"),
])
def test_what_is_preserved_first_may_be_destroyed(steps: list[str]) -> None:
    """One user's or everybody's, on the same connection, or with a reason."""
    assert said(AGENT, *steps) == []


@pytest.mark.parametrize("steps", [
    pytest.param([END, KEEP], id="too late"), pytest.param([KEEP.replace(ID, "7"), END], id="another user"),
    pytest.param([KEEP.replace(".id", ".email"), END], id="another field"),
    pytest.param([also(KEEP, "connection: eu"), END], id="another connection"),
    pytest.param([also(KEEP, "after: {step: agent, wait: 30m}"), END], id="put off"),
])
def test_what_is_not_the_same_or_not_before_does_not_preserve(steps: list[str]) -> None:
    """Target, connection and order all count."""
    assert said(AGENT, *steps) == [LOST]


def test_a_step_that_waits_for_the_preserving_one_may_destroy() -> None:
    """Both are put off, in the right order."""
    assert said(AGENT, also(KEEP, "after: {step: agent, wait: 30m}"), also(END, "after: {step: keep}")) == []


# -- choices -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("steps", [
    pytest.param([ask("a"), when(KEEP, YES), when(END, YES)], id="under the same choice"),
    pytest.param([ask("a"), when(KEEP, YES), when(KEEP.replace("keep", "keep2"), NO), END], id="under either choice"),
    pytest.param([ask("a"), ask("b"), when(KEEP, YES), when(END, YES + ' and steps.b.choice == "no"')], id="under one of two"),
    pytest.param([ask("a"), when(KEEP, 'steps.a.choice in ["yes", "no"]'), END], id="whatever is chosen"),
    pytest.param([ask("a"), when(KEEP, f"not ({NO})"), when(END, f"{YES} and steps.agent.suspended")], id="and something else"),
])
def test_every_combination_of_choices_is_walked_and_covered(steps: list[str]) -> None:
    """A conditional preserving step counts where its `when` holds."""
    assert [message for message in said(AGENT, *steps) if not message.startswith("warning")] == []


@pytest.mark.parametrize(("steps", "under"), [
    pytest.param([ask("a"), when(KEEP, YES), END], " when a is 'no'", id="destroyed always"),
    pytest.param([ask("a"), when(KEEP, YES), when(END, NO)], " when a is 'no'", id="the other choice"),
    pytest.param([ask("a"), ask("b"), when(KEEP, YES + ' and steps.b.choice == "yes"'), when(END, YES)],
                 " when a is 'yes' and b is 'no'", id="one of four"),
    pytest.param([when(KEEP, "steps.agent.suspended"), END], "", id="not a choice"),
    pytest.param([when(KEEP, "steps.agent.suspended"), when(END, "steps.agent.suspended")], "",
                 id="not a choice, though the same"),
    pytest.param([ask("a"), when(KEEP, f"{YES} and steps.agent.suspended"), when(END, YES)], " when a is 'yes'",
                 id="a choice and more"),
])
def test_a_combination_that_loses_something_is_named(steps: list[str], under: str) -> None:
    """A `when` on anything but choices does not preserve."""
    assert LOST.removesuffix("that") + "that" + under in said(AGENT, *steps)


def test_too_many_combinations_count_as_not_preserved() -> None:
    """Nothing is taken as certain that was not walked."""
    asks = [ask(f"q{n}") for n in range(11)]
    every = " and ".join(f'steps.q{n}.choice == "yes"' for n in range(11))
    assert LOST in said(AGENT, *asks, when(KEEP, every), when(END, every))


# -- fan-outs ----------------------------------------------------------------------------------------------------

def each(step: str, over: str, given: str) -> str:
    """The step, over that list and with that user id."""
    return also(step.split(", with")[0] + "}", f'for_each: "{over}", with: {{user_id: "{given}"}}')


MANY, IDS = "{{ steps.many.items }}", "{{ steps.many.ids }}"
LOGOUT = f'- {{id: end, title: End, why: w, action: demo.logout_many, with: {{user_ids: "{IDS}"}}}}'


def test_a_fan_out_is_covered_by_one_over_the_same_list() -> None:
    """The same element of the same list, or the list itself."""
    assert said(LIST, each(KEEP, MANY, "{{ item.id }}"), each(END, MANY, "{{ item.id }}")) == []
    assert said(LIST, each(KEEP, IDS, "{{ item }}"), LOGOUT) == []
    assert said(LIST, KEEP_ALL, LOGOUT) == []


def test_a_fan_out_is_not_covered_by_one_over_another_list_or_element() -> None:
    """The text of `with` alone is not enough."""
    assert said(AGENT, LIST, each(KEEP, "{{ steps.agent.devices }}", "{{ item.id }}"),
                each(END, MANY, "{{ item.id }}")) == [LOST]
    assert said(LIST, each(KEEP, MANY, "{{ item.email }}"), each(END, MANY, "{{ item.id }}")) == [LOST]
    assert said(AGENT, LIST, KEEP, LOGOUT) == [LOST.replace("end_sessions", "logout_many")]


# -- at run time -------------------------------------------------------------------------------------------------

def lost(done: set[str], *steps: str) -> list[tuple[str, tuple[str, ...]]]:
    book = read(AGENT, *steps)
    step = book.step("end")
    assert step is not None
    return [(trace.what, keepers) for trace, keepers in uncovered(book, step, done, find_action=find_action)]


def test_the_gate_learns_what_was_not_preserved_and_by_whom_it_would_have_been() -> None:
    """A step that was skipped preserves nothing, whatever lint said."""
    keep2 = KEEP_ALL.replace("keep", "keep2")
    assert lost(set(), KEEP, keep2, END) == [("sessions", ("keep", "keep2"))]
    assert lost({"agent"}, END) == [("sessions", ())]


def test_the_gate_is_content_with_one_step_done() -> None:
    """Or with a reason in the runbook; a step that destroys nothing loses nothing."""
    assert lost({"keep2"}, KEEP, KEEP_ALL.replace("keep", "keep2"), END) == []
    assert lost(set(), also(END, "unpreserved: They are in the SIEM")) == []
    assert lost(set(), END.replace("end_sessions", "suspend")) == []


# -- rule 4: an irreversible step has looked ---------------------------------------------------------------------

UNSEEN = "demo.end_sessions cannot be undone, and no earlier step reads its target"


def test_an_irreversible_step_takes_its_target_from_an_earlier_read() -> None:
    """A typed id may be anybody's."""
    fixed = also(END.replace(ID, "7"), "unpreserved: x")
    assert said(fixed) == [UNSEEN]
    assert said(AGENT, fixed) == [UNSEEN]
    assert said(AGENT, KEEP.replace(ID, "7"), fixed) == []


def test_a_read_on_another_connection_is_no_look() -> None:
    """The same id there is somebody else."""
    assert UNSEEN in said(AGENT, also(END, "connection: eu, unpreserved: x"))
