"""`irkit approve`: a second person agrees to what a step will send, or refuses.

With an INCIDENT the ledger is here; without one, a request came as a file and the answer leaves as one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from irkit.cli import acting, incidents
from irkit.cli.complete import completing
from irkit.cli.incident import complete_incident, stamped
from irkit.cli.options import Settings, shared
from irkit.errors import IrkitError, LedgerError, NeedsTerminal, NotApproved, UsageError

if TYPE_CHECKING:
    from irkit.engine.state import Approval, State
    from irkit.ledger import Entry, Ledger
    from irkit.ledger.approvals import Answer, Asked
    from irkit.ledger.sshsig import Signer
    from irkit.ui.approving import Request

FILE = click.Path(path_type=Path, dir_okay=False)


def _steps(settings: Settings) -> Iterable[str]:
    from irkit.ledger import Ledger
    for folder in incidents.folders(settings):
        with suppress(IrkitError), Ledger.open(folder, write=False) as ledger:
            yield from _waiting(incidents.state_of(ledger))


@click.command()
@click.argument("incident", required=False, shell_complete=complete_incident)
@click.argument("step", required=False, shell_complete=completing(_steps))
@click.option("--request", type=FILE, help="With INCIDENT: write the request there. Without: the request to answer.")
@click.option("--grant", type=FILE, help="With INCIDENT: bring in this answer. Without: write the answer there.")
@click.option("--refuse", metavar="REASON", help="Refuse, and say why; it is signed like an approval.")
@shared
@click.pass_obj
def approve(settings: Settings, incident: str | None, step: str | None, request: Path | None, grant: Path | None,
            refuse: str | None) -> None:
    """Agree to what a step will send, as a second person, or refuse.

    You see the very requests that will leave, whom they affect and what was looked at, and sign for those alone with your own
    key. You must hold the role that the step names, and be somebody else than whoever asked. Every attempt is recorded. STEP
    can be left out where one request waits.

    Where you do not reach the evidence folder, files travel: with INCIDENT --request writes the request; on your machine
    --request and --grant read it and write your answer; with INCIDENT --grant brings that in. Both are JSON that can be read.

    \b
    Examples:
      irkit approve INC-2041 end_sessions
      irkit approve INC-2041 end_sessions --refuse "call the account's owner first"
      irkit approve INC-2041 end_sessions --request request.json
      irkit approve --request request.json --grant grant.json
      irkit approve INC-2041 --grant grant.json
    """
    if refuse is not None and not refuse.strip():
        raise UsageError("--refuse wants a reason", next='irkit approve … --refuse "why not"')
    if incident is None:
        if request is None:
            raise UsageError("say which incident, or which request was sent to you",
                             next="irkit approve INCIDENT, or: irkit approve --request FILE --grant FILE")
        _elsewhere(settings, request, grant, refuse)
    elif request and (grant or refuse):
        raise UsageError("with an incident --request writes a request, and --grant and --refuse answer one; choose one",
                         next=f"irkit approve {incident} --request {request}")
    elif request:
        _write_request(settings, incident, step, request)
    elif grant:
        _bring_in(settings, incident, grant)
    else:
        _here(settings, incident, step, refuse)


# -- which request -----------------------------------------------------------------------------------------------

def _waiting(state: State) -> dict[str, Approval]:
    """The requests of the open run that can be answered, by step."""
    run = state.open_run
    latest = {step.id: step.approval for step in run.steps.values()} if run else {}
    return {name: asked for name, asked in latest.items() if asked is not None and asked.state == "open"}


def _chosen(ledger: Ledger, state: State, step: str | None) -> tuple[str, Approval]:
    name, waiting = ledger.folder.name, _waiting(state)
    if step is not None and step not in waiting:
        _not_waiting(ledger, state, step)
    found = {step: waiting[step]} if step is not None else waiting
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        raise UsageError(f"{len(found)} requests wait: {', '.join(found)}; say which",
                         next=f"irkit approve {name} {min(found)}")
    raise UsageError(f"no request for approval waits in {name}", next=f"irkit status {name}")


def _not_waiting(ledger: Ledger, state: State, step: str) -> NoReturn:
    """Nothing to answer: why."""
    name, run = ledger.folder.name, state.open_run
    asked = run.step(step).approval if run and step in run.steps else None
    if asked is None:
        raise UsageError(f"step {step!r} of {name} asks nobody for approval", next=f"irkit status {name}")
    words = {"given": f"was approved by {asked.by}, entry {asked.answer}",
             "refused": f"was refused by {asked.by}: {asked.reason}",
             "expired": "has expired; it is asked again at the gate", "replaced": "was replaced"}
    raise UsageError(f"the request of entry {asked.seq} {words[asked.state]}", next=f"irkit status {name}")


def _entry(ledger: Ledger, seq: int) -> Entry:
    return next(iter(ledger.entries(after=seq - 1)))


# -- where the ledger is -----------------------------------------------------------------------------------------

def _here(settings: Settings, incident: str, step: str | None, refuse: str | None) -> None:
    from irkit.cli.signing import signer
    from irkit.engine.approval import must_fit, requests_in
    from irkit.engine.session import load_from
    from irkit.ledger.approvals import answered
    with acting.opened(settings, incident) as ledger:
        _must_be_open(ledger)
        state = incidents.state_of(ledger)
        name, asked = _chosen(ledger, state, step)
        me, key = incidents.who_am_i(settings.config)[0], signer(settings, ledger.mode)
        assert key is not None
        _must_be_entitled(settings, ledger, state, asked, key, me)
        entry = _entry(ledger, asked.seq)
        requests = requests_in(entry.disclosed, load_from(ledger))
        must_fit(entry.disclosed, requests, ledger.requests[asked.seq].fingerprint)
        asker = state.people.get(asked.session, "somebody")
        shown = _shown(ledger.folder.name, entry, requests, asker, _now(state), load_from(ledger))
        _agree(settings, shown, f"irkit approve {ledger.folder.name} {name}", refuse,
               lambda: _still_open(ledger, asked.seq, ledger.folder.name))
        kind, values = _says(me, refuse)
        made = answered(kind, ledger.requests[asked.seq], key, {"given_at": _given_at(), **stamped(state)}, values)
        done = _append(settings, ledger, state, made, me)
    _say_done(settings, done.seq, kind, f"irkit ledger show {ledger.folder.name} --step {name}")


def _must_be_open(ledger: Ledger) -> None:
    if ledger.sealed:
        raise LedgerError(f"{ledger.folder.name} is sealed: nothing more is sent or approved in it", where=str(ledger.folder),
                          next="more work is a new incident: irkit run RUNBOOK")


def _now(state: State) -> datetime:
    return incidents.now_of(state)


def _given_at() -> str:
    from irkit.engine.values import rfc3339
    return rfc3339(datetime.now(UTC).replace(microsecond=0))


def _still_open(ledger: Ledger, seq: int, name: str) -> Sequence[Any]:
    """While the approver reads: the request can be answered, replaced or sent elsewhere."""
    for _ in ledger.entries(after=ledger.size - 1):
        pass
    if ledger.requests[seq].state != "open":
        raise NotApproved(f"the request of entry {seq} was {ledger.requests[seq].state} meanwhile; nothing was signed",
                          why="replayed", next=f"irkit approve {name}")
    return ()


def _must_be_entitled(settings: Settings, ledger: Ledger, state: State, asked: Approval, key: Signer, me: str) -> None:
    """Refuse, on record, whoever may not answer."""
    from irkit.engine.permit import Against, may_answer
    against = may_answer(state, asked, key.fingerprint, me)
    if not against.why and _now(state) > asked.expires:
        against = Against("expired", f"the request of entry {asked.seq} expired at {asked.expires:%H:%M:%S}Z")
    if not against.why:
        return
    name = ledger.folder.name
    again = "IRKIT_WHO=NAME irkit approve" if against.why == "same_person" and ledger.mode != "live" else "irkit approve"
    error = NotApproved(against.sentence, why=against.why, where=f"entry {asked.seq} of {name}",
                        next=f"{asked.role} runs: {again} {name}")
    _turn_away(settings, ledger, state, error, me, asked.seq)


def _turn_away(settings: Settings, ledger: Ledger, state: State, error: NotApproved, me: str, ref: int | None) -> NoReturn:
    """Put an attempt that does not count on record, then raise it."""
    run, known = state.open_run, ledger.requests.get(-1 if ref is None else ref)
    place: dict[str, Any] = {"run": run.id if run else None}
    if known:
        place = {"run": known.run, "step": known.step, "ref": known.seq}
    with acting.session(settings, ledger):
        made = ledger.append("approval.refused", {"why": error.why or "refused", **stamped(state)},
                             {"approval.reason": error.what, "approval.by": me}, **place)
    raise NotApproved(f"{error.what}. Nothing was approved or sent; entry {made.seq} records the attempt", why=error.why,
                      where=error.where, next=error.next or f"irkit status {ledger.folder.name}")


def _append(settings: Settings, ledger: Ledger, state: State, made: Answer, me: str) -> Entry:
    try:
        with acting.session(settings, ledger):
            return ledger.append_answer(made)
    except NotApproved as error:
        ref = made.fields.get("ref")
        why = error.why or "replayed"
        _turn_away(settings, ledger, state, NotApproved(error.what, why=why, where=error.where, next=error.next), me, ref)


def _says(me: str, refuse: str | None) -> tuple[str, dict[str, str]]:
    """Kind and values of the answer."""
    from irkit.ledger.approvals import GIVEN, REFUSED
    return (GIVEN, {"approval.by": me}) if refuse is None else (REFUSED, {"approval.by": me, "approval.reason": refuse.strip()})


def _say_done(settings: Settings, seq: int, kind: str, next: str) -> None:
    acting.say(settings, f"{'Approved' if kind.endswith('given') else 'Refused'}, entry {seq}.", f"  next  {next}")


# -- what is shown and typed -------------------------------------------------------------------------------------

def _shown(incident: str, entry: Entry, requests: Sequence[Any], asker: str, now: datetime, load: Callable[[str], bytes],
           unproven: str = "") -> Request:
    from irkit.engine import attached
    from irkit.engine.approval import sends_of, until_text
    from irkit.engine.fold import moment
    from irkit.engine.plan import BADGES
    from irkit.ui.approving import Request
    effect, values = str(entry.data.get("effect")), entry.disclosed
    badge = next((words for one, words in BADGES.items() if one.value == effect), effect)
    expires, probe = datetime.fromisoformat(str(entry.data["expires"])), attached.read(values, load)
    return Request(incident, str(values.get("approval.title", "")), str(entry.step), badge, asker, entry.who,
                   str(entry.data.get("role")), entry.seq, until_text(expires, now), str(values.get("approval.why", "")),
                   [str(one) for one in values.get("approval.evidence") or ()], sends_of(values, requests, effect), unproven,
                   attached.words(probe, moment(entry)), str(probe.get("text", "")).splitlines())


def _agree(settings: Settings, shown: Request, command: str, refuse: str | None,
           poll: Callable[[], Sequence[Any]] = tuple) -> None:
    """Show it, and go on after the typed phrase; a refusal has its reason and needs none. Raises NeedsTerminal, UsageError."""
    from irkit.engine.approval import phrase
    from irkit.engine.gate import Question
    from irkit.ui.approving import request_lines
    terminal = acting.terminal(settings)
    if terminal is None and refuse is None:
        raise NeedsTerminal("an approval is typed out at a terminal, and there is none; nothing was approved",
                            next=f'{command}, at a terminal; or: {command} --refuse "why not"')
    if terminal is None or refuse is not None:
        return
    terminal.talk.lines(request_lines(shown, width=terminal.talk.width, prefix=settings.prefix))
    words = phrase(shown.sends)
    question = Question("gate", f"Type {words} to sign for it", phrase=words, letters={"q": "quit"},
                        more={"r": list(shown.sends.requests), "l": list(shown.sends.affects),
                              **({"b": list(shown.report)} if shown.report else {})},
                        more_words={"r": "the full requests", "l": "the affected list",
                                    **({"b": "the probe's report"} if shown.report else {})})
    if acting.answer(terminal, question, poll) != words:
        raise UsageError("nothing was approved", next=f'{command} --refuse "why not"')


# -- files -------------------------------------------------------------------------------------------------------

def _write_request(settings: Settings, incident: str, step: str | None, path: Path) -> None:
    """A request that can travel."""
    from irkit.engine.approval import requests_in
    from irkit.engine.session import load_from
    from irkit.ledger.database import Row
    from irkit.ledger.grants import request_text
    from irkit.ui.approving import request_lines
    with acting.opened(settings, incident, write=False) as ledger:
        state, name = incidents.state_of(ledger), ledger.folder.name
        chosen, asked = _chosen(ledger, state, step)
        entry, asker = _entry(ledger, asked.seq), state.people.get(asked.session, "somebody")
        requests = requests_in(entry.disclosed, load_from(ledger))
        large = [value for name, value in entry.disclosed.items() if name.startswith("approval.")
                 and isinstance(value, dict) and value.keys() == {"artefact", "bytes"}]
        artefacts = {value["artefact"]: load_from(ledger)(value["artefact"]) for value in large}
        shown = _shown(name, entry, requests, asker, _now(state), load_from(ledger))
        row = next(row for row in ledger.rows() if isinstance(row, Row) and row.seq == entry.seq)
        bodies = [str(body) for _, _, body in row.disclosures]
        about = [f"{name}: a request for approval. Answer it with:",
                 f"  irkit approve --request {path.name} --grant grant.json", "",
                 *request_lines(shown, prefix=settings.prefix), *shown.report]
        text = request_text(entry, bodies, ledger.requests[asked.seq].root, artefacts, incident=name, asker=asker, about=about)
    _write(path, text)
    acting.say(settings, f"Wrote the request of step {chosen} to {path}. It names people: send it as you would send evidence.",
               f"  next  whoever holds {asked.role} runs: irkit approve --request {path.name} --grant grant.json",
               f"        then: irkit approve {name} --grant grant.json")


def _write(path: Path, text: str) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists already and is not overwritten", next=f"rm {path}, or name another file") from None
    except OSError as error:
        raise IrkitError(f"{path} cannot be written: {error.strerror}", next="name another file") from None


def _elsewhere(settings: Settings, request: Path, grant: Path | None, refuse: str | None) -> None:
    """Answer a request on a machine that has no ledger."""
    from irkit.cli.signing import signer
    from irkit.engine.approval import must_fit, requests_in
    from irkit.engine.values import rfc3339
    from irkit.ledger.approvals import answered
    from irkit.ledger.grants import grant_text, read_request
    from irkit.report.words import mark
    from irkit.ui.approving import request_lines
    carried = read_request(request)
    entry, asked, mode = carried.entry, carried.asked, carried.asked.origin.split("/")[1]
    settings.prefix = mark(mode)
    requests = requests_in(entry.disclosed, carried.load)
    must_fit(entry.disclosed, requests, asked.fingerprint)
    stamp = {"drill_at": str(entry.data["drill_at"])} if "drill_at" in entry.data else {}
    now = datetime.fromisoformat(stamp["drill_at"]) if stamp else datetime.now(UTC)
    shown = _shown(carried.incident, entry, requests, carried.asker, now, carried.load,
                   "the names of the incident and of whoever asked are the file's; the ledger checks the rest")
    if grant is None:
        acting.show(settings, [*request_lines(shown), *shown.report])
        acting.say(settings, f"  next  irkit approve --request {request} --grant grant.json")
        return
    if grant.exists():
        raise UsageError(f"{grant} exists already and is not overwritten", next=f"rm {grant}, or name another file")
    me, key = incidents.who_am_i(settings.config)[0], signer(settings, mode)
    assert key is not None
    _must_be_answerable(asked, key, now)
    _agree(settings, shown, f"irkit approve --request {request} --grant {grant}", refuse)
    kind, values = _says(me, refuse)
    made = answered(kind, asked, key, {"given_at": rfc3339(datetime.now(UTC).replace(microsecond=0)), **stamp}, values)
    verb = "approves" if refuse is None else "refuses"
    about = [f"{me} {verb} the request of entry {asked.seq} of {carried.incident}, step {asked.step}. Bring it in with:",
             f"  irkit approve {carried.incident} --grant {grant.name}"]
    _write(grant, grant_text(made, asked, about))
    acting.say(settings, f"Signed with {key.fingerprint}, written to {grant}. Nothing is sent before it is brought in.",
               f"  next  send it back; there: irkit approve {carried.incident} --grant {grant.name}")


def _must_be_answerable(asked: Asked, key: Signer, now: datetime) -> None:
    """What can be told without the ledger."""
    if key.fingerprint == asked.key:
        raise NotApproved("the key that signs here made this request, and nobody approves their own; nothing was signed",
                          why="same_person", next="irkit key use")
    if asked.expires is not None and now > asked.expires:
        raise NotApproved(f"the request of entry {asked.seq} expired at {asked.expires:%Y-%m-%d %H:%M:%S}Z; nothing was signed",
                          why="expired", next="have it asked again at the gate")


def _bring_in(settings: Settings, incident: str, grant: Path) -> None:
    """Check an answer that was made elsewhere, and append it."""
    from irkit.engine.permit import may_answer
    from irkit.ledger.grants import read_grant
    with acting.opened(settings, incident) as ledger:
        _must_be_open(ledger)
        state, me = incidents.state_of(ledger), incidents.who_am_i(settings.config)[0]
        try:
            made = read_grant(grant, ledger.origin)
        except NotApproved as error:
            _turn_away(settings, ledger, state, error, me, None)
        known = _of(state, made.fields["ref"])
        if known is None:
            _turn_away(settings, ledger, state, NotApproved(f"{grant} answers no request of {ledger.folder.name}",
                                                            why="other_requests"), me, None)
        name = next((str(one.value) for one in made.disclosures if one.name == "approval.by"), "somebody")
        against = may_answer(state, known, str(made.fields["data"]["key"]), name)
        if against.why:
            _turn_away(settings, ledger, state, NotApproved(against.sentence, why=against.why), name, known.seq)
        done = _append(settings, ledger, state, made, name)
    _say_done(settings, done.seq, done.kind, f"irkit ledger show {ledger.folder.name} --step {done.step}")


def _of(state: State, seq: int) -> Approval | None:
    every = [one for run in state.runs.values() for step in run.steps.values() for one in step.approvals]
    return next((one for one in every if one.seq == seq), None)
