"""The golden screens of tests/screens/, written by hand from what the responder should see, at 80 columns."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from irkit.engine.gate import Deadline, Ended, Progress, Question, Said, StepBegins, Trouble
from irkit.engine.known import Known, Met, Warned
from irkit.engine.state import Sending
from irkit.errors import CredentialError
from irkit.ledger import Finding
from irkit.ledger.assurance import Anchor, Range, Windows
from irkit.ledger.verify import Report, Session
from irkit.ui import reading
from irkit.ui.answers import Scripted
from irkit.ui.talk import Talk
from irkit.ui.undoing import Row, undo_lines
from irkit.ui.verifying import verify_lines
from irkit.ui.watching import Stand, row_lines, stand_lines, status_line
from tests.ui import samples

SCREENS = Path(__file__).parent.parent / "screens"
PARIS = ZoneInfo("Europe/Paris")
PAUSE = {"p": "pause"}
Script = Sequence[Said | Question]


def golden(name: str) -> list[str]:
    return (SCREENS / f"{name}.txt").read_text().splitlines()


def played(script: Script, answers: Mapping[str, object], *, prefix: str = "", tz: ZoneInfo | None = PARIS) -> list[str]:
    """What stands on the screen after the script was said and its questions answered."""
    out = io.StringIO()
    talk = Talk(out, plain=True, prefix=prefix, tz=tz, env={})
    gate = Scripted(answers, phrases_literal=False, talk=talk.say, typed=talk.prompt)
    for part in script:
        if isinstance(part, Question):
            gate.ask(part, list)
        else:
            gate.say(part)
    return out.getvalue().splitlines()


def test_a_step_as_it_is_shown_asked_sent_and_checked() -> None:
    """Where, why, what was seen, what leaves, whom it affects, how to get back; then the question and its proof."""
    script: Script = [samples.SUSPEND, samples.LOOKED, samples.SENDS, samples.GATE, samples.SENT, samples.CHECKED, samples.DONE]
    assert played(script, {"suspend": "yes"}) == golden("step")


def test_what_cannot_be_undone_asks_for_a_phrase() -> None:
    """The phrase, the badge, what was not preserved and what is unverified stand on the gate."""
    begins = StepBegins(
        samples.where(8, 1263, deadlines=()),
        8,
        "End every session of the account",
        "Suspension blocks new sign-ins; open sessions live on.",
        "CANNOT BE UNDONE",
        "lead",
    )
    gate = Question(
        "gate",
        "Type END 3 SESSIONS to send",
        "end",
        phrase="END 3 SESSIONS",
        more_words={"a": "attach"},
        letters={"s": "skip", "d": "defer", "m": "did it by hand", "n": "note", **PAUSE},
    )
    assert played([begins, samples.SESSIONS, gate], {"end": {"type": "phrase"}}) == golden("irreversible")


def test_a_fan_out_counts_what_leaves() -> None:
    """212 requests are one gate: count, first and last, what is left out, how fast, and three of the people."""
    gate = Question(
        "gate",
        "Type END 212 SESSIONS to send",
        "end",
        phrase="END 212 SESSIONS",
        letters={"s": "skip", "e": "except some", "n": "note", **PAUSE},
    )
    assert played([samples.FAN_OUT, gate], {"end": {"type": "phrase"}}) == golden("fanout")


def test_progress_is_a_line_per_25_in_plain_mode() -> None:
    """Of 212 items the plain screen shows those that pass a multiple of 25, and the last."""
    script: Script = [
        Progress(n, 212, r, u, left, final=n == 212)
        for n, r, u, left in [(1, 0, 0, 63.0), (25, 0, 0, 62.0), (30, 1, 0, 60.0), (50, 1, 0, 51.0), (212, 1, 1, 0.0)]
    ]
    assert played(script, {}) == golden("progress")


def test_a_failure_says_what_happened_and_what_was_not_changed() -> None:
    """FAILED: the vendor's words, that nothing was changed, the likely cause and the next command."""
    menu = Question(
        "menu",
        "",
        "end",
        more_words={"a": "attach"},
        letters={"r": "retry", "m": "did it by hand", "s": "skip", "n": "note", "u": "undo step 7", **PAUSE},
    )
    assert played([samples.FAILED, menu], {"end": {"skip": "later"}}) == golden("failed")


def test_an_unknown_offers_a_look_and_no_retry() -> None:
    """UNKNOWN: when it left, that it may have worked, and looking again."""
    menu = Question(
        "menu", "", "end", more_words={"a": "attach"}, letters={"l": "look again (safe)", "m": "I checked by hand", **PAUSE}
    )
    assert played([samples.UNKNOWN, menu], {"end": {"look_again": True}}) == golden("unknown")


def test_a_gap_is_never_called_clean() -> None:
    """GAP: what is missing, and what that does not mean."""
    assert played([samples.GAP], {}) == golden("gap")


def test_accepted_is_not_done() -> None:
    """ACCEPTED: taken, not confirmed, and what to do next."""
    menu = Question("menu", "", "tell", letters={"l": "look again (safe)", "d": "defer", "m": "I checked by hand"})
    assert played([samples.ACCEPTED, menu], {"tell": {"defer": "yes"}}) == golden("accepted")


def test_resume_says_what_is_done_and_what_is_open() -> None:
    """Who takes a run up sees its state, and types I HAVE IT."""
    question = Question(
        "takeover", "You are sam. maria had it last. Type I HAVE IT to take over", phrase="I HAVE IT", letters={"q": "quit"}
    )
    assert played([samples.RESUMED, question], {"takeover": "I HAVE IT"}) == golden("resume")


def test_resume_shows_what_is_offered() -> None:
    """Who hands over to whom and the text, beside the label; a text that imitates a label stays beside it."""
    question = Question("takeover", "You are sam. maria hands this run over to you. Type I HAVE IT to take over",
                        phrase="I HAVE IT", letters={"q": "quit"})
    assert played([samples.OFFERED, question], {"takeover": "I HAVE IT"}) == golden("offered")


def test_finish_counts_steps_requests_and_evidence() -> None:
    """The closing screen holds every figure of the run, and the next command."""
    assert played([samples.CLOSED], {}) == golden("finish")


def test_drill_stands_first_on_every_line_of_a_drill() -> None:
    """Header, text, news, prompt and blank lines alike; the label is not said twice; no line is longer for it."""
    choice = Question(
        "choice",
        "Your decision",
        "exported",
        letters={**samples.DECIDE.choices, "s": "skip", "d": "defer", "n": "note", **PAUSE},
        more_words={"a": "attach"},
    )
    script: Script = [
        samples.EXPORTED,
        samples.DECIDE,
        samples.INJECT,
        choice,
        Question("reason", "Why", "exported"),
        Ended("done", "No", 60, "15. Notify the authority"),
    ]
    answers = {"exported": {"choice": "no", "reason": "the log shows no export"}}
    assert played(script, answers, prefix="DRILL ", tz=None) == golden("drill")


def test_an_undo_over_a_change_says_what_differs() -> None:
    """CHANGED: what differs, that nothing was sent, which step goes first; overwriting is a choice of its own."""
    changed = Trouble("CHANGED", 7, "Undo: Suspend the account",
                      ["It changed since: role was left agent and is now admin.", "Nothing was sent.",
                       "Step 9 of this run changed the same after it: undo that one first."], 52)
    menu = Question("menu", "", "suspend", letters={
        "l": "look again (safe)", "o": "overwrite it nevertheless, by a phrase", "s": "skip and leave it",
        "m": "undid it by hand", "n": "note", **PAUSE})
    assert played([changed, menu], {"suspend": {"skip": "later"}}) == golden("undo_changed")


# -- reading commands --------------------------------------------------------------------------------------------


def test_status_is_the_resume_screen_with_clocks_and_the_next_command() -> None:
    """Status shows what resume would, and every clock, also one that has not started."""
    assert reading.status_lines(samples.RESUMED, tz=PARIS) == golden("status")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_each_clock_says_what_was_known_when() -> None:
    """What it runs from, who said so and in which entry; that it warned; who met it, when, with what; why it runs again."""
    three, started = timedelta(hours=72), at(20, 2, 6)
    gdpr = replace(
        samples.GDPR, start=started, source="inputs.aware_at", span=three, why="step 15 was undone, entry 79",
        known=Known("", 41, at(20, 3, 10), "maria", "corrected", "the night desk knew"),
        warned=[Warned(samples.DUE, "quarter", 80, at(22, 8, 6)), Warned(at(23, 5), "quarter", 30, at(22, 11))])
    canada = Deadline("canada", "Canada report", None, "not started", source="steps.harm.at")
    met = Met(77, at(21, 10, 30), "Kim Oduya", at(21, 9), "sent by post", (f"artefact 0d96{'0' * 58}99",))
    hipaa = Deadline("hipaa", "HIPAA notice", at(30, 2), "met", start=started, source="steps.harm.at", met=met,
                     known=Known(None, 60, at(20, 4), "kim", "done"))
    assert reading.clock_lines([gdpr, canada, hipaa], at(22, 10), tz=PARIS) == golden("clocks")


def test_who_watches_sees_where_it_stands_and_what_comes() -> None:
    """Line 1 and 2, steps, what waits, clocks, rows in columns of their own; and one line that is written over."""
    where = samples.where(2, total=3, deadlines=(samples.GDPR, Deadline("canada", "Canada report", None, "not started")))
    stand = Stand(where, [(1, "done 02:10Z", "Find the account"), (2, "asked", "End every session of the account"),
                          (3, "not done", "Notify the authority")], "asked",
                  ["WAITING  2 End every session of the account: lead, until 02:50Z. irkit approve INC-2041 end_sessions"])
    rows = [reading.Row(31, at(20, 2, 25).replace(second=7, microsecond=330000), "zendesk", "request.answer", "200, 0.4 s"),
            reading.Row(32, at(20, 2, 25).replace(second=9), "Maximiliana Lopez", "note", '"saw a Tor exit"')]
    assert [*stand_lines(stand, tz=PARIS), *row_lines(rows, head=True), status_line(stand, tz=PARIS)] == golden("watch")


def test_a_narrow_terminal_still_says_what_each_row_is() -> None:
    """40 columns: the kind beside the time, who and what below it."""
    row = reading.Row(32, at(20, 2, 25), "Maximiliana Lopez", "request.sending", "PUT users/3971/sessions")
    assert row_lines([row], width=40, prefix="DRILL ") == [
        "DRILL  32  02:25:00Z request.sending", "DRILL      Maximiliana Lopez: PUT", "DRILL      users/3971/sessions"]


def verified(**more: Any) -> Report:
    """A report over 312 entries of two people, the last six of which are not time-stamped yet."""
    hour = datetime(2026, 11, 20, 2, tzinfo=UTC)
    anchors = [Anchor(150, 148, hour + timedelta(minutes=20), hour + timedelta(minutes=21), "tsa.example"),
               Anchor(308, 306, hour + timedelta(minutes=24), hour + timedelta(minutes=25), "tsa.example")]
    people = {1: Session(1, "maria", "SHA256:9f", "maria@acme.com"), 150: Session(150, "sam", "SHA256:5d", "")}
    return Report(Path("INC-2041"), "live", entries=312, root="77be" + "0" * 56 + "aa10", checkpoints=8, artefacts=9, tokens=2,
                  authorities=["tsa.example"], sessions=people, windows=Windows(anchors),
                  ranges=[Range(1, 149, 1, True), Range(150, 311, 150, True)], **more)


def test_verify_says_what_holds() -> None:
    """A ledger that verifies: what is proven by whom, the ranges, what is pending, the head, exit 0."""
    pending = Finding(306, "time", "entries 306 to 311 are not time-stamped yet",
                      "The last token may still come; one that was taken away would look the same.", level="PENDING")
    assert verify_lines(verified(author_trusted=True, remarks=[pending])) == golden("verify_ok")


def test_verify_says_what_does_not_hold() -> None:
    """One that does not: the entry, the two values, the meaning, how far the rest is sound, exit 5."""
    findings = [
        Finding(118, "chain", "entry 118 does not follow from entry 117", "117 or 118 was changed after it was written.",
                ("117 hashes to 5d0e..91, 118 says 5d0e..7a",)),
        Finding(200, "artefact", "artefact 5d0e..33 was not readable", "It may be whole.", level="NOT CHECKED"),
    ]
    assert verify_lines(verified(problems=2, failures=1, findings=findings)) == golden("verify_bad")


def test_lint_keeps_carets_in_place() -> None:
    """The blocks of the runbook package are printed as they are, with a verdict and exit 6."""
    block = [
        "runbooks/helpdesk.yaml:9:5: unknown key 'acton'",
        "  |",
        "9 |     acton: zendesk.suspend_user",
        "  |     ^^^^^",
        "  = did you mean 'action'?",
    ]
    assert reading.lint_lines([block], 1, errors=5) == golden("lint")


def test_doctor_names_the_problem_and_the_command() -> None:
    """A line per check, FAIL with the command that mends it, and which step cannot run."""
    checks = [
        reading.Check("zendesk", "ok", "ir-break-glass, admin, Enterprise with ADPP"),
        reading.Check("slack", "FAIL", "token expired 2026-10-02", "irkit connect slack"),
        reading.Check("clock", "ok", "within 0.3 s of zendesk's Date header"),
        reading.Check("evidence", "ok", "61 GB free, writable, fsync works"),
        reading.Check("key", "ok", "SHA256:9f.. (ssh-agent)"),
    ]
    assert reading.doctor_lines(checks, ["Step 19 cannot run."]) == golden("doctor")


def test_ledger_show_is_a_line_per_entry() -> None:
    """Number, UTC to the millisecond, who, kind, and what in words, wrapped below itself."""
    rows = [
        (27, "24:31.204", "maria", "step.started", "suspend"),
        (28, "24:31.520", "zendesk", "request.answer", "GET users/3971 -> 200"),
        (29, "25:04.002", "maria", "step.asked", "yes"),
        (30, "25:06.911", "maria", "request.sending", "PUT users/3971"),
        (31, "25:07.330", "zendesk", "request.answer", "200, 0.4 s"),
        (32, "25:07.512", "maria", "note", '"saw a Tor exit in the sign-in log"'),
    ]
    shown = [
        reading.Row(seq, datetime.fromisoformat(f"2026-11-20T02:{at}+00:00"), who, kind, what)
        for seq, at, who, kind, what in rows
    ]
    assert reading.ledger_show_lines(shown) == golden("ledger_show")


def test_a_plan_shows_who_what_and_how_bad() -> None:
    """`runbook show`: phases, steps with their badge, and labelled facts."""
    steps = [
        reading.PlanStep(1, "Check who irkit acts as", "prepare", "READ", [("Action", "zendesk.whoami")]),
        reading.PlanStep(
            2,
            "End every session of the account",
            "contain",
            "CANNOT BE UNDONE",
            [("Who", "Zendesk administrator"), ("Sends", "DELETE /api/v2/users/{user_id}/sessions")],
        ),
    ]
    facts = [
        ("Use when", "An agent or admin signs in from somewhere impossible."),
        ("Asks", "agent_email: Which account?\nsince: Look back to when? (aware_at - 30d)"),
    ]
    assert reading.runbook_plan_lines("A Zendesk agent account is compromised", facts, steps) == golden("plan")


def test_undo_lists_what_is_possible_and_what_is_lost() -> None:
    """The latest step first, with what is restored and what an earlier undo found; then what has no undo; the next command."""
    def sent(seq: int, minute: int, item: int | None = None) -> Sending:
        return Sending(seq, datetime(2026, 11, 20, 2, minute, tzinfo=UTC), item, "PUT", samples.USER, "reversible", "look",
                       {"role": "agent", "suspended": False})
    rows = [Row(5, "off", "Turn triggers off", [sent(20, 20, 0), sent(21, 20, 1)]),
            Row(7, "suspend", "Suspend the account", [sent(30, 25)],
                changed="It changed since: role was left agent and is now admin"),
            Row(8, "end", "End every session of the account", [], lost="what it did has no undo")]
    assert undo_lines("INC-2041", rows) == golden("undo_list")


def test_an_error_names_thing_place_and_next_command() -> None:
    """What happened, where, and what to type."""
    error = CredentialError(
        "Zendesk answered 401: the token has expired.",
        where="connection acme, https://acme.zendesk.com",
        next="irkit connect zendesk",
    )
    assert reading.error_lines(error) == golden("error")


def test_incidents_are_listed_live_apart_from_drill() -> None:
    """LIVE first, whatever the order they were found in."""
    rows = [
        reading.Incident("DRILL", "INC-7", "zendesk_agent_compromise", "closed", datetime(2026, 3, 7, 23, 40, tzinfo=UTC)),
        reading.Incident(
            "LIVE", "INC-2041", "zendesk_agent_compromise", "open, 7 steps settled", datetime(2026, 11, 20, 2, 6, tzinfo=UTC)
        ),
    ]
    assert reading.incident_lines(rows) == golden("incidents")


@pytest.mark.parametrize("path", sorted(SCREENS.glob("*.txt")), ids=lambda path: path.stem)
def test_golden_screens_fit_80_columns(path: Path) -> None:
    """No line that irkit writes is longer; a typed phrase may be."""
    assert [
        line for line in path.read_text().splitlines() if len(line) > 80 and not line.endswith(("I HAVE IT", "SESSIONS"))
    ] == []
