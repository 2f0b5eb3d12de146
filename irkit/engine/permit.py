"""Whether a second person agreed to a write, asked where it is recorded: no way to the wire leads past `permit`.

An approval is for these very requests (method, final URL, body) and for what the look saw before each; what was agreed to of
a step is not agreed to of its undo. It counts while it is the step's latest, has not expired, was given by another person than
those who asked and send, and, for each item, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from irkit.action import Outgoing
from irkit.engine.people import holder_of, holders
from irkit.engine.state import Approval, Sending, State
from irkit.engine.values import plain
from irkit.errors import NotApproved
from irkit.ledger.approvals import THROTTLED, part
from irkit.runbook import Step

if TYPE_CHECKING:
    from irkit.engine.session import Session

Leaving = Mapping[int | None, Outgoing]            # what would be sent, by item of a fan-out; None without one


class Against(NamedTuple):
    """What speaks against an approval: a word for the record, and a sentence. Both are empty when nothing does."""

    why: str = ""
    sentence: str = ""


NOTHING = Against()


def part_of(salt: str, item: int | None, outgoing: Outgoing) -> str:
    """The part of a fingerprint that stands for this request."""
    return part(salt, item, outgoing.method, outgoing.url, outgoing.body, plain(outgoing.request.seen))


def permit(session: Session, step_id: str | None, item: int | None, outgoing: Outgoing) -> int | None:
    """The entry of the approval that this write leaves on; None where its step needs none. Raises NotApproved."""
    step = session.runbook.step(step_id or "")
    if step is None or step.approve is None:
        return None
    asked = session.step_state(step).asked(session.ctx.undo)
    against = speaks_against(session, step, asked, {item: outgoing})
    if asked is None or asked.state != "given" or against.why:
        what = against.sentence or "nobody has agreed to it yet"
        raise NotApproved(f"{what}. Nothing was sent", why=against.why or "open",
                          next=f"irkit approve {session.ctx.ledger.folder.name} {step.id}")
    return asked.answer


def speaks_against(session: Session, step: Step, asked: Approval | None, leaving: Leaving) -> Against:
    """Why the step's latest request for approval, given or still open, is not one for these requests now."""
    if asked is None:
        return Against("none", "nobody was asked to agree to it")
    if asked.state == "refused":
        return Against("refused", f"{asked.by} refused: {asked.reason}")
    if asked.state == "expired" or now_of(session) > asked.expires:
        return Against("expired", f"the approval asked for at entry {asked.seq} expired at {asked.expires:%H:%M:%S}Z")
    if not all(part_of(asked.salt, item, outgoing) in asked.parts for item, outgoing in leaving.items()):
        return Against("drift", f"a request, or what the look saw, is not what entry {asked.seq} asked to approve")
    if asked.state == "given":
        used = {s.item for s in session.step_state(step).all_sendings() if s.approval == asked.answer and _left(s)}
        if used & leaving.keys():
            return Against("used", f"the approval of entry {asked.answer} was used for an earlier send")
        own = session.state.keys.get(session.own, ""), session.ctx.who
        return may_answer(session.state, asked, asked.approver, asked.by, sender=own)
    return NOTHING


def now_of(session: Session) -> datetime:
    """Now, and never before the ledger's latest entry: a clock that is set back revives nothing."""
    now = session.ctx.clock.now()
    return max(now, session.state.latest) if session.state.latest else now


def _left(sending: Sending) -> bool:
    """Whether a request may have taken effect, or was answered: one that was only put off is not used up."""
    return not sending.not_sent and sending.status != THROTTLED


def may_answer(state: State, asked: Approval, key: str, name: str, *, sender: tuple[str, str] | None = None) -> Against:
    """Why whoever signs with `key` under that name cannot answer the request. `sender`: key and name of who would send."""
    acting = [(asked.key, state.people.get(asked.session, "unknown")), *([sender] if sender else [])]
    if any(_one_person(state, (key, name), other) for other in acting):
        return Against("same_person", f"{name} asked for this approval, or sends what it is for, and nobody approves their own")
    entitled = holders(state, asked.role)
    if state.mode == "drill" or (state.mode == "test" and not any(one.fingerprint for one in entitled)):
        return NOTHING                             # nothing is real: anybody else may play the role
    if not any(key == one.fingerprint for one in entitled):
        known = ", ".join(one.name if one.fingerprint else f"{one.name} (no key on record)" for one in entitled)
        holds = f"held by {known}" if known else "held by nobody in this incident (irkit people assign)"
        return Against("wrong_role", f"{key} does not sign for the role {asked.role}, which is {holds}")
    return NOTHING


def _one_person(state: State, one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two pairs of key and name are of one person: by the key, by the name, or by whose keys genesis says they are."""
    return one[0] == other[0] or bool(_names(state, *one) & _names(state, *other))


def _names(state: State, key: str, name: str) -> set[str]:
    known = holder_of(state, key)
    return {" ".join(text.casefold().split()) for text in (name, known.name if known else name)}
