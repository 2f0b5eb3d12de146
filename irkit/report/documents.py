"""The documents of a bag that counsel works with: a draft certification and the foundation sheet.

They state counts, numbers of entries and hashes, and point to where each can be checked. They never say that a court will take
the record, that a log read proves nobody looked, or that time is proven where no authority stamped it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from irkit.errors import IrkitError
from irkit.report.facts import CLASSES, Facts
from irkit.report.glossary import CLASSES as MEANING
from irkit.report.glossary import FIELDS, KINDS
from irkit.report.page import heading, page, table
from irkit.report.words import md, one_line, tick

# -- certification -----------------------------------------------------------------------------------------------

def certification(facts: Facts) -> str:
    """A draft under FRE 902(13) and 902(14). What only counsel or the certifying person knows stands in [brackets]."""
    of = facts.of.get
    return page(
        "certification_902.md", facts, record=_record(facts), classes=_classes(facts), lists=_lists(facts),
        sendings=of("request.sending") or "none", notes=f"{facts.notes:,}", version=md(facts.genesis.get("version", "unknown")),
        code_hash=one_line(facts.genesis.get("code_hash", "unknown")), selftests=_selftests(facts),
        added=of("artefact.added") or "none", files=f"{len(facts.artefacts):,}", incidents=_incidents(facts), lag=_lag(facts),
        time=_time(facts), gaps=of("step.unavailable") or "none")


def _record(facts: Facts) -> str:
    last, genesis = facts.last, facts.genesis
    program = f"irkit {md(genesis.get('version', 'unknown'))}, code hash {tick(genesis.get('code_hash', 'unknown'))} (entry 0)"
    endorsed = sum(bool(one.endorsement) for one in facts.sessions)
    earlier = [f"entry {one.seq} ({md(one.data.get('as', ''))}, {one.at})" for one in facts.exports[:-1]]
    return table(("", ""), [
        ("Incident", md(facts.incident)),
        ("Ledger", f"`{facts.origin}`, mode {facts.mode}"),
        ("Entries", f"0 to {facts.lines - 1} ({facts.lines:,} in number); the last one is `exported`, at {last.at}"),
        ("Hash of the last entry", f"`{last.leaf}`"),
        ("Written by", program),
        ("Sessions", f"{len(facts.sessions):,}, of which {endorsed:,} endorsed by a person's key"),
        ("Runbooks", "; ".join(_runbooks(facts)) or "none"),
        ("Withheld", f"{hidden(facts)}; see `privilege_log.csv`" if facts.hidden else "nothing"),
        ("Erased", f"entries {facts.of['erased']} destroyed values" if "erased" in facts.of else "nothing"),
        ("Exports before this one", ", ".join(earlier) or "none in this ledger"),
    ])


def hidden(facts: Facts) -> str:
    return f"{facts.withheld.count:,} whole entries and {facts.withheld_values:,} values"


def _runbooks(facts: Facts) -> Iterator[str]:
    for run in facts.runs:
        name, version, sha256 = (run.data.get(key, "") for key in ("runbook", "version", "runbook_sha256"))
        yield f"{md(name)} v{md(version)}, SHA-256 {tick(sha256)} (entry {run.seq})"


def _classes(facts: Facts) -> str:
    rows = [(f"**{name}**", f"{facts.by[name].count:,}", MEANING[name]) for name in CLASSES]
    if facts.withheld:
        rows.append(("withheld", f"{facts.withheld.count:,}", "The line is withheld; its class is not shown."))
    return table(("class", "entries", "meaning"), rows)


def _lists(facts: Facts) -> str:
    withheld = [f"- withheld: {facts.withheld}\n"] if facts.withheld else []
    return "".join([*(f"- {name}: {facts.by[name]}\n" for name in CLASSES), *withheld])


def _selftests(facts: Facts) -> str:
    if found := facts.of.get("selftest"):
        return f"Self-tests recorded: entries {found}."
    return ("**Gap:** no self-test entry stands in this ledger. [Counsel: rely on the tests of this version of irkit, or have\n"
            "them run on the machine that was used.]")


def _incidents(facts: Facts) -> str:
    return ", ".join(f"{count:,} {mode}" for mode, count in sorted(facts.incidents.items())) or "not counted"


def _lag(facts: Facts) -> str:
    if (lag := facts.lag) is None:
        return "No entry states when a thing was seen apart from when it was recorded."
    return (f"Entries that state when a thing was seen (`observed_at`): {lag.entries:,}. From then to the record: median\n"
            f"{_seconds(lag.p50)}, 95th percentile {_seconds(lag.p95)}, longest {_seconds(lag.most)}.")


def _seconds(seconds: float) -> str:
    sign, size = ("-" if seconds < 0 else ""), abs(seconds)
    if size < 120:
        return f"{sign}{size:.1f} s"
    return f"{sign}{size / 60:.1f} min" if size < 7200 else f"{sign}{size / 3600:.1f} h"


def _time(facts: Facts) -> str:
    if not facts.tokens:
        return "No time-stamp authority stamped this ledger. Its times are those of the machine's clock."
    authorities = len({token.authority for token in facts.tokens})
    return (f"{len(facts.tokens):,} time-stamps by {authorities:,} authorities bound when entries existed; between two of\n"
            "  them the times are those of the machine's clock. See VERIFY.md.")


# -- foundation --------------------------------------------------------------------------------------------------

class Step(NamedTuple):
    """What is to be shown; the kinds of entries that bear on it, a first word for all of its kinds; the tests; what remains."""

    title: str
    kinds: tuple[str, ...]
    tests: tuple[str, ...] = ()
    remains: str = ""


STEPS = (
    Step("The business uses a computer.", ("genesis", "session.start"),
         remains="[Who owns the machine, and what it is used for.]"),
    Step("The computer is reliable.", ("genesis", "selftest"),
         ("tests/ledger/test_concurrency.py", "tests/ledger/test_disk.py", "tests/live/test_killing.py"),
         "[The machine's own history: updates, faults, who administers it.]"),
    Step("There is a procedure for putting data into it.", ("genesis", "run.opened", "step.started"),
         ("tests/engine/test_flow.py", "tests/engine/test_walk.py"),
         "[That the responder followed it. The runbook, as it was, is in the bag.]"),
    Step("The procedure has safeguards that keep data accurate and show errors.",
         ("session.start", "request.sending", "request.answer", "step.asked", "approval", "checkpoint"),
         ("tests/ledger/test_damage.py", "tests/engine/test_perform.py", "tests/live/test_canary.py",
          "tests/live/test_bad_answers.py")),
    Step("The computer is kept in good repair.", ("session.start", "selftest", "clock"), ("tests/cli/test_doctor.py",),
         "[Maintenance of the machine. `irkit doctor` checks its clock, disk and connections before a run.]"),
    Step("The witness had the computer read out certain data.", ("exported",), remains="[Who asked for this export.]"),
    Step("The witness used proper procedures to obtain the readout.", ("exported",),
         ("tests/report/test_bag.py", "tests/cli/test_export.py")),
    Step("The computer was in working order when the readout was made.", ("selftest", "exported"),
         ("tests/report/test_bag.py",), "[Check this bag again with VERIFY.md, on another machine.]"),
    Step("The witness recognises the exhibit as that readout.", ("exported",),
         remains="[The witness compares the hash of the last entry, above, with the bag.]"),
    Step("The witness explains how it is recognised.", ("genesis", "exported"),
         remains="The origin in entry 0, the number of entries and the hash of the last one belong to this readout alone."),
    Step("Symbols and terms are explained.", ("genesis",), ("tests/report/test_documents.py",), "The glossary below."),
)


def foundation(facts: Facts, steps: tuple[Step, ...] = STEPS) -> str:
    """The steps of *In re Vinhnee*, each with its pointers. Raises IrkitError for a step that has none in this ledger."""
    kinds = [(tick(kind), f"{count:,}", KINDS.get(kind, "Not known to this version of irkit."))
             for kind, count in sorted(facts.kinds.items())]
    return page("foundation.md", facts, origin=facts.origin, last=facts.lines - 1, leaf=facts.leaf,
                steps="".join(_step(facts, number, step) for number, step in enumerate(steps, 1)),
                kinds=table(("kind", "entries", "meaning"), kinds),
                fields=table(("field", "meaning"), [(f"`{name}`", meaning) for name, meaning in FIELDS.items()]))


def _step(facts: Facts, number: int, step: Step) -> str:
    entries = list(facts.find(*step.kinds))
    if not entries:
        raise IrkitError(f"step {number} of the foundation sheet has no entry to point to in this ledger",
                         where="foundation.md", next="irkit ledger export INCIDENT --as jsonl")
    lines = [*(f"Entries {tick(kind)}: {found}" for kind, found in entries), *(f"Test `{name}`" for name in step.tests),
             *([step.remains] if step.remains else [])]
    return heading(facts, f"{number}. {step.title}") + "".join(f"- {line}\n" for line in lines)
