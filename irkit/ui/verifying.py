"""What a verification found, as lines: trust first, then what holds, or each problem with its meaning. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from irkit.engine.values import numbered
from irkit.ui.layout import WIDEST, Page
from irkit.ui.text import pad, wrap

if TYPE_CHECKING:
    from irkit.ledger import Finding
    from irkit.ledger.assurance import Assured
    from irkit.ledger.verify import Report

NOT_CHECKED = "NOT CHECKED"      # a finding's level when it says only that something could not be looked at
MOST_ROWS = 30                   # of what is proven about which entries


def verify_lines(report: Report, *, width: int = WIDEST) -> list[str]:
    """`irkit ledger verify`: what is proven and what is not, each problem, the head, and the exit code."""
    page = Page.of(width)
    head = f"Head: {report.entries}, root {report.root}. Nothing later is known here."
    lines = [*page.wrapped(_trusted(report)), *(_problems(report, page) if report.findings else _holds(report, page)),
             *(line for remark in report.remarks for line in _remark(remark, page)),
             *(line for note in report.notes for line in _marked("", note, page))]
    if not report.findings:
        lines += assured_lines(report, page)
    verdict = {0: "Verified.", 1: f"Not everything could be checked: {numbered(report.problems, 'problem')}.",
               5: f"Does not verify: {numbered(report.problems, 'problem')}."}[report.exit_code]
    return [*lines, *page.wrapped(head), *page.verdict(verdict, report.exit_code)]


def _trusted(report: Report) -> str:
    """The first line: what only keys and authorities from outside can prove."""
    author = "author proven" if report.author_trusted else "author not proven (--signers)"
    unproven = "time not proven (--tsa-ca)" if report.tokens else "no time proven: no time stamps"
    time = "time proven" if report.time_trusted else unproven
    return f"{'Inconsistent' if report.exit_code == 5 else 'Consistent'}; {author}; {time}."


def _holds(report: Report, page: Page) -> list[str]:
    matches = "matches its hash" if report.artefacts == 1 else "match their hashes"
    people = dict.fromkeys(s.trusted or s.person for s in report.sessions.values() if s.key)
    endorsed = f", endorsed by {_and(list(people))}" if people else ""
    lines = [f"{numbered(report.entries, 'entry')}, numbered 0 to {report.entries - 1}, unbroken",
             f"{numbered(report.checkpoints, 'checkpoint')} by {numbered(len(report.sessions), 'session key')}{endorsed}"]
    if report.tokens:
        by = numbered(len(report.authorities), "authority")
        lines.append(f"{numbered(report.tokens, 'time stamp')} by {by}: {_and(report.authorities)}")
    if report.sealed is not None:
        lines.append(f"sealed by entry {report.sealed}")
    lines.append(f"{numbered(report.artefacts, 'artefact')} {matches}")
    return [line for text in lines for line in _marked("ok", text, page)]


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _problems(report: Report, page: Page) -> list[str]:
    bad = [line for finding in report.findings for line in _finding(finding, page)]
    hidden = report.problems - len(report.findings)
    more = _marked("", f"and {numbered(hidden, 'problem')} more", page) if hidden else []
    before = _marked("", f"Entries 0 to {report.sound - 1} come before the first problem.", page) if report.sound > 1 else []
    return [*bad, *more, *before]


def _finding(finding: Finding, page: Page) -> list[str]:
    detail = [line for text in finding.detail for line in _marked("", f"  {text}", page)]
    mark, what = ("--", f"not checked: {finding.what}") if finding.level == NOT_CHECKED else ("BAD", finding.what)
    return [*_marked(mark, what, page), *detail, *_marked("", finding.meaning, page)]


def _remark(finding: Finding, page: Page) -> list[str]:
    return _marked("", f"{finding.level.lower()}: {finding.what}. {finding.meaning}", page)


# -- what is proven about which entries --------------------------------------------------------------------------

def assured_lines(report: Report, page: Page) -> list[str]:
    """Who wrote which entries, and between which moments."""
    rows = report.assured(MOST_ROWS + 1)
    lines = [line for row in rows[:MOST_ROWS] for line in _marked("", _assured(report, row), page)]
    return lines + (_marked("", "and more ranges (--json has them all)", page) if len(rows) > MOST_ROWS else [])


def _assured(report: Report, row: Assured) -> str:
    session = report.sessions.get(row.session)
    who = (session.trusted or session.person or session.key) if session is not None else ""
    by = f"session {row.session}{f', {who}' if who else ''}" if row.attributed else "author not proven"
    return f"{row.first}-{row.last}: {by}; {window(row.lower, row.upper)}"


def window(lower: datetime | None, upper: datetime | None) -> str:
    """The moments between which something was written, in UTC."""
    if lower is None and upper is None:
        return "no time proven"
    if upper is None:
        return f"after {lower:%Y-%m-%d %H:%M:%S}Z"
    if lower is None:
        return f"before {upper:%Y-%m-%d %H:%M:%S}Z"
    until = f"{upper:%H:%M:%S}Z" if lower.date() == upper.date() else f"{upper:%Y-%m-%d %H:%M:%S}Z"
    return f"between {lower:%Y-%m-%d %H:%M:%S}Z and {until}"


def _marked(mark: str, text: str, page: Page) -> list[str]:
    """A line behind a mark of five columns."""
    body = wrap(text, page.width - 5)
    return [pad(mark if i == 0 else "", 5) + line for i, line in enumerate(body)]
