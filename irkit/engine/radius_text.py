"""A blast-radius report as lines of plain text, the same on the screen, in its artefact and before an approver. Pure.

What a tenant wrote stands beside or below irkit's own labels, and without anything that moves a cursor: a report is read with
`cat` years later, too.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from irkit.engine.values import numbered, summary

WIDTH, GUTTER = 72, 9                  # a screen's, less the mark of a probe
Report = Mapping[str, Any]
BADGES = {"reversible": "REVERSIBLE", "irreversible": "CANNOT BE UNDONE", "read": "READ"}
UNKNOWN = ("not_seen", "unavailable", "not_reached")
REST = {                               # finding -> what stands above the steps it was made of
    "not_seen": "Could not be looked at: what these would affect is not known",
    "unavailable": "Not available on this plan, or with this permission: a gap, not nothing",
    "not_reached": "Not reached, as they need what only a sent step tells: not known, not nothing",
    "by_hand": "Left to people, by hand",
    "decision": "Left to people, to decide",
    "nothing_to_send": "Already as they would have it; nothing to send",
    "not_needed": "Not needed",
    "looked": "Read only",
}


def headline(report: Report) -> str:
    """"12 sessions cannot be undone; 1 person can; 2 steps could not be seen, 3 not reached"."""
    final, back = _counts(report["cannot_be_undone"]), _counts(report["can_be_undone"])
    found = [one["finding"] for one in report["steps"]]
    unseen = sum(word in ("not_seen", "unavailable") for word in found)
    parts = [f"will break and cannot be undone: {final}" if final else "",
             f"will change and can be undone: {back}" if back else ""]
    not_known = [f"{numbered(unseen, 'step')} could not be seen" if unseen else "",
                 f"{numbered(found.count('not_reached'), 'step')} not reached" if "not_reached" in found else ""]
    parts.append(f"not known: {', '.join(text for text in not_known if text)}" if any(not_known) else "")
    return "; ".join(part for part in parts if part) or "nothing that was seen would be sent"


def _counts(totals: Mapping[str, int]) -> str:
    each = [numbered(count, noun) for noun, count in totals.items()]
    return " and ".join([", ".join(each[:-1]), each[-1]]) if len(each) > 1 else "".join(each)


def lines(report: Report) -> list[str]:
    """The whole report."""
    book, steps = report["runbook"], report["steps"]
    found = [
        f"BLAST RADIUS  {_safe(report['incident'])} {book['name']} v{book['version']}", "-" * WIDTH,
        *_labelled("Probed", f"{_time(report['opened_at'])} to {_time(report['made_at'])}, by {report['by']}; "
                   "nothing was sent"),
        *_labelled("Target", "; ".join(f"{name} {', '.join(at)}" for name, at in report["targets"].items()) or "none"),
        *(line for name, value in report["inputs"].items() for line in _labelled("Input", f"{name}: {value}")),
        *_labelled("Runbook", f"sha256 {book['sha256']}"), "",
        *_labelled("Breaks", _sum(report["cannot_be_undone"], "cannot be undone")),
        *_labelled("Changes", _sum(report["can_be_undone"], "can be undone")),
        *_labelled("Unknown", _unknown(steps)),
        *(line for warning in warnings(report) for line in _labelled("Warning", warning)),
    ]
    for step in steps:
        found += step_lines(step) if step["finding"] == "would_write" else []
    for finding, heading in REST.items():
        some = [step for step in steps if step["finding"] == finding]
        found += ["", *_wrapped(f"{heading}:", 0), *(line for step in some for line in _brief(step))] if some else []
    return found


def _sum(totals: Mapping[str, int], how: str) -> str:
    return f"{_counts(totals)}: this {how}" if totals else f"nothing that was seen and {how}"


def _unknown(steps: Iterable[Mapping[str, Any]]) -> str:
    unknown = [step for step in steps if step["finding"] in UNKNOWN]
    words = [step["finding"] for step in unknown]
    parts = [(len(words) - words.count("not_reached"), "could not be seen"), (words.count("not_reached"), "not reached")]
    said = ", ".join(f"{numbered(count, 'step')} {what}" for count, what in parts if count) or "nothing: every step was seen"
    final = ", ".join(str(step["number"]) for step in unknown if step.get("effect") == "irreversible")
    return f"{said}; of these cannot be undone: step {final}" if final else said


def warnings(report: Report) -> list[str]:
    """Who would be locked out, and what is destroyed that nothing preserved; each with the step that would."""
    return [f"step {step['number']}: {text}" for step in report["steps"] if step["finding"] == "would_write"
            for text in (*step.get("warnings", ()), *_unpreserved(step))]


def _unpreserved(step: Mapping[str, Any]) -> list[str]:
    return [f"destroys {one['what']}, which no step of this probe preserved" for one in step.get("destroys", ())
            if not one["kept_by"] and not one["accepted"]]


def step_lines(step: Mapping[str, Any], most: int = 0) -> list[str]:
    """A step that would write: what it affects by name (the first `most`, where given), what it destroys, how to get back."""
    requests = step["requests"]
    first, several = requests[0], len(requests) > 1
    already = f"; {step['already']} already so" if step.get("already") else ""
    affected = [(name, one) for one in requests for name in one["affects"]]
    count = numbered(len({name for name, _ in affected}), first["noun"])
    shown = affected[:most] if most else affected
    body = f" {first['body']}" if isinstance(first["body"], str) and not several else ""
    return [
        "", *_badged(f"{step['number']}. {step['title']}", BADGES.get(step["effect"], step["effect"])),
        *_labelled("Affects", f"{count}{already}"),
        *(line for name, one in shown for line in _named(name, one)),
        *(_labelled("", f"and {len(affected) - most} more") if most and len(affected) > most else []),
        *(line for one in step.get("items_not_seen", ()) for line in _labelled("Unseen", f"{one['name']}: {one['reason']}")),
        *_labelled("Sends", f"{len(requests)} requests; first {first['method']} {first['url']}" if several
                   else f"{first['method']} {first['url']}{body}"),
        *_labelled("Acting", f"as {step.get('acting_as', '')}"),
        *(line for one in step.get("destroys", ()) for line in _labelled("Destroys", _destroyed(one))),
        *_labelled("Undo", step.get("undo") or "none"),
        *(_labelled("If", f"{step['if']} (not decided yet)") if "if" in step else []),
        *(_labelled("Approve", f"{step['approve']}: a second person agrees before it is sent") if "approve" in step else []),
        *(line for text in step.get("warnings", ()) for line in _labelled("Warning", text)),
        *(_labelled("Warning", f"Unverified: {step['unverified']}") if "unverified" in step else []),
    ]


def _named(name: str, request: Mapping[str, Any]) -> list[str]:
    seen = summary(request["seen"], most=4) if request.get("seen") is not None else ""
    return _labelled("", f"- {name}" + (f" ({seen})" if seen and len(request["affects"]) == 1 else ""))


def _destroyed(one: Mapping[str, Any]) -> str:
    if one["kept_by"]:
        return f"{one['what']}; kept by this probe in step {', '.join(map(str, one['kept_by']))}, and by a run anew"
    return f"{one['what']}; NOT PRESERVED" + (f", as the runbook says: {one['accepted']}" if one["accepted"] else "")


def _brief(step: Mapping[str, Any]) -> list[str]:
    tells = step["finding"] in (*UNKNOWN, "not_needed") and step["reason"]
    what = f" {_danger(step)}" if step["finding"] in UNKNOWN and step.get("effect") else ""
    more = " (collection incomplete: a gap)" if step.get("incomplete") else ""
    more += f" (not tidied up: {', '.join(step['left_behind'])})" if "left_behind" in step else ""
    why = f": {step['reason']}" if tells else ""
    return _wrapped(f"{step['number']:>4}. {step['title']}{what}{why}{more}", 6)


def _danger(step: Mapping[str, Any]) -> str:
    return f"[{BADGES.get(step['effect'], step['effect'])}]"


# -- laid out ----------------------------------------------------------------------------------------------------

def _labelled(label: str, text: str) -> list[str]:
    body = textwrap.wrap(_safe(text), WIDTH - GUTTER, break_on_hyphens=False) or [""]
    return [f"{label if number == 0 else '':<{GUTTER}}{line}".rstrip() for number, line in enumerate(body)]


def _badged(title: str, badge: str) -> list[str]:
    *before, last = _wrapped(title, 4)
    room = WIDTH - len(last) - len(badge) - 2
    return [*before, last + " " * room + f"[{badge}]"] if room >= 2 else [*before, last, f"{f'[{badge}]':>{WIDTH}}"]


def _wrapped(text: str, indent: int) -> list[str]:
    blanks = text[:len(text) - len(text.lstrip())]
    return textwrap.wrap(_safe(text), WIDTH, initial_indent=blanks, subsequent_indent=" " * indent,
                         break_on_hyphens=False) or [""]


def _safe(text: object) -> str:
    """One line of what is written and read: no controls, no bidi marks, nothing that joins or hides."""
    kept = (" " if ch.isspace() else ch for ch in str(text) if ch.isspace() or unicodedata.category(ch) not in ("Cc", "Cf"))
    return " ".join("".join("\ufffd" if unicodedata.category(ch) == "Cs" else ch for ch in kept).split())


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}Z"


def short(report: Report, step_id: str) -> Sequence[str]:
    """The few lines that stand beside a request for approval: the sum, the warnings, and what was found of its own step."""
    own = next((step for step in report["steps"] if step["id"] == step_id), None)
    said = "" if own is None else f"this step as it saw it: {_own(own)}"
    return [text for text in (f"the whole run: {report['headline']}", said, *warnings(report)) if text]


def _own(step: Mapping[str, Any]) -> str:
    if step["finding"] != "would_write":
        return REST.get(step["finding"], str(step["finding"])) + (f" ({step['reason']})" if step["reason"] else "")
    return numbered(len({name for one in step["requests"] for name in one["affects"]}), step["requests"][0]["noun"])
