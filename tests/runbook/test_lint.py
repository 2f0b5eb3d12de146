"""Rules 2 and 4 to 9: names, types, decisions, placeholders, secrets, who is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.runbook import check, check_bytes, lint, load_bytes
from tests.runbook.support import AGENT, HEAD, TELL_LEGAL, block, book, find_action, said

LIST = "- {id: everybody, title: List, why: w, action: demo.list_users}"
ASK = '- {id: exported, title: E, ask: "Exported?", choices: {yes: "Yes", no: "No", unknown: "?"}}'


def do(text: str) -> str:
    return f"- {{id: call, title: Call, do: {text!r}}}"


def when(text: str) -> str:
    return f"- {{id: call, title: Call, do: Call., when: {text!r}}}"


def fan(each: str, **given: str) -> str:
    """A fan-out of demo.suspend, over that list and with those parameters."""
    with_ = ", ".join(f"{name}: {value!r}" for name, value in given.items())
    return f"- {{id: each, title: Each, why: w, action: demo.suspend, for_each: {each!r}, with: {{{with_}}}}}"


# -- approvals ---------------------------------------------------------------------------------------------------

def end(approve: str) -> str:
    given = "{user_id: '{{ steps.agent.id }}'}"
    return f"- {{id: end, title: End, why: w, action: demo.suspend, with: {given}, approve: {approve}}}"


def test_an_approval_that_can_be_given_lints() -> None:
    """With its defaults, and with everything said."""
    assert said(AGENT, end("{role: lead}")) == said(AGENT, end("{role: legal, expires: 24h, evidence: required}")) == []


@pytest.mark.parametrize(("step", "message"), [
    (end("{role: boss}"), "unknown role 'boss'"),
    (end("{role: lead, expires: 0s}"), "an approval expires after 1s to 24h"),
    (end("{role: lead, expires: 25h}"), "an approval expires after 1s to 24h"),
    (end("{expires: 5m}"), "lacks the key 'role'"),
    (end("{role: lead, evidence: often}"), "wants one of none, required"),
    (end("{role: lead, by: sam}"), "unknown key 'by'"),
    ("- {id: look, title: L, why: w, action: demo.list_users, approve: {role: lead}}",
     "demo.list_users only reads, so there is nothing"),
])
def test_an_approval_that_nobody_could_give_is_a_mistake(step: str, message: str) -> None:
    """An unknown role, no time to answer in, nothing to agree to."""
    assert any(message in line for line in said(AGENT, step))


# -- rule 2: names -----------------------------------------------------------------------------------------------

def test_a_good_runbook_has_nothing_said_of_it() -> None:
    """Fan-outs over lists of records, nested fields, decisions, `at`, results of steps by hand."""
    assert said(AGENT, LIST, ASK, fan("{{ steps.everybody.items }}", user_id="{{ item.id }}"), """
        - id: last
          title: Last
          owner: lead
          when: steps.exported.choice != "no" and not steps.agent.suspended and steps.agent.tickets > 3
          after: {step: agent, wait: 5m}
          do: >
            {{ steps.agent.devices[0].name }} {{ steps.agent.manager.id }} {{ steps.agent.at }} {{ steps.each.items[0].email }}
            {{ steps.each.count }} {{ steps.everybody.ids | join(", ") }} {{ steps.exported.reason }} {{ inputs.since }}
        - {id: end, title: End, do: "{{ steps.last.who }} {{ steps.last.evidence | length }}"}
        """) == []


def test_a_wrong_field_reads_as_promised() -> None:
    """The whole look-up is underlined, inside its text, and the nearest field is named."""
    assert block(AGENT, """
        - id: call
          title: Call
          do: |
            Call
            {{ steps.agent.emial }}.
        """).splitlines() == [
        "test.yaml:16:10: steps.agent has no 'emial'",
        "   |",
        "16 |       {{ steps.agent.emial }}.",
        "   |          ^^^^^^^^^^^^^^^^^",
        "   = did you mean 'email'?",
    ]


@pytest.mark.parametrize(("text", "message"), [
    ("{{ steps.agnt.id }}", "unknown step 'agnt'"), ("{{ inputs.hwo }}", "unknown input 'hwo'"),
    ("{{ steps.tell_legal.at }}", "step 'tell_legal' is used before it ran"),
    ("{{ steps.call.at }}", "step 'call' is used before it ran"),
    ("{{ steps.agent.devices.name }}", "steps.agent.devices is a list and has no 'name'"),
    ("{{ steps.agent.devices[0].nme }}", "steps.agent.devices.0 has no 'nme'"),
    ("{{ steps.agent.manager.nme }}", "steps.agent.manager has no 'nme'"),
    ("{{ steps.agent.id.x }}", "steps.agent.id is a single value and has no 'x'"),
    ("{{ inputs.who.domain }}", "inputs.who is a single value and has no 'domain'"),
    ("{{ steps.exported.chioce }}", "steps.exported has no 'chioce'"),
    ("{{ item.id }}", "'item' is known only inside a fan-out"),
    ("{{ steps }}", "'steps' alone is no value"), ("{{ steps.agent.id | join }}", "join wants a list"),
])
def test_a_name_that_leads_nowhere_is_refused(text: str, message: str) -> None:
    """Inputs, steps, fields of records in records and in lists, and steps that come later."""
    assert message in said(AGENT, ASK, do(text), when('steps.exported.choice == "no"').replace("call", "used"))


@pytest.mark.parametrize(("step", "message"), [
    ("- {id: a, title: A, why: w, action: demo.suspnd, with: {user_id: '1'}}", "demo has no action 'suspnd'"),
    ("- {id: a, title: A, why: w, action: dmeo.suspend, with: {user_id: '1'}}", "no connector is called 'dmeo'"),
    ("- {id: a, title: A, do: x, owner: laed}", "unknown role 'laed'"),
    ("- {id: a, title: A, do: x, after: {step: agnt}}", "unknown step 'agnt'"),
    ("- {id: a, title: A, do: x, after: {step: tell_legal}}", "step 'tell_legal' does not come before this one"),
    ("- {id: a, title: A, do: x, after: {step: a}}", "step 'a' does not come before this one"),
])
def test_what_a_step_refers_to_exists(step: str, message: str) -> None:
    """Actions, connectors, roles, and the step it waits for."""
    assert said(step) == [message]


def test_a_misspelt_action_of_a_real_connector_is_suggested() -> None:
    """The hint knows what the connector has."""
    found = check_bytes(book("- {id: a, title: A, why: w, action: zendesk.suspend_usr, with: {user_id: '1'}}", TELL_LEGAL),
                        "x").found
    assert [mistake.hint for mistake in found] == ["did you mean 'suspend_user'?"]


@pytest.mark.parametrize(("step", "message"), [
    ("action: demo.suspend", "demo.suspend needs 'user_id'"),
    ("action: demo.suspend, with: {usr_id: '1'}", "demo.suspend has no parameter 'usr_id'"),
    ("action: demo.suspend, with: {user_id: ['1']}", "user_id: a text is wanted, not a list of 1"),
    ("action: demo.suspend, with: {user_id: ~}", "user_id: there is no value"),
    ("action: demo.suspend, with: {user_id: '{{ steps.agent }}'}",
     "user_id is one value, and this is a record: name one of its fields"),
    ("action: demo.suspend, with: {user_id: '{{ steps.agent.manager }}'}",
     "user_id is one value, and this is a record: name one of its fields"),
    ("action: demo.suspend, with: {user_id: '{{ steps.agent.devices }}'}", "user_id is one value, and this is a list"),
    ("action: demo.collect_log, with: {since: '{{ inputs.since }}', limit: ten}", "limit: a whole number is wanted, not 'ten'"),
    ("action: demo.collect_log, with: {since: yesterday}",
     "since: 'yesterday' is not a time; write it like 2026-03-07T23:40:00Z, "
     "with its zone, or now"),
    ("action: demo.collect_log, with: {since: now}", "since: 'now' is not a time; write it like 2026-03-07T23:40:00Z"),
])
def test_parameters_are_those_of_the_action(step: str, message: str) -> None:
    """Names, what is required, literals by their type, lists against single values."""
    assert message in said(AGENT, f"- {{id: a, title: A, why: w, {step}}}")


def test_the_default_of_an_input_is_one_the_input_takes() -> None:
    """Types, and earlier timestamps to lean on."""
    head = HEAD.replace("  most:",
                        "  a: {type: int, ask: x, default: many}\n  b: {type: timestamp, ask: x, default: who - 1d}\n"
                        "  c: {type: timestamp, ask: x, default: d - 1d}\n  d: {type: timestamp, ask: x, default: since + 1d}\n"
                        "  e: {type: choice, ask: x, default: z, choices: {y: Y}}\n  most:")
    assert said(do("x"), head=head) == [
        "the default of 'a': a whole number is wanted, not 'many'", "'who' is not a timestamp, so nothing can be added to it",
        "unknown input 'd' in a default", "the default of 'e': 'z' is none of y"]


def test_comparing_two_kinds_of_things_is_refused() -> None:
    """A record's yes or no is never equal to a word, nor a count to a text."""
    assert said(AGENT, when('steps.agent.suspended == "yes" or steps.agent.tickets > "3"')) == [
        "a yes or no is compared with a text", "a number is compared with a text"]


# -- rule 4: fan-outs --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("each", "message"), [
    ("{{ steps.agent }}", "a fan-out wants a list, and this is none"),
    ("{{ steps.agent.id }}", "a fan-out wants a list, and this is none"),
    ("{{ inputs.who }}", "a fan-out wants a list, and this is none"),
    ("{{ steps.everybody.nobody }}", "steps.everybody has no 'nobody'"),
])
def test_a_fan_out_goes_over_a_list(each: str, message: str) -> None:
    """A record or a text is none."""
    assert message in said(AGENT, LIST, fan(each, user_id="{{ item }}"))


def test_the_element_of_a_fan_out_has_the_lists_type() -> None:
    """Its fields are checked, and whether it is a record at all."""
    assert said(LIST, fan("{{ steps.everybody.items }}", user_id="{{ item.ide }}")) == ["item has no 'ide'"]
    assert said(LIST, fan("{{ steps.everybody.ids }}", user_id="{{ item.id }}")) == ["item is a single value and has no 'id'"]
    assert said(LIST, fan("{{ steps.everybody.items }}", user_id="{{ item }}")) == [
        "user_id is one value, and this is a record: name one of its fields"]


# -- rule 5: clocks and never ------------------------------------------------------------------------------------

def test_a_clock_is_stopped_by_a_step_that_exists() -> None:
    """And starts with a value that does."""
    head = HEAD + "clocks: [{id: c, title: C, start: '{{ inputs.awre }}', within: 72h, stops: tell_leagl}]\n"
    assert said(do("x"), head=head) == ["unknown input 'awre'",
                                        "the clock 'c' is stopped by no step: unknown step 'tell_leagl'"]


def test_a_clock_may_start_with_a_later_step() -> None:
    """Some deadlines run from a determination."""
    head = HEAD + "clocks: [{id: c, title: C, start: '{{ steps.exported.at }}', within: 7d, stops: tell_legal}]\n"
    assert said(ASK, when('steps.exported.choice == "yes"'), head=head) == []


@pytest.mark.parametrize("text", [
    'steps.exported.choice == "yes" and steps.exported.choice == "no"', "1 == 2", "false", "not true and steps.agent.suspended",
    'not steps.exported.choice in ["yes", "no", "unknown"]',
])
def test_a_when_that_can_never_be_true_is_refused(text: str) -> None:
    """Whatever is chosen."""
    assert "this `when` can never be true" in said(AGENT, ASK, when(text))


@pytest.mark.parametrize("text", ['steps.exported.choice == "yes" and steps.agent.suspended', "steps.agent.tickets > 5",
                                  'not (steps.exported.choice == "no" or steps.agent.suspended)'])
def test_a_when_that_other_things_decide_is_left_alone(text: str) -> None:
    """Only choices are walked."""
    assert "this `when` can never be true" not in said(AGENT, ASK, when(text))


def test_a_choice_that_cannot_be_chosen_is_refused() -> None:
    """A misspelt choice would make a step silently unneeded."""
    assert block(AGENT, ASK, when('steps.exported.choice != "nope"')).splitlines() == [
        "test.yaml:13:73: 'exported' has no choice 'nope'",
        "   |",
        "13 |   - {id: call, title: Call, do: Call., when: 'steps.exported.choice != \"nope\"'}",
        "   |" + " " * 73 + "^^^^",
        "   = did you mean 'no'?",
    ]


def test_a_choice_of_one_letter_is_refused() -> None:
    """n would be a note and p a pause: the same letter cannot also decide."""
    assert "the choice 'n' is a single letter" in said(ASK.replace("no:", "n:"))


# -- rule 6: decisions and placeholders --------------------------------------------------------------------------

def test_a_decision_that_nothing_uses_is_warned_of() -> None:
    """It may still be wanted for the record."""
    assert said(ASK) == ["warning: nothing uses the choice of 'exported'"]


@pytest.mark.parametrize("text", ["TODO", "…", "...", "?", "TODO: ask Wei", "Then TBD."])
def test_a_do_that_says_nothing_yet_is_refused(text: str) -> None:
    """Nobody wants to find it at three in the morning."""
    assert said(do(text)) == ["this `do` is still a placeholder"]


# -- rule 8: secrets ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("text", "message"), [
    ("curl https://ops:hunter2@acme.example/", "a URL with credentials"),
    ("Use xoxb-1234567890-abcdefghij.", "a credential in clear"),
    ("key AKIAIOSFODNN7EXAMPLE", "a credential in clear"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "a credential in clear"),
    ("-----BEGIN RSA PRIVATE KEY-----", "a credential in clear"),
    ("Token 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "this looks like a secret"),
    ("Pass fW3kQ9zLx7Tb2VnYc5Rd8", "this looks like a secret"),
])
def test_a_secret_in_a_text_is_refused(text: str, message: str) -> None:
    """A runbook is printed, mailed, and kept with every run."""
    assert said(do(text)) == [message]
    assert said(do("x"), f"# {text}\n") == [message]


@pytest.mark.parametrize("text", [
    "https://support.example.com/hc/en-us/articles/4408827693594-Viewing-the-audit-log-in-Admin-Center", "See ATT&CK T1550.001",
    "Admin Center > Apps and integrations > APIs > API tokens", "zendesk_agent_compromise_2026_weekend_export",
    "3fa85f64-5717-4562-b3fc-2c963f66afa6", "AdminCenterSecurityAuthenticationSettings", "{{ inputs.since }} " + "-" * 60,
])
def test_ordinary_texts_are_no_secrets(text: str) -> None:
    """Addresses of articles, paths through menus, long names, UUIDs."""
    assert said(do(text)) == []


def test_a_value_under_a_secret_key_is_refused_unless_it_is_looked_up() -> None:
    """The key gives it away, however weak the password."""
    step = "- {id: a, title: A, why: w, action: demo.suspend, with: {user_id: '1', api_token: hunter2, token_id: '5'}}"
    assert "'api_token' in clear" in said(step)
    assert "'token_id' in clear" not in said(step)
    assert not any("in clear" in message for message in said(step.replace("hunter2", "'{{ inputs.who }}'")))
    assert said(do("x"), head=HEAD.replace("  most:", "  admin_password: {type: text, ask: x, default: hunter2}\n  most:")) == [
        "'admin_password' has a default, in clear"]


# -- rule 9: who is told -----------------------------------------------------------------------------------------

def test_a_runbook_that_reads_and_tells_nobody_is_warned_of() -> None:
    """Without an action nothing is revealed."""
    told = [mistake.message for mistake in check_bytes(book(AGENT), "x", find_action=find_action).found]
    assert told == ["no step of phase notify is owned by legal"]
    assert check_bytes(book(do("x")), "x", find_action=find_action).found == []


# -- all of it ---------------------------------------------------------------------------------------------------

def test_structure_and_rules_are_told_in_one_pass() -> None:
    """A step that is broken is not judged further, and what refers to it is left alone."""
    assert said("- {id: agent, titel: Find, why: w, action: demo.find_user, with: {}}",
                do("{{ steps.agent.what }} {{ steps.gone.x }}")) == [
        "a step lacks the key 'title'", "unknown key 'titel'", "unknown step 'gone'"]


def test_lint_of_a_loaded_runbook_is_the_same(tmp_path: Path) -> None:
    """For whoever has one already; of a file, its name is checked too."""
    raw = book(AGENT, do("{{ steps.agnt.id }}"), TELL_LEGAL)
    found = lint(load_bytes(raw, "x"), find_action=find_action)
    assert found == check_bytes(raw, "x", find_action=find_action).sorted()
    path = tmp_path / "other.yaml"
    path.write_bytes(raw)
    assert [mistake.message for mistake in check(path, find_action=find_action).sorted()] == [
        "the runbook is called 'test', its file 'other'", "unknown step 'agnt'"]


def test_a_file_with_too_many_mistakes_ends_with_the_first_of_them() -> None:
    """In bounded time."""
    many = "".join(f"- {{id: s{n}, title: A, do: '{{{{ steps.t{n}.x }}}}'}}\n" for n in range(600))
    assert said(many)[0] == "stopped after 200 mistakes"
    assert lint(load_bytes(book(many), "x"))[0].message == "stopped after 200 mistakes"


TELLING = """\
compromised: [{systems}]
steps:
  - {{id: tell, phase: notify, owner: legal, title: Tell legal, why: They decide., action: mail.notify_legal,
     with: {{to: [ortiz@example.org], text: Please call.}}}}
"""


def told(systems: str) -> list[str]:
    raw = "schema: irkit/v1\nrunbook: r\ntitle: T\nversion: 1\nroles: {legal: Counsel}\n" + TELLING.format(systems=systems)
    return [f"{one.level}: {one.message}" for one in check_bytes(raw.encode(), "r.yaml", "r").found]


def test_telling_people_over_a_compromised_system_is_warned_of() -> None:
    """Rule 11: whom the intruder reads along with is told another way; a system that is sound is not spoken of."""
    assert told("mail") == ["warning: this tells people through mail, which counts as compromised here"]
    assert told("zendesk") == []


def test_a_compromised_system_that_is_none_is_refused() -> None:
    """A misspelt name would switch the warning off."""
    assert told("mial") == ["error: unknown system 'mial'"]
