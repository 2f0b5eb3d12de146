"""An entry in words, for listings, timelines and documents; and text of others made harmless for them.

What vendors, intruders and responders wrote passes `one_line` before it enters a message, and `md` before it enters Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from irkit.engine.values import summary
from irkit.ledger import Entry

_MARKDOWN = re.compile(r"([\\`*_\[\]|#~$])")


def mark(mode: str) -> str:
    """What begins every line and heading about an incident that is not real, so that none can pass as live."""
    return "" if mode == "live" else f"{mode.upper()} "


def one_line(text: object) -> str:
    """Text without line breaks, control, bidi or zero-width characters, or lone surrogates: each becomes a space."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def md(text: object) -> str:
    """One line that Markdown shows as it was written: no markup, no HTML, no cell of a table."""
    plain = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", plain)


def tick(text: object) -> str:
    """One line as Markdown code, also in a cell of a table."""
    return "`" + one_line(text).replace("`", "'").replace("|", "/") + "`"


def what(entry: Entry) -> str:
    """What happened, from the values the entry still has. A kind that is not known here says whatever it holds."""
    words = _WORDS.get(entry.kind.partition(".")[0])
    if words is not None:
        return words(entry)
    return summary({key: value for key, value in {**entry.data, **entry.disclosed}.items() if key not in _NO_WORDS})


_NO_WORDS = frozenset({"drill_at", "signature", "endorsement"})


def _request(entry: Entry) -> str:
    """`GET users/3971 -> 200`, `PUT users/3971`, `200, 0.4 s`."""
    shown, status = entry.disclosed, entry.data.get("status")
    if "request.url" in shown:
        path = re.sub(r"^[a-z]+://[^/]*/(api/v[0-9]+/)?", "", str(shown["request.url"]))
        text = f"{shown.get('request.method', '')} {path}" + (f" -> {status}" if status else "")
    elif entry.kind == "request.body":
        text = f"{len(str(shown.get('response.body', '')))} characters"
    else:
        text = f"{status}, {entry.data.get('ms', 0) / 1000:.1f} s" if status else ""
    return ", ".join(part for part in (_item(entry), text, str(shown.get("error", ""))) if part)


def _step(entry: Entry) -> str:
    shown = entry.disclosed
    if entry.kind == "step.asked":
        return ", ".join(part for part in (str(entry.data.get("answer", "")), _quoted(shown.get("reason"))) if part)
    result = summary(shown["result"], 3) if "result" in shown else ""
    return ", ".join(part for part in (entry.step or "", _item(entry), result, _quoted(shown.get("reason"))) if part)


def _item(entry: Entry) -> str:
    return "" if entry.item is None else f"item {entry.item}"


def _quoted(text: object) -> str:
    return f'"{text}"' if text else ""


def _artefact(entry: Entry) -> str:
    size = entry.disclosed.get("artefact.size")
    sized = f"{size:,} bytes" if isinstance(size, int) else ""
    return ", ".join(part for part in (str(entry.disclosed.get("artefact.name", "")), sized) if part)


def _run(entry: Entry) -> str:
    if "runbook" not in entry.data:
        return _quoted(entry.disclosed.get("reason"))
    return f"{entry.data['runbook']} v{entry.data.get('version')}, {entry.data.get('mode')}"


def _auth(entry: Entry) -> str:
    return f"{entry.disclosed.get('request.connection', '')} signs in -> {entry.data.get('status', 'no answer')}".strip()


def _inject(entry: Entry) -> str:
    shown = entry.disclosed
    return ", ".join(part for part in (str(entry.data.get("inject", "")), _quoted(shown.get("answer"))) if part)


def _control(entry: Entry) -> str:
    """`hold press`, `asks "Send it?"`, `observe weakness of contained "…"`."""
    data, shown = entry.data, entry.disclosed
    about = f"of {data['objective']}" if "objective" in data else ""
    named = (data.get("control"), data.get("inject"), data.get("tag"), about, data.get("connector"), shown.get("fault.request"),
             None if entry.ref is None else f"entry {entry.ref}", _quoted(shown.get("text")))
    return " ".join(str(part) for part in named if part)


def _deadline(entry: Entry) -> str:
    shown = entry.disclosed
    due = str(entry.data.get("due", "")).replace("+00:00", "Z")
    return ", ".join(part for part in (str(entry.data.get("clock", "")), f"due {due}" if due else "",
                                       f"threshold {entry.data['threshold']}" if "threshold" in entry.data else "",
                                       str(shown.get("deadline.by", "")), _quoted(shown.get("deadline.basis"))) if part)


def _exported(entry: Entry) -> str:
    recipient = entry.disclosed.get("export.recipient")
    return f"as {entry.data.get('as', '')}" + (f" for {recipient}" if recipient else "")


_WORDS: Mapping[str, Callable[[Entry], str]] = {          # by the kind's first word
    "genesis": lambda entry: f"{entry.data.get('mode')}, irkit {entry.data.get('version')}",
    "session": lambda entry: str(entry.disclosed.get("person.name", "")),
    "run": _run,
    "request": _request,
    "auth": _auth,
    "step": _step,
    "decision": _step,
    "note": lambda entry: _quoted(entry.disclosed.get("text")),
    "artefact": _artefact,
    "inject": _inject,
    "control": _control,
    "deadline": _deadline,
    "exported": _exported,
    "checkpoint": lambda entry: f"names the note over {entry.data.get('size')} entries by {entry.data.get('key_id')}",
    "anchor": lambda entry: f"{entry.data.get('size')} entries at {entry.data.get('gen_time')}, {entry.data.get('authority')}",
}
