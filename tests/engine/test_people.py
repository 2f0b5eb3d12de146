"""Roles that are asked for, and the guard against locking somebody out by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from irkit.action import Identity
from irkit.connectors.zendesk import zendesk
from irkit.engine.gate import Question
from irkit.engine.modes import Mode
from irkit.engine.people import Person, find, holders
from irkit.engine.plan import lock_outs
from tests.engine.play import AGENT, DANA, SUSPEND, Play, book

ME = Identity("1", "irkit@example.org", "irkit", "admin", True, token_id="77", admins=("9",))
LED = AGENT.replace("    why:", "    owner: lead\n    why:", 1)


def test_a_role_that_nobody_holds_is_asked_for_once_and_recorded(tmp_path: Path) -> None:
    """Before the step that needs it; the entry names the person, and a later step does not ask again."""
    play = Play(tmp_path / "i", book(LED, SUSPEND.replace("    why:", "    owner: lead\n    why:", 1)),
                {"lead": "Sam Ng", "suspend": "yes"}).walk()
    assert [question.key for question in play.asked if question.name == "role"] == ["lead"]
    entry = play.entries("role.assigned")[0]
    assert (entry.data["role"], entry.disclosed["person.name"], b"Sam" in entry.line) == ("lead", "Sam Ng", False)
    assert [one.name for one in holders(play.state, "lead")] == ["Sam Ng"]
    assert entry.seq < next(one.seq for one in play.entries("step.started"))


def test_live_nobody_becomes_anything_by_an_enter(tmp_path: Path) -> None:
    """No default: a script that does not list the role pauses the run before the step."""
    play = Play(tmp_path / "i", book(LED), {}, mode=Mode.LIVE).walk()
    assert play.paused is not None
    assert (play.entries("role.assigned"), play.entries("step.started")) == ([], [])


def test_a_person_is_known_by_name_or_handle(tmp_path: Path) -> None:
    """Without regard to case, blanks and Unicode form."""
    play = Play(tmp_path / "i", book(LED), {"lead": "Ｓam  ng"}).walk()
    assert find(play.state, "SAM NG") is find(play.state, "sam ng") is not None
    assert find(play.state, "sam") is None


@pytest.mark.parametrize("typed", ["d", "x", "S", "?", "7", "g 1", "g agent"])
def test_a_key_of_the_gate_is_nobodys_name(typed: str, tmp_path: Path) -> None:
    """Whoever types ahead to the gate is told so, and nobody of that name comes to hold a role."""
    play = Play(tmp_path / "i", book(LED), {"lead": typed}).walk()
    assert play.entries("role.assigned") == []
    assert "is a key of the gate" in str(play.paused)


@pytest.mark.parametrize("typed", ["Bo", "李", "G Smith"])
def test_short_names_are_names(typed: str, tmp_path: Path) -> None:
    """What cannot be a key is taken as it stands."""
    play = Play(tmp_path / "i", book(LED), {"lead": typed}).walk()
    assert [one.name for one in holders(play.state, "lead")] == [typed]


def test_the_question_names_who_is_known(tmp_path: Path) -> None:
    """The second role's question offers the person who took the first; a handle of one letter is somebody once it is known."""
    with_role = SUSPEND.replace("    why:", "    owner: legal\n    why:", 1)

    def known(play: Play, question: Question) -> None:
        if question.name == "role" and play.session is not None:
            play.session.state.team.setdefault("ana diaz", Person("Ana Diaz", handle="a"))

    answers = {"lead": "Sam Ng", "legal": "a", "suspend": "yes"}
    play = Play(tmp_path / "i", book(LED, with_role), answers, before_ask=known).walk()
    first, second = [question.prompt for question in play.asked if question.name == "role"]
    assert "Known here" not in first
    assert second == "Nobody holds the role legal. Known here: Ana Diaz, Sam Ng. Who does?"
    assert [one.name for one in holders(play.state, "legal")] == ["Ana Diaz"]


def test_each_lock_out_has_its_own_phrase() -> None:
    """Oneself, the last administrator, one's own token, and whom the steps ahead need, by the address that a request names."""
    suspend, revoke = zendesk.actions["suspend_user"], zendesk.actions["revoke_oauth_token"]
    sam = Person("Sam Ng", email="Sam@Example.org", roles=("lead",))
    affects = ["Sam Ng <sam@example.org>, admin"]
    assert [one.phrase for one in lock_outs(ME, suspend, [{"user_id": "1"}])] == ["LOCK MYSELF OUT"]
    assert [one.phrase for one in lock_outs(ME, revoke, [{"token_id": "77"}])] == ["REVOKE MY OWN TOKEN"]
    assert lock_outs(ME, revoke, [{"token_id": "78"}]) == []
    assert [one.phrase for one in lock_outs(ME, suspend, [{"user_id": "9"}], affects=affects, approvers=[sam])] == [
        "LOCK THE LAST ADMINISTRATOR OUT", "LOCK OUT LEAD"]
    assert [one.phrase for one in lock_outs(None, revoke, [{"token_id": "78"}])] == ["I KNOW THE TARGET"]


def test_whom_the_steps_ahead_need_is_locked_out_by_a_typed_phrase_only(tmp_path: Path) -> None:
    """The compromised account may be the lead's: it is never skipped, and never agreed to by a plain yes. It is on record."""
    named: list[Question] = []

    def lead(play: Play, question: Question) -> None:
        if question.name == "gate":
            named.append(question)

    def run(folder: str, answer: object) -> Play:
        play = Play(tmp_path / folder, book(LED, SUSPEND.replace("    why:", "    owner: lead\n    why:", 1)),
                    {"lead": "Dana", "suspend": answer}, before_ask=lead)
        play.answers = {**play.answers}
        return play

    def with_address(play: Play) -> Play:
        original = play.before_ask

        def before(one: Play, question: Question) -> None:
            session = one.session
            if session is not None and question.name == "role":
                session.state.team["dana"] = Person("Dana", email=DANA.email)
            original(one, question)
        play.before_ask = before
        return play.walk()

    refused = with_address(run("a", "yes"))
    assert refused.paused is not None
    assert refused.entries("request.sending") == []
    assert named[-1].phrase == "LOCK OUT LEAD"
    sent = with_address(run("b", {"type": "phrase"}))
    assert sent.step("suspend").state == "done"
    assert sent.entries("step.asked")[-1].disclosed["asked.phrase"] == "LOCK OUT LEAD"
