"""Handing a run over: an offer that its holder signs, and its acceptance, signed by the next one, which alone moves the run.

Until somebody types I HAVE IT the run stays where it is. Whom an offer names accepts it (handover.accepted); anybody else can
only take the run over (run.resumed, which refers to the offer that it passes by). Of two who do either, the first has it: the
ledger compares the holder with the one that was shown, in the transaction of the entry.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from irkit.engine import ask
from irkit.engine.gate import News, Offered, Question
from irkit.engine.people import find, holders, same_name
from irkit.engine.session import Session
from irkit.engine.state import State
from irkit.engine.view import View, sent_counts
from irkit.errors import CredentialError, IrkitError, NotTheHolder, UsageError
from irkit.ledger import Entry, Ledger

SECTIONS = ("Status", "Tried", "Unknown", "Risks", "Next", "Clock")
PHRASE = "I HAVE IT"
LONGEST = 20_000               # characters of an offer's text
HINT = "# What stands here goes to {to}, signed by you. Lines that begin with # are left out; an empty text offers nothing.\n"


# -- what is handed over -----------------------------------------------------------------------------------------

def draft(view: View, now: datetime) -> str:
    """The text of an offer as the ledger has it: six sections, each of a line and what belongs to it."""
    said = view.resumed(now)
    sections: Mapping[str, Sequence[str]] = {
        "Status": _status(view, now), "Tried": _tried(view),
        "Unknown": [line.removeprefix("UNKNOWN").strip() for line in said.open] or ["nothing that was sent is open"],
        "Risks": _risks(view) or ["none that the ledger shows"], "Next": _next(view, now), "Clock": _clocks(view, now)}
    return "".join(f"{name}: {first}\n" + "".join(f"- {line}\n" for line in rest)
                   for name in SECTIONS for first, *rest in [sections[name]])


def _status(view: View, now: datetime) -> list[str]:
    said, run = view.resumed(now), view.run
    at = f"{run.opened_at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
    lines = [f"{view.incident}, {view.runbook.title}, opened {at} by {run.opened_by}"]
    lines += [f"done: {', '.join(said.done)}"] if said.done else []
    return lines + [f"by hand: {line}" for line in said.by_hand]


def _tried(view: View) -> list[str]:
    counts = {word: count for word, count in sent_counts(view.run).items() if count}
    sent = ", ".join(f"{count} {word}" for word, count in counts.items())
    lines = [f"requests that change something: {sent}" if sent else "nothing was sent that changes anything"]
    return lines + [f"skipped: {line}" for line in view.lines("skipped")] + [f"failed: {line}" for line in view.lines("failed")]


def _risks(view: View) -> list[str]:
    """What a successor would otherwise learn too late: gaps, what nobody confirmed, roles that nobody holds."""
    vacant = [role for role in view.runbook.roles if not holders(view.state, role)]
    return [*(f"gap: {line}" for line in view.lines("unavailable")),
            *(f"not confirmed: {line}" for line in view.lines("accepted")),
            *([f"nobody holds the role {', '.join(vacant)}"] if vacant else [])]


def _next(view: View, now: datetime) -> list[str]:
    following = view.following(now)
    lines = [following] if following else ["no step is open"]
    return lines + [f"deferred: {line}" for line in view.lines("deferred")]


def _clocks(view: View, now: datetime) -> list[str]:
    lines, now = list[str](), view.state.reckoned(now)
    for one in view.deadlines:
        if one.due is None or one.state != "running":
            lines.append(f"{one.title} {one.state}")
        else:
            left = abs(one.due - now) // timedelta(minutes=1)
            how = f"{left // 60}:{left % 60:02} left" if one.due >= now else f"OVERDUE by {left // 60}:{left % 60:02}"
            lines.append(f"{one.title} due {one.due.astimezone(UTC):%Y-%m-%d %H:%M}Z ({how})")
    return lines or ["the runbook has none"]


def text_of(typed: str, incident: str) -> str:
    """An offer's text as it is signed: NFC, without comments. Raises UsageError for none, or for more than is ever read."""
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", typed).splitlines() if not line.startswith("#")]
    text = "\n".join(lines).strip()
    if not text:
        raise UsageError("the text of the hand-over is empty, so nothing was offered",
                         next=f"irkit handover {incident} --to NAME")
    if len(text) > LONGEST:
        raise UsageError(f"the text of the hand-over has {len(text):,} characters; {LONGEST:,} are the most")
    return text


# -- offering ----------------------------------------------------------------------------------------------------

def receiver(state: State, by: str, to: str, incident: str) -> str:
    """The name of the person that the offer is to. Raises UsageError for nobody, somebody unknown, or oneself.

    Where nothing is real anybody may be named: a drill is played by whoever is there.
    """
    person = find(state, to)
    name = person.name if person else " ".join(unicodedata.normalize("NFC", to).split())
    if not name:
        raise UsageError("a hand-over is to somebody; nobody was named", next=f"irkit handover {incident} --to NAME")
    if same_name(name, by):
        raise UsageError(f"{name} has this run already; a hand-over is to somebody else",
                         next=f"irkit handover {incident} --to NAME")
    if person is None and state.mode != "drill":
        known = ", ".join(one.name for one in state.team.values()) or "nobody is"
        raise UsageError(f"{name} is not among the people of {incident} ({known})",
                         next=f'irkit people assign {incident} ROLE "{name}"')
    return name


def values(by: str, to: str, text: str = "") -> dict[str, str]:
    """What an offer discloses; an acceptance repeats who handed over to whom."""
    return {"handover.from": by, "handover.to": to, **({"handover.text": text} if text else {})}


def refused(ledger: Ledger, run: str, kind: str, why: str, stamp: Mapping[str, Any], ref: int | None = None) -> Entry:
    """Put on record that a hand-over was not offered or not accepted. The ledger has a session of this process open."""
    said = {"text": f"Hand-over refused: {why}"}
    return ledger.append("note", {"refused": kind, **stamp}, said, by="human", run=run, ref=ref)


def offer(session: Session, step: str | None) -> None:
    """The letter `h`: whom to, the text, the signature. The run goes on here until it is accepted."""
    ctx, run = session.ctx, session.run
    if ctx.signer is None:
        ctx.say(News(["A hand-over is signed, and no key is configured: irkit key use"]))
        return
    to = ask.text(session, step or "", "handover", "To whom (empty: nobody, go on)", required=False, key="to")
    if not to:
        return
    try:
        to = receiver(session.state, ctx.who, to, session.view.incident)
        typed = ctx.gate.ask(Question("handover", f"The text for {to}", step=step or "", key="text", edit=True,
                                      default=HINT.format(to=to) + draft(session.view, ctx.clock.now())), list)
        text = text_of(typed, session.view.incident)
    except UsageError as wrong:
        refused(ctx.ledger, run.id, "handover.offered", wrong.what, ctx.clock.stamp())
        session.refresh()
        ctx.say(News([f"Not offered: {wrong.what}."]))
        return
    session.show_news()                        # an editor is open for long: is this still the session that holds the run?
    entry = ctx.ledger.append_signed("handover.offered", ctx.signer, ctx.clock.stamp(), values(ctx.who, to, text), run=run.id,
                                     held_by=session.own)
    session.refresh()
    ctx.say(News([f"Offered to {to} (entry {entry.seq}). It stays yours until {to} runs irkit resume and types {PHRASE}."]))


# -- taking it ---------------------------------------------------------------------------------------------------

def take_over(session: Session, alive: str) -> None:
    """Ask for the typed words where the run comes from somebody else, from another copy, or from a process that is `alive`.

    Records handover.accepted where the run was offered to this person, run.resumed otherwise. Raises UsageError after `q`,
    NotTheHolder when somebody else was faster.
    """
    run, holder = session.run, session.run.holder
    obstacle = _obstacle(session, run.offer) if run.offer else ""
    accepts = run.offer is not None and not obstacle
    why = _why(session, run.offer, obstacle, alive)
    if why:
        answer = session.ctx.gate.ask(Question("takeover", f"{why} Type {PHRASE} to take over", phrase=PHRASE,
                                               letters={"q": "quit"}), list)
        if answer != PHRASE:
            raise UsageError("not taken over", next=f"irkit status {session.view.incident}")
    passed_by = run.offer.entry if run.offer and obstacle and not same_name(run.offer.by, session.ctx.who) else None
    try:
        _take(session, run.offer if accepts else None, passed_by, holder)
    except IrkitError as error:
        if isinstance(error, NotTheHolder) or accepts:
            refused(session.ctx.ledger, run.id, "handover.accepted" if accepts else "run.resumed", error.what,
                    session.ctx.clock.stamp(), run.offer.entry if run.offer else None)
        raise
    session.refresh()


def _take(session: Session, offer: Offered | None, passed_by: int | None, holder: int) -> None:
    ctx = session.ctx
    if offer is None:
        ctx.ledger.append("run.resumed", ctx.clock.stamp(), by="human", run=ctx.run, ref=passed_by, held_by=holder)
        return
    if ctx.signer is None:
        raise CredentialError("accepting a hand-over is signed, and no key is configured",
                              next="irkit key new, or: irkit key use")
    ctx.ledger.append_signed("handover.accepted", ctx.signer, ctx.clock.stamp(), values(offer.by, offer.to), run=ctx.run,
                             ref=offer.entry, held_by=holder)


def _obstacle(session: Session, offer: Offered) -> str:
    """Why an offer cannot be accepted here, as a sentence; empty when it can."""
    me, key = session.ctx.who, session.ctx.signer.fingerprint if session.ctx.signer else ""
    person = find(session.state, offer.to)
    if not same_name(offer.to, me):
        return f"{offer.by} offered it to {offer.to}, and not to you: this takes it over, and is no hand-over."
    if session.state.mode != "live":
        return ""
    if key == offer.key:
        return "The key that signs here signed the offer: this takes it over, and is no hand-over."
    if person is not None and person.fingerprint and person.fingerprint != key:
        return f"The key on record for {person.name} is another one than yours: this takes it over, and is no hand-over."
    return ""


def _why(session: Session, offer: Offered | None, obstacle: str, alive: str) -> str:
    """What is said before the words are asked for; empty where one simply goes on with one's own run."""
    run, me = session.run, session.ctx.who
    if offer is not None and not obstacle:
        return f"You are {me}. {offer.by} hands this run over to you."
    own = same_name(run.last_who, me)
    facts = [alive, "" if own else f"You are {me}. {run.last_who} had it last.",
             "It was packed to be moved: another copy may go on elsewhere." if run.packed >= 0 else ""]
    if offer is not None and not same_name(offer.by, me):
        facts.append(obstacle)
    return " ".join(fact for fact in facts if fact)
