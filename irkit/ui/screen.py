"""What the engine says, as lines of text. Pure: data in, lines out, no colour, no cursor moves.

`render` takes every class of `irkit.engine.gate.Said`. The prompt line itself is `prompt_lines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import assert_never

from irkit.engine.gate import (
    Asking,
    ByHand,
    Checked,
    Closed,
    Ended,
    Looked,
    News,
    Offered,
    Progress,
    Question,
    Resumed,
    Said,
    Sends,
    Sent,
    StepBegins,
    Trouble,
    Waiting,
    Where,
)
from irkit.engine.values import numbered
from irkit.ui import clocks
from irkit.ui.layout import GUTTER, NARROWEST, WIDEST, Page, hm, hms, ms, short_hash, size, utc
from irkit.ui.text import broken, cells, clip, join, pad, reflow, safe, wrap

__all__ = ["header", "prefixed", "prompt_lines", "render", "safe"]

BODY_LINES = 6           # of a request's body on a gate; `r` shows all of it
SECOND = 30              # where a second fact on a line begins
NAMED = 3                # people named on a gate; `l` lists all


def render(said: Said, *, width: int = WIDEST, tz: tzinfo | None = None, prefix: str = "") -> list[str]:
    """Lines of at most `width` columns (and never more than 80), each beginning with `prefix`, "DRILL " in a drill.

    An address that is longer stays whole, so that it can be copied. In a drill it is broken: a row that the terminal made of it
    would bear no mark, and could pass for a real one; `r` shows the request unbroken there.
    """
    lines = _lines(said, Page.of(width, tz, prefix), prefix.strip())
    room = max(width, NARROWEST) - cells(prefix)
    return prefixed([row for line in lines for row in broken(line, room, " " * GUTTER)] if prefix else lines, prefix)


def prefixed(lines: Sequence[str], prefix: str) -> list[str]:
    """Each line behind the prefix, without blanks at its end."""
    return [(prefix + line).rstrip() for line in lines]


def _lines(said: Said, page: Page, drill: str) -> list[str]:
    match said:
        case StepBegins():
            return _step(said, page, drill)
        case Asking():
            there = f" {numbered(said.pages, 'page')}, {size(said.size)}" if said.pages else ""
            return page.hanging(f"asking {said.system}…{there}")
        case Looked():
            return _looked(said, page)
        case Sends():
            return _sends(said, page)
        case ByHand():
            return _by_hand(said, page)
        case Sent():
            return ["", *page.labelled("Sent", f"{utc(said.at)}, {said.status} in {said.seconds:.1f} s", f"entry {said.entry}")]
        case Checked():
            return page.labelled("Checked", said.text)
        case Waiting():
            long = said.seconds >= 120
            return page.labelled("Waiting", f"{hms(said.seconds) if long else f'{max(0.0, said.seconds):.0f} s'}: {said.why}")
        case Progress():
            return page.hanging(_progress(said))
        case Ended():
            return _ended(said, page)
        case Trouble():
            return _trouble(said, page)
        case News():
            return ["", *(line for text in said.lines for line in page.ready(text)), ""]
        case Resumed():
            return _resumed(said, page, drill)
        case Closed():
            return _closed(said, page)
        case _:
            assert_never(said)


# -- the top of every screen -------------------------------------------------------------------------------------

def first_line(where: Where, page: Page, drill: str, *rest: str) -> list[str]:
    """What is real, which incident, which runbook. In a drill the prefix already says the label."""
    label = "" if where.label == drill else f"{where.label} "
    return page.segments(f"{label}{where.incident} {where.runbook} v{where.version}", *rest)


def header(where: Where, page: Page, drill: str) -> list[str]:
    """The two lines on top, and a rule below them."""
    step = f"step {where.number} of {where.total} {where.phase}".rstrip() if where.number else ""
    who = f"{where.who}, {where.role}" if where.role else where.who
    first = first_line(where, page, drill, step, hms(where.elapsed))
    return [*first, *page.segments(*clocks.segments(where, page), who), "-" * page.edge]


# -- a step ------------------------------------------------------------------------------------------------------

def _step(said: StepBegins, page: Page, drill: str) -> list[str]:
    title = page.aside(page.hanging(f"{said.number}. {said.title}"), f"[{said.badge}]")
    owner = page.labelled("Owner", said.owner) if said.owner and said.owner != said.where.role else []
    why = page.labelled("Why", reflow(said.why)) if said.why else []
    target = page.labelled("Target", _target(said.target)) if said.target is not None else []
    meets = page.labelled("Meets", [page.due_in(d, said.where.now) for d in said.meets]) if said.meets else []
    return ["", *header(said.where, page, drill), *title, "", *owner, *target, *meets, *why]


def _target(left: float) -> str:
    """`71:46 left`, hours and minutes as of every clock; `late by 00:14`."""
    span = hm(abs(left)) if abs(left) >= 60 else "less than a minute"
    return f"{span} left" if left >= 0 else f"late by {span}"


def _paragraphs(text: str) -> list[str]:
    """The lines that the writer of a runbook meant, each made safe for itself."""
    return [safe(line) for line in text.rstrip().split("\n")]


def _looked(said: Looked, page: Page) -> list[str]:
    url = said.url.partition("://")[2] or said.url
    right = f"{said.status}, {said.seconds:.1f} s"
    head = page.labelled("Looked", f"{said.method} {url}", right)
    return head + (page.labelled("", said.lines) if said.lines else [])


def _sends(said: Sends, page: Page) -> list[str]:
    looked = page.labelled("Looked", said.looked) if said.looked else []
    cautions = [*said.unpreserved, *said.warnings] + ([f"Unverified: {said.unverified}"] if said.unverified else [])
    lines = [
        *looked,
        *page.labelled("Sends", _what_leaves(said, page)),
        *page.labelled("Affects", _affected(said)),
        *page.labelled("Undo", said.undo or "none"),
        *(page.labelled("Approve", said.approve) if said.approve else []),
        *(page.labelled("Warning", cautions) if cautions else []),
        "",
    ]
    if said.phrase and said.undo == "none":
        lines += [*page.hanging(f'Say {said.aloud} first: "{said.phrase} in 1 minute. Objections?"'), ""]
    return lines


def _what_leaves(said: Sends, page: Page) -> list[str]:
    request = said.template or f"{said.method} {said.url}"
    body = "" if said.count > 1 and said.body in request else said.body
    ends = f"first {said.first}, last {said.last} (l to list)" if said.first else ""
    already = f"{said.already} already so, nothing to send" if said.already else ""
    failed = f"{said.look_failed} could not be looked at; not sent" if said.look_failed else ""
    left_out = f"{said.left_out} left out, as you said" if said.left_out else ""
    return [
        f"{said.count} x {request}" if said.count > 1 else f"{said.method} {said.url}",
        *_body(body, f"acting as {said.acting_as}", page.width - GUTTER),
        *(text for text in (ends, already, failed, left_out, said.pace) if text),
    ]


def _body(body: str, acting: str, width: int) -> list[str]:
    """The body with who acts behind it; a long one is cut, as `r` shows the full request."""
    paragraphs = _paragraphs(body) if body else []
    lines = [clip(line, width) for paragraph in paragraphs for line in wrap(paragraph, width)]
    if len(lines) > BODY_LINES:
        return [*lines[:BODY_LINES], f"… {len(lines) - BODY_LINES} more lines (r for the full request)", acting]
    return [f"{paragraphs[0]}, {acting}"] if len(paragraphs) == 1 else [*paragraphs, acting]


def _affected(said: Sends) -> list[str]:
    noun = said.noun or "request"
    if not said.affects:
        return [numbered(said.count, noun)]
    count = len(said.affects)
    named = "; ".join(said.affects[:NAMED])
    return [f"{numbered(count, noun)}: {named}" + (f"; and {count - NAMED} more (l to list)" if count > NAMED else "")]


def _by_hand(said: ByHand, page: Page) -> list[str]:
    lines = page.labelled("Decide" if said.choices else "Do", reflow(said.text))
    if said.choices:
        lines += page.listed(list(said.choices.items()), gutter=GUTTER)
    if said.evidence:
        lines += page.labelled("Evidence", "required: a file, or a text that says what you saw")
    return [*lines, ""]


def _progress(said: Progress) -> str:
    counts = (f"{said.done} of {said.total}{' looked at' if said.looks else ''}",
              f"{said.refused} refused" if said.refused else "", f"{said.unknown} unknown" if said.unknown else "",
              "" if said.final else f"{ms(said.left)} left")
    return ", ".join(count for count in counts if count)


def _ended(said: Ended, page: Page) -> list[str]:
    state = said.state.replace("_", " ")
    how = f": {said.text.rstrip('.')}" if said.text else ""
    following = f" Next: {said.next}" if said.next else ""
    lines = page.hanging(f"{state[:1].upper()}{state[1:]}{how}.{following}")
    return lines if state == "done" or said.entry <= 0 else page.aside(lines, f"entry {said.entry}")


def _trouble(said: Trouble, page: Page) -> list[str]:
    entry = f"entry {said.entry}" if said.entry > 0 else ""
    lines = page.labelled(safe(said.label), [f"{said.number}. {said.title}", *said.lines], entry)
    if said.likely:
        lines += _beside(page.labelled("Likely", said.likely), said.command, page)
    elif said.command:
        lines += page.labelled("Next", said.command)
    return ["", *lines, ""]


def _beside(lines: list[str], command: str, page: Page) -> list[str]:
    """A command four columns behind the text, or below it."""
    if command and cells(lines[-1]) + 4 + cells(command) <= page.width:
        return [*lines[:-1], f"{lines[-1]}    {safe(command)}"]
    return lines + (page.labelled("", command) if command else [])


# -- the beginning and the end of a sitting ----------------------------------------------------------------------

def _stamped(said: Resumed) -> str:
    """Which entries are timestamped, and which are signed alone; nothing where no authority is asked."""
    covered = said.stamps.entries
    if not covered:
        return ""
    left = f", {covered}-{said.entries - 1} signed only" if covered < said.entries else ""
    return f"; 0-{covered - 1} timestamped by {numbered(len(said.stamps.authorities), 'authority')}{left}"


def _resumed(said: Resumed, page: Page, drill: str) -> list[str]:
    where = said.where
    opened = said.opened_at.astimezone(UTC)
    same_day = opened.date() == where.now.astimezone(UTC).date()
    at = f"{opened:%H:%M}Z" if same_day else f"{opened:%Y-%m-%d %H:%M}Z"
    ago = hm((where.now - said.opened_at).total_seconds())
    return [
        *first_line(where, page, drill, f"opened {at} by {said.opened_by}, {ago} ago"),
        *page.labelled("Ledger", f"{numbered(said.entries, 'entry')}, verified{_stamped(said)}"),
        *_two(page, "Done", ", ".join(said.done), "By hand", said.by_hand),
        *(page.labelled("Skipped", said.skipped) if said.skipped else []),
        *(page.labelled("Undone", said.undone) if said.undone else []),
        *(line for text in said.open for line in page.ready(text)),
        *(page.labelled("Changed", said.changed) if said.changed else []),
        *(page.labelled("Packed", said.packed) if said.packed else []),
        *(page.labelled("Clock", f"{where.set_back}; no legal clock gains time by it") if where.set_back else []),
        *(_offered(said.offer, page) if said.offer else []),
        "",
    ]


def _offered(offer: Offered, page: Page) -> list[str]:
    """Who hands over to whom, and the text, beside the label: nothing in it can pass for irkit's own words."""
    head = f"by {offer.by} to {offer.to} at {utc(offer.at)}, not accepted yet"
    return page.labelled("Offered", [head, *(line for line in offer.text.split("\n") if line.strip())], f"entry {offer.entry}")


def _two(page: Page, label: str, text: str, second: str, items: Sequence[str]) -> list[str]:
    """Two labelled facts on one line where both are short, else below each other; what is empty is left out."""
    left = page.labelled(label, text) if text else []
    right = f"{second:<8} {safe(items[0])}" if len(items) == 1 else ""
    if len(left) == 1 and right and cells(left[0]) < SECOND and SECOND + cells(right) <= page.width:
        return [pad(left[0], SECOND) + right]
    return left + (page.labelled(second, items) if items else [])


def _closed(said: Closed, page: Page) -> list[str]:
    where = said.where
    steps, reasons = _counted(said)
    changed = sum(said.sent.values())
    sent = f"{numbered(changed, 'request')} that changed something"
    kept = f"{numbered(said.artefacts, 'artefact')}, {size(said.artefact_bytes)}"
    outcome = ", ".join(f"{said.sent.get(key, 0)} {key}" for key in ("worked", "refused", "unknown"))
    lines = [
        "",
        *page.hanging(f"Run closed by {where.who}, {hm(where.elapsed)} after it opened"),
        *page.labelled("Steps", steps),
        *(page.labelled("Skipped", reasons) if reasons else []),
        *(page.labelled("Gaps", said.gaps) if said.gaps else []),
        *(_beside(page.labelled("Probe", said.probed), f"irkit incident probe {where.incident}", page) if said.probed else []),
        *page.labelled("Sent", f"{sent}: {outcome}" if changed else "nothing that changed anything"),
        *(_beside(page.labelled("Undo", f"still possible for {said.undoable}"),
                  f"irkit undo {where.incident}", page) if said.undoable else []),
        *_two(page, "Evidence", kept, "Notes", [str(said.notes)]),
        *page.labelled("Ledger", f"{numbered(said.entries, 'entry')}, head {short_hash(said.head)}"
                       + (f", timestamped {said.stamps.at.astimezone(UTC):%H:%M}Z" if said.stamps.at else "")),
        *(page.labelled("Clocks", [page.due_at(d, where.now) for d in where.deadlines]) if where.deadlines else []),
        *(page.labelled("Score", said.score) if said.score else []),
    ]
    report = [f"irkit drill report {where.incident} --output report.html"] if where.label == "DRILL" else []
    commands = [*report, f"irkit ledger verify {where.incident}", f"irkit ledger export {where.incident} --as jsonl"]
    return [*lines, *page.labelled("Next", commands)]


def _counted(said: Closed) -> tuple[str, Sequence[str]]:
    """`17 done, 1 skipped ("owner asleep"), 1 gap`, and the reasons for skipping when there are several."""
    inline = len(said.skipped) == 1
    parts = []
    for state, count in said.counts.items():
        words = f"{count} {state.replace('_', ' ')}"
        parts.append(f"{words} ({safe(said.skipped[0])})" if inline and state == "skipped" else words)
    return ", ".join(parts), () if inline else said.skipped


# -- the prompt --------------------------------------------------------------------------------------------------

def prompt_lines(question: Question, *, width: int = WIDEST, prefix: str = "") -> list[str]:
    """The question as it stands before the cursor; the last line ends in ": " or "? ".

    `letters` stand on the line, `more_words` behind `?` alone.
    """
    ask = safe(question.prompt).strip()
    if question.phrase and question.phrase not in ask:
        ask = f"{ask} Type {question.phrase}".strip()
    options = [_option(key, safe(word)) for key, word in question.letters.items() if key not in question.more_words]
    if question.more or question.more_words:
        options.append("? more")
    if options and ask:
        ask += ", or" if question.phrase or question.parse else "" if ask.endswith(("?", ".", ":")) else ":"
    elif question.default:
        ask = f"{ask} [{safe(question.default)}]"
    before, phrase, after = ask.partition(question.phrase) if question.phrase else (ask, "", "")
    glued, _, after = after.partition(" ")                 # the comma behind a phrase, which is never broken
    parts = [*before.split(), *filter(None, [phrase + glued]), *after.split(), *(f"{option}," for option in options)]
    lines = join(parts, Page.of(width, None, prefix).width - 2, " ")
    last = lines[-1].rstrip(",")
    return [*prefixed(lines[:-1], prefix), prefix + last + (" " if last.endswith(("?", ":")) else ": ")]


def _option(key: str, word: str) -> str:
    return key if len(key) > 1 or word.lower() in ("", key) else f"{key} {word}"
