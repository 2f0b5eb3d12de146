"""Roles that a step needs: asked for before it where nobody holds one, and recorded."""

from __future__ import annotations

from irkit.engine import ask, people
from irkit.engine.gate import News
from irkit.engine.modes import Mode
from irkit.engine.session import Session
from irkit.engine.state import SETTLED
from irkit.runbook import Step

FEW = 8                # people who are named in the question


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
    known = [person.name for person in session.state.team.values()]
    offered = f" Known here: {', '.join(known[:FEW])}{', …' if len(known) > FEW else ''}." if known else ""
    name = ask.text(session, "", "role", f"Nobody holds the role {role}{f' ({title})' if title else ''}.{offered} Who does?",
                    default=default, key=role, parse=lambda text: _name(session, text))
    person = people.find(session.state, name) or people.Person(name)
    entry = session.record("role.assigned", {"role": role}, people.values(person), by="human")
    session.ctx.say(News([f"{person.name} is {role} from now on (entry {entry.seq})"]))


def _name(session: Session, text: str) -> str:
    """A person's name. Raises ValueError for what is meant for the gate, which comes later: nobody is called "d" or "g 12"."""
    words = text.strip().split()
    keys = len(words) == 1 and len(words[0]) == 1 and (words[0].isascii() or not words[0].isalpha())
    there = len(words) == 2 and words[0] == "g" and (words[1].isdigit() or session.runbook.step(words[1]) is not None)
    if (keys or there) and people.find(session.state, text) is None:
        raise ValueError(f"{text.strip()!r} is a key of the gate, which comes once the role has a name. Type who holds it; "
                         "Ctrl-C pauses.")
    return text


def still_needed(session: Session) -> set[str]:
    """The roles of the steps that are not settled."""
    return {role for step in session.runbook.steps if session.step_state(step).state not in SETTLED
            for role in people.needs(step)}
