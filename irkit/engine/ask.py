"""The questions the engine asks, and what comes with each: notes and attachments at any prompt, reasons, who-when-how."""

from __future__ import annotations

import typing
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from irkit.engine import pasted
from irkit.engine.gate import News, Question, Said
from irkit.engine.session import Session
from irkit.engine.values import plural, rfc3339
from irkit.errors import IrkitError, Paused
from irkit.runbook import parse_typed, timestamp
from irkit.runbook.convert import element, fields_of, no_value, optional, plain_type

ALWAYS = {"n": "note", "p": "pause"}
PASTE = "paste:"
ALSO = {"a": "attach a file or text as evidence", "h": "hand over to somebody"}


def choose(session: Session, step: str, name: str, prompt: str, letters: Mapping[str, str], *, phrase: str = "",
           more: Mapping[str, Sequence[str]] | None = None, more_words: Mapping[str, str] | None = None,
           poll: Callable[[], Sequence[Said]] | None = None, key: str = "",
           parse: Callable[[str], object] | None = None) -> str:
    """One of `letters`, the phrase, or what `parse` takes. Notes and attachments are taken on the way. Raises Paused."""
    while True:
        question = Question(name=name, prompt=prompt, step=step, key=key, letters={**letters, **ALWAYS}, phrase=phrase,
                            more=more or {}, more_words={**ALSO, **(more_words or {})}, parse=parse)
        answer = session.ctx.gate.ask(question, poll or session.poll)
        if answer == "n":
            note(session, step)
        elif answer == "a":
            evidence(session, step, required=False)
        elif answer == "h":
            from irkit.engine import handover
            handover.offer(session, step)
        elif answer == "p":
            raise Paused("paused")
        else:
            return answer


def text(session: Session, step: str, name: str, prompt: str, *, default: str = "", required: bool = True,
         parse: Callable[[str], object] | None = None, path: bool = False, key: str = "",
         pick: Mapping[str, str] | None = None) -> str:
    """Free text, in Unicode NFC. With a default an empty answer takes it."""
    listed = {"l": [f"{number}. {what}" for number, what in pick.items()]} if pick else {}
    answer = session.ctx.gate.ask(Question(name=name, prompt=prompt, step=step, key=key, required=required, default=default,
                                           parse=parse, path=path, pick=pick or {}, more=listed,
                                           more_words={"l": "list them"} if pick else {}), session.poll)
    return unicodedata.normalize("NFC", answer.strip() or default)


def reason(session: Session, step: str, prompt: str = "Reason", *, key: str = "") -> str:
    return text(session, step, "reason", prompt, key=key)


def note(session: Session, step: str | None) -> None:
    session.record("note", {}, {"text": text(session, step or "", "note", "Note")}, by="human", step=step)


def evidence(session: Session, step: str, *, required: bool) -> list[str]:
    """Take a file or a text as an artefact of the step. Returns its SHA-256s."""
    prompt = "Evidence: a path, text: what you saw, or paste:" + ("" if required else " (empty: none)")
    answer = text(session, step, "evidence", prompt, required=required, path=True, parse=_evidence)
    if not answer:
        return []
    name, content, removed = _pasted(session, step, answer) if answer.startswith(PASTE) else (*_evidence(answer), False)
    kept = session.ctx.ledger.keep(name, content, run=session.ctx.run, step=step, by="human", redacted=removed)
    session.refresh()
    return [kept.sha256]


def _pasted(session: Session, step: str, answer: str) -> tuple[str, bytes, bool]:
    """An answer that was got by hand, from the file named after paste: or pasted now, without its live secrets."""
    keys = session.ctx.secrets.get(step, frozenset())
    path = answer.removeprefix(PASTE).strip()

    def clean(typed: str) -> tuple[bytes, bool]:
        return pasted.cleaned(typed.encode("utf-8", "surrogateescape"), keys)

    if path:
        try:
            content, removed = pasted.cleaned(_file(path).read_bytes(), keys)
        except ValueError as bad:
            session.ctx.say(News([str(bad)]))
            path = ""
    if not path:
        question = Question("paste", "Paste the answer, then a line with a single dot", step, parse=clean, multiline=True)
        content, removed = clean(session.ctx.gate.ask(question, session.poll))
    return pasted.name_of(content, removed), content, removed


def _evidence(answer: str) -> tuple[str, bytes | Path]:
    if answer.startswith("text:"):
        return "text.txt", answer.removeprefix("text:").strip().encode()
    if answer.startswith(PASTE):
        if path := answer.removeprefix(PASTE).strip():
            _file(path)
        return "", b""
    file = _file(answer)
    return file.name, file


def _file(answer: str) -> Path:
    path = Path(answer).expanduser()
    if not path.is_file():
        raise ValueError(f"{answer} is not a file; text typed here begins with text:")
    return path


def by_hand(session: Session, step: str, fields: Mapping[str, Any], *, evidence_required: bool) -> dict[str, Any]:
    """Who, when, how, the evidence, and each result field that later steps use. Returns the step's result.

    A field that is not known is left out of it: a step that needs it asks then.
    """
    now = session.ctx.clock.now()
    done: dict[str, Any] = {
        "who": text(session, step, "who", "Who did it", default=session.ctx.who),
        "when": rfc3339(timestamp(text(session, step, "when", "When (RFC 3339, or now)", default="now",
                                       parse=lambda t: timestamp(t, now)), now)),
        "how": text(session, step, "how", "How, and what was seen"),
    }
    for name, kind in fields.items():
        unknown = "; none where it is not known" if no_value(kind, "none") else ""
        answer = text(session, step, "field", f"{name} ({type_word(kind)}), for later steps{unknown}", key=name,
                      parse=lambda t, kind=kind: no_value(kind, t) or parse_typed(kind, t, now))       # type: ignore[misc]
        if not no_value(kind, answer):
            done[name] = parse_typed(kind, answer, now)
    done["evidence"] = evidence(session, step, required=evidence_required)
    return done


_WORDS = {"int": "number", "bool": "yes or no", "datetime": "time", "timedelta": "duration", "UserId": "user id",
          "Email": "e-mail address"}


def type_word(kind: Any) -> str:
    """What is to be typed for a value of that kind: "user ids, separated by commas; none for nothing"."""
    inner, may_lack = optional(kind)
    if plain_type(inner) is list:
        return f"{_several(element(inner))}, separated by commas; none for nothing"
    return _one(inner) + ("; none for nothing" if may_lack else "")


def _one(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, typing.get_args(kind)))}"
    return "id" if fields_of(kind) is not None else _WORDS.get(str(getattr(kind, "__name__", kind)), "text")


def _several(kind: Any) -> str:
    """The plural; of what is no noun, the word for each."""
    word = _one(optional(kind)[0])
    return f"{word}, each" if word.startswith(("one of", "yes or")) else plural(word)


def go_to(session: Session, answer: str) -> str:
    """The id of the step that "g 12" or "g end_sessions" names. Raises IrkitError when there is none."""
    wanted = answer[1:].strip()
    steps = session.runbook.steps
    if wanted.isdigit() and 1 <= int(wanted) <= len(steps):
        return steps[int(wanted) - 1].id
    if any(step.id == wanted for step in steps):
        return wanted
    raise IrkitError(f"there is no step {wanted!r}; steps are 1 to {len(steps)}")
