"""What stands on a gate: the very requests that will leave, whom they affect, how to get back, and what speaks against it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from irkit.action import Action, Artefact, Effect, Identity, Outgoing, Trace
from irkit.engine.curl import curl, mail_curl
from irkit.engine.gate import Sends
from irkit.engine.modes import Mode
from irkit.engine.people import Person
from irkit.engine.perform import Performance, to_the_gate
from irkit.engine.roles import still_needed
from irkit.engine.session import Session
from irkit.engine.state import Sending
from irkit.engine.values import numbered, plain, plural, summary
from irkit.runbook import Step, uncovered

BADGES = {Effect.READ: "READ", Effect.REVERSIBLE: "REVERSIBLE", Effect.IRREVERSIBLE: "CANNOT BE UNDONE"}
SATISFIED = frozenset({"done", "by_hand"})


def phrase(action: Action, outgoings: Sequence[Outgoing]) -> str:
    """What is typed to send what cannot be undone: "END 212 SESSIONS"."""
    count = sum(len(o.request.affects) for o in outgoings)
    noun = outgoings[0].request.noun
    return f"{action.name.partition('_')[0]} {count} {noun if count == 1 else plural(noun)}".upper()


def sends(session: Session, step: Step, action: Action, outgoings: Sequence[Outgoing], args: Sequence[dict[str, Any]], *,
          already: int = 0, look_failed: int = 0, pace: str = "", earlier: Sequence[Sending] = (), approve: str = "") -> Sends:
    """The gate's content for one request, or for all of a fan-out."""
    first, several = outgoings[0], len(outgoings) > 1
    final = action.effect is Effect.IRREVERSIBLE
    me = identity(session, session.connection_of(step))
    affects = tuple(dict.fromkeys(a for o in outgoings for a in o.request.affects))
    dangers = lock_outs(me, action, args, affects=affects, approvers=approvers(session))
    phrases = [*([phrase(action, outgoings)] if final else []), *(d.phrase for d in dangers)]
    return Sends(
        method=first.method, url=first.url, body="\n".join([*goes_first(first), body_text(first)]), count=len(outgoings),
        acting_as=f'"{me.name}" ({me.role})' if me else first.acting_as,
        affects=affects, noun=first.request.noun,
        undo="none" if final else f"{action.undo} {_one_arg(args)}".strip(),
        looked=() if several or first.request.seen is None else [summary(plain(first.request.seen))],
        first=short(first) if several else "", last=short(outgoings[-1]) if several else "",
        template=template(outgoings) if several else "", already=already, look_failed=look_failed, pace=pace,
        unverified=action.unverified, approve=approve, aloud="on the phone" if session.runbook.compromised else "in chat",
        unpreserved=not_preserved(session, step) if action.full_name == step.action else (),
        warnings=[*cautions(session, step, action), *(d.sentence for d in dangers), *map(sent_before, earlier)],
        phrase="" if session.ctx.mode is Mode.PROBE else " AND ".join(phrases),
        requests=[line for o in outgoings for line in full_request(o)], curls=[as_curl(o) for o in outgoings])


def cautions(session: Session, step: Step, action: Action) -> list[str]:
    """What speaks against an action of this kind: that the intruder reads along, or that nobody here knows what it does."""
    if action.opaque:                     # a read has no gate
        return ["irkit does not know what this request does. There is no undo."]
    if not action.tells or not session.runbook.distrusts(session.connection_of(step), action.connector):
        return []
    return [f"{session.ctx.perform.connector(session.connection_of(step)).title} counts as compromised in this runbook: the "
            "intruder may read this. Tell them by phone instead."]


def not_preserved(session: Session, step: Step) -> list[str]:
    """What this step destroys and no done step preserved, as "Not preserved: sessions (step 5 skipped)"."""
    done = {s.id for s in session.run.steps.values() if s.state in SATISFIED}
    lines = []
    declared = _uncovered(session, step, done)
    for trace, keepers in declared:
        states = [f"step {session.number(k)} {session.step_state(k).word}" for k in keepers]
        lines.append(f"Not preserved: {trace.what.replace('_', ' ')} ({'; '.join(states) or 'no step preserves it'})")
    return lines


def _uncovered(session: Session, step: Step, done: Collection[str]) -> list[tuple[Trace, tuple[str, ...]]]:
    return uncovered(session.runbook, step, done, find_action=lambda name: session.action(name, name.partition(".")[0]))


def destroys(session: Session, step: Step, action: Action) -> list[dict[str, Any]]:
    """What this step destroys, and the numbers of the done steps that preserved it: none where it is not preserved."""
    done = {s.id for s in session.run.steps.values() if s.state in SATISFIED}
    every = _uncovered(session, step, ())
    keepers = {trace: [session.number(k) for k in ids if k in done] for trace, ids in every}
    return [{"what": t.what.replace("_", " "), "kept_by": keepers.get(t, []), "accepted": step.unpreserved}
            for t in action.destroys]


def sent_before(sending: Sending) -> str:
    answered = f"answered {sending.status}" if sending.status else "no answer"
    return f"Sent before at {sending.at:%H:%M:%SZ}, {answered}, and not visible yet (entry {sending.seq})"


# -- who is the target? ------------------------------------------------------------------------------------------

def identity(session: Session, connection: str) -> Identity | None:
    """Whom the connection acts as, asked once a session. None where the connector cannot tell."""
    if connection not in session.identities:
        check = session.ctx.perform.connector(connection).check
        found = None
        if check is not None:
            looking = Performance(session.ctx, None, None, check(), connection, quiet=True)
            to_the_gate(looking)
            session.refresh()
            found = looking.value
        session.identities[connection] = found
    return session.identities[connection]


class Danger(Struct, frozen=True):
    """Acting on whom one must not act on by mistake: a sentence, and the words that its own gate wants typed."""

    sentence: str
    phrase: str


def lock_outs(me: Identity | None, action: Action, args: Sequence[dict[str, Any]], *, affects: Sequence[str] = (),
              approvers: Sequence[Person] = ()) -> list[Danger]:
    """What speaks against this target: irkit's own account or token, the last administrator, an account that the steps ahead
    depend on. Each has a phrase of its own, so that none is agreed to along with another.

    Whom a request `affects` counts too: an action that is given a user's number says their address there.
    """
    people, tokens = _targets(action, args, _is_person), _targets(action, args, _is_token)
    if not people and not tokens:
        return []
    if me is None:
        return [Danger("irkit could not learn whom this connection acts as, which may be the target", "I KNOW THE TARGET")]
    words = [word for text in affects for word in text.split() if "@" in word]      # a long text without one takes its square
    addresses = people | {found.casefold() for word in words for found in ADDRESS.findall(word)} if people else set()
    found = []
    if me.id.casefold() in people or me.email.casefold() in addresses:
        found.append(Danger(f"This is the account irkit itself acts as ({me.email}): you would lock yourself out",
                            "LOCK MYSELF OUT"))
    if me.token_id and me.token_id.casefold() in tokens:
        found.append(Danger(f"This is the token irkit itself signs in with ({me.token_id}): nothing could be sent after it",
                            "REVOKE MY OWN TOKEN"))
    if len(me.admins) == 1 and me.admins[0].casefold() in people:
        found.append(Danger("This is the last administrator of the tenant", "LOCK THE LAST ADMINISTRATOR OUT"))
    found += [Danger(f"This is the account of {one.name}, whom steps ahead need as {', '.join(one.roles)}",
                     f"LOCK OUT {one.roles[0].replace('_', ' ').upper()}")
              for one in approvers if one.email and one.email.casefold() in addresses]
    return found


def approvers(session: Session) -> list[Person]:
    """The people whom the steps that are still open depend on, each with those of their roles that are needed."""
    needed = still_needed(session)
    return [replace(one, roles=roles) for one in session.state.team.values()
            if (roles := tuple(role for role in one.roles if role in needed))]


ADDRESS = re.compile(r"[^\s<>,;:()]+@[^\s<>,;:()]+")


def _targets(action: Action, args: Sequence[dict[str, Any]], wanted: Callable[[str, str], bool]) -> set[str]:
    found: set[str] = set()
    for name, param in action.params.items():
        if wanted(name, getattr(param.type, "__name__", "") + str(param.type)):
            for values in (one.get(name) for one in args):
                found |= {str(value).casefold() for value in (values if isinstance(values, list | tuple) else [values])
                          if value is not None}
    return found


def _is_person(_: str, kind: str) -> bool:
    return "UserId" in kind or "Email" in kind


def _is_token(name: str, _: str) -> bool:
    return name == "token" or name.endswith(("token_id", "token_ids"))


# -- requests as text --------------------------------------------------------------------------------------------

def body_text(outgoing: Outgoing) -> str:
    """The body in words: a form one field a line, an upload as what is sent of it, all else as it is; secrets are left out."""
    if upload := outgoing.request.upload:
        return _uploaded(upload)
    raw = (outgoing.body if outgoing.shown is None else outgoing.shown) or b""
    if outgoing.request.form is not None:
        return "\n".join(f"{name}={value}" for name, value in parse_qsl(raw.decode(), keep_blank_values=True))
    return raw.decode("utf-8", "replace")


def _uploaded(upload: Artefact) -> str:
    return f"({upload.name}, {upload.size:,} bytes, SHA-256 {upload.sha256})"


def goes_first(outgoing: Outgoing) -> list[str]:
    """A line about the upload that leaves right before it, where one does."""
    first = outgoing.request.first
    return [f"first: {first.method} {first.target} {_uploaded(first.upload)}"] if first and first.upload else []


def full_request(outgoing: Outgoing) -> list[str]:
    """The request as it leaves, without the credential; what leaves right before it is named above it."""
    if outgoing.request.mail is not None:
        return [f"{outgoing.method} {outgoing.url}", "", *body_text(outgoing).splitlines()]
    url = urlsplit(outgoing.url)
    head = [f"{outgoing.method} {url.path}{'?' + url.query if url.query else ''} HTTP/1.1", f"host: {url.netloc}"]
    head += [f"{k.lower()}: {v}" for k, v in outgoing.headers.items() if k.lower() != "host"]
    return [*goes_first(outgoing), *head, "authorization: (added on the way out)", "", *body_text(outgoing).splitlines()]


def as_curl(outgoing: Outgoing) -> str:
    """A curl command that lacks the credential."""
    upload = outgoing.request.upload
    if outgoing.request.mail is not None:
        return mail_curl(outgoing.url, body_text(outgoing))
    first = outgoing.request.first
    before = curl(first.method, first.target, {}, "", upload=first.upload.name) + " && " if first and first.upload else ""
    form = outgoing.request.form is not None            # as it leaves: fields a line are for reading
    sent = (outgoing.shown or b"").decode() if form else body_text(outgoing)
    return before + curl(outgoing.method, outgoing.url, outgoing.headers, "" if upload else sent,
                         upload=upload.name if upload else "")


def template(outgoings: Sequence[Outgoing]) -> str:
    """"DELETE https://host/users/{id}/sessions": what all requests of a fan-out have in common."""
    shapes: dict[tuple[str, int, str], list[list[str]]] = {}
    for outgoing in outgoings:
        parts = outgoing.url.partition("?")[0].split("/")
        shapes.setdefault((outgoing.method, len(parts), body_text(outgoing)), []).append(parts)
    lines = [f"{method} {'/'.join(map(_common, zip(*urls, strict=True)))}{' ' + body if body else ''}"
             for (method, _, body), urls in shapes.items()]
    return lines[0] + (f" and {numbered(len(lines) - 1, 'other shape')}" if len(lines) > 1 else "")


def _common(segments: tuple[str, ...]) -> str:
    return segments[0] if len(set(segments)) == 1 else "{id}"


def short(outgoing: Outgoing) -> str:
    """The path, and whom it affects first."""
    who = outgoing.request.affects[0] if outgoing.request.affects else ""
    return f"{urlsplit(outgoing.url).path} {who}".strip()


def _one_arg(args: Sequence[dict[str, Any]]) -> str:
    if len(args) != 1:
        return "for each"
    return json.dumps(next(iter(args[0].values())), default=str).strip('"') if args[0] else ""


def same(one: Performance, other: Performance) -> bool:
    """True when a second look leads to the very same request, and saw the same."""
    a, b = one.agreed, other.write
    return (a is not None and b is not None and (a.method, a.url, a.body) == (b.method, b.url, b.body)
            and a.request.upload == b.request.upload and a.request.first == b.request.first
            and plain(a.request.seen) == plain(b.request.seen))

