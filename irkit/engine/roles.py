"""Roles that a step needs: asked for before it where nobody holds one, and recorded."""

from __future__ import annotations

from irkit.engine import ask, people
from irkit.engine.gate import News
from irkit.engine.modes import Mode
from irkit.engine.session import Session
from irkit.engine.state import SETTLED
from irkit.runbook import Step


def fill(session: Session, step: Step) -> None:
    """Ask who holds each role that the step needs and nobody holds. A probe changes nothing and needs nobody."""
    if session.ctx.mode is Mode.PROBE:
        return
    for role in people.needs(step):
        if not people.holders(session.state, role):
            _ask(session, role)


def _ask(session: Session, role: str) -> None:
    title = session.runbook.roles.get(role, "")
    default = session.ctx.who if session.ctx.mode.simulated else ""        # live, nobody becomes anything by an Enter
    name = ask.text(session, "", "role", f"Nobody holds the role {role}{f' ({title})' if title else ''}. Who does?",
                    default=default, key=role)
    person = people.find(session.state, name) or people.Person(name)
    entry = session.record("role.assigned", {"role": role}, people.values(person), by="human")
    session.ctx.say(News([f"{person.name} is {role} from now on (entry {entry.seq})"]))


def still_needed(session: Session) -> set[str]:
    """The roles of the steps that are not settled."""
    return {role for step in session.runbook.steps if session.step_state(step).state not in SETTLED
            for role in people.needs(step)}
