"""What somebody reads before they approve: whose request it is, what will leave, whom it affects, what was looked at. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from irkit.engine.gate import Sends
from irkit.ui.layout import WIDEST, Page
from irkit.ui.screen import prefixed, render


class Request(Struct, frozen=True):
    """`unproven` says what nothing vouches for, where the request came in a file."""

    incident: str
    title: str
    step: str
    badge: str
    asker: str
    key: str
    role: str
    entry: int
    until: str
    why: str
    evidence: Sequence[str]
    sends: Sends
    unproven: str = ""
    probe: Sequence[str] = ()          # what a probe found, where the report of one goes with the request
    report: Sequence[str] = ()         # all of that report


def request_lines(said: Request, *, width: int = WIDEST, prefix: str = "") -> list[str]:
    page = Page.of(width, None, prefix)
    lines = [
        *page.segments(f"{said.incident} asks for approval", f"step {said.step}", f"entry {said.entry}"),
        "-" * page.edge,
        *page.aside(page.hanging(said.title), f"[{said.badge}]"),
        "",
        *page.labelled("Asked", [f"by {said.asker}, of {said.role}", said.key]),
        *page.labelled("Until", said.until),
        *(page.labelled("Why", said.why) if said.why else []),
        *(page.labelled("Evidence", said.evidence) if said.evidence else []),
        *(page.labelled("Unproven", said.unproven) if said.unproven else []),
        *(page.labelled("Probe", said.probe) if said.probe else []),
    ]
    return [*prefixed(lines, prefix), *render(said.sends, width=width, prefix=prefix)]
