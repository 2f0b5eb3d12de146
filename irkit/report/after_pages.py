"""The report after a drill as a page: HTML that stands alone and prints, or Markdown. What others wrote is escaped in both.

jinja2 renders the HTML with autoescape on, and what could reorder or hide text becomes a space; only the plots are put in as
they are, and `irkit.report.plot` escapes their words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib import resources
from typing import Any

from msgspec import Struct

from irkit.engine.values import numbered
from irkit.report.after import After, Card, Held
from irkit.report.findings import span
from irkit.report.page import table
from irkit.report.plot import Point, plot
from irkit.report.words import md, one_line, tick

COUNTED = {"preserve": "preserve", "contain": "contain", "notify": "tell or notify somebody"}

CAME = {True: "yes", False: "no, or not so often", None: "not known"}      # of a fault


class _Row(Struct, frozen=True):
    """A drill in the table of history, in words."""

    held: str
    incident: str
    scenario: str
    version: str
    who: str
    score: str
    times: Sequence[str]
    ledger: str
    head: str


def html(after: After) -> str:
    """One file, without a script and without anything to load."""
    import jinja2
    from markupsafe import Markup
    text = resources.files("irkit.report").joinpath("templates", "after_action.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     finalize=lambda value: value if isinstance(value, Markup) else one_line(value))
    score, times = (Markup(one) for one in plots(after.history))              # noqa: S704 (made by plot, which escapes)
    return environment.from_string(text).render(_parts(after), score_plot=score, time_plot=times) + "\n"


def _parts(after: After) -> dict[str, Any]:
    return {"a": after, "facts": facts(after), "times": _times(after),
            "cards": [_card(card) for card in sorted(after.cards, key=_came)],
            "practice": practice(after), "phases": list(COUNTED), "beside": beside(after), "came": CAME,
            "history": [row(one) for one in after.history]}


def facts(after: After) -> list[tuple[str, str]]:
    """Who, what, when, and what the record rests on."""
    drill, ended = after.drill, "" if after.drill.closed else " (it was not ended)"
    return [(label, one_line(text)) for label, text in (
        ("Exercise", f"{after.title} ({drill.scenario}), a drill in simulated tenants"),
        ("Runbook", f"{after.runbook.title} ({drill.runbook} version {drill.version}, SHA-256 {drill.sha256})"),
        ("Held on", f"{drill.held.isoformat()}; in real time {span(after.real)}{ended}"),
        ("Drill's clock", f"from {after.began:%Y-%m-%d %H:%M}Z, for {span(after.took)}{_stood(after)}"),
        ("Who", str(drill.people) + ("; the scenario gave its own answers" if drill.scripted else "")),
        ("Record", f"{drill.incident}: {drill.entries:,} entries, {'verifies' if drill.verifies else 'DOES NOT VERIFY'}; "
                   f"the last one's hash is {drill.head}"))]


def _stood(after: After) -> str:
    """That the clock stood still, and of which steps the time therefore says nothing."""
    stood, number = after.stood, {step.id: n for n, step in enumerate(after.runbook.steps, 1)}
    if not stood.times:
        return ""
    steps = ", ".join(str(one) for one in sorted(number[name] for name in stood.steps if name in number))
    meanwhile = f"; these steps were done meanwhile, and their times are no measure: {steps}" if steps else ""
    return f". It stood still {numbered(stood.times, 'time')}, for {span(stood.real)} of real time{meanwhile}"


def beside(after: After) -> str:
    """What stands above the list of what was missed; the whole of it where nothing was."""
    what = "order, haste, evidence" + (", what is left of the attack" if after.drill.closed else "")
    unasked = "" if after.drill.closed else " What is left of the attack was not asked: the drill was not ended."
    return f"Every drill is judged by {what}: {after.drill.missed or 'nothing'} missed.{unasked}"


def practice(after: After) -> str:
    """How often this very file was drilled, and by how many teams."""
    same = [one for one in after.history if one.sha256 == after.drill.sha256]
    every = " Each of their ledgers verifies." if all(one.verifies for one in same) else ""
    return f"Version {after.drill.version}, by its hash the very same file, has on record: {counted(same)}.{every}"


def counted(drills: Sequence[Held]) -> str:
    """Drills that people walked to the end; those that prove no practice count apart, each for the first reason it has."""
    whole = [one for one in drills if one.practice]
    why = [("scripted" if one.scripted else "not ended" if not one.closed else "whose ledger DOES NOT VERIFY")
           for one in drills if not one.practice]
    more = [f"{why.count(one)} {one}" for one in ("not ended", "scripted", "whose ledger DOES NOT VERIFY") if one in why]
    return ", ".join([f"{numbered(len(whole), 'drill')} by {numbered(len({one.people.team for one in whole}), 'team')}", *more])


def plots(history: Sequence[Held]) -> tuple[str, str]:
    """The score, and the minutes until it was contained, of each drill that was ended; the earliest stands left."""
    def points(values: Sequence[tuple[float | None, str]]) -> list[Point]:
        return [Point((one.held.isoformat(), f"v{one.version}"), value, f"{one.incident}: {words}", one.practice)
                for one, (value, words) in zip(ended, values, strict=True)]
    ended = [one for one in history if one.closed]
    scores = points([(one.percent, one.score) for one in ended])
    times = points([(pair[1] / 60 if (pair := one.times.get("contain")) else None, _time(pair)) for one in ended])
    reached = plot("Objectives reached in each drill, in percent", scores, top=100, unit="%")
    contained = plot("Minutes to the last step that contains, in each drill", times, unit=" min")
    hollow = "" if all(one.practice for one in ended) else "; hollow: scripted, or its ledger does not verify"
    never = "" if all(one.times.get("contain") for one in ended) else "; a cross: not at all"
    return _figure(f"Objectives reached{hollow}", reached), _figure(f"Time to contain{hollow}{never}", contained)


def _figure(caption: str, svg: str) -> str:
    return f"<figure><figcaption>{caption}</figcaption>{svg}</figure>"


def row(one: Held) -> _Row:
    return _Row(one.held.isoformat(), one_line(one.incident), one_line(one.scenario), str(one.version),
                str(one.people) + (" (scripted)" if one.scripted else ""),
                one.score + ("" if one.closed else ", not ended"), [_time(one.times.get(phase)) for phase in COUNTED],
                f"{one.entries:,} entries, {'verifies' if one.verifies else 'DOES NOT VERIFY'}", one.head)


def _time(pair: tuple[int, int] | None) -> str:
    return " to ".join(span(timedelta(seconds=end)) for end in dict.fromkeys(pair)) if pair else "not reached"


def _times(after: After) -> list[tuple[str, str]]:
    return [(words, after.times.get(phase, "the runbook has none")) for phase, words in COUNTED.items()]


def _came(card: Card) -> timedelta:
    return timedelta.max if card.came is None else card.came


def _card(card: Card) -> dict[str, str]:
    """In words; an answer with how long it took."""
    took = span(card.answered - card.came) if card.answered is not None and card.came is not None else ""
    never = "never: held" if card.held else "never"
    return {"by": f"added by {card.by}" if card.by else "", "to": card.to, "say": card.say, "ask": card.ask,
            "expect": card.expect, "came": never if card.came is None else span(card.came),
            "answer": card.answer or ("not answered" if card.ask else ""), "answered": f"after {took}" if took else ""}


# -- Markdown ----------------------------------------------------------------------------------------------------

def markdown(after: After) -> str:
    """The same, for a wiki or a merge request; the plots are left out."""
    parts = _parts(after)
    out = ["**DRILL. Nothing in this report happened: simulated systems answered, on a simulated clock.**\n",
           f"# DRILL After-action report and improvement plan: {md(after.title)}\n"]
    if after.trouble:
        out.append(f"**The ledger of this drill does not verify:** {md(after.trouble)}\n")
    out += [table(("", ""), [(md(label), md(text)) for label, text in parts["facts"]]),
            *_section(f"1. Objectives: {after.drill.met} of {after.drill.objectives} reached",
                      ("objective", "reached", "result", "evaluator's rating"),
                      [(md(o.text), "yes" if o.met else f"**{md(o.verdict)}**", md(o.result), "") for o in after.objectives]),
            *_missed(after, parts["beside"]),
            table(("first and last of the steps that", "from the start"), parts["times"]),
            *_section("2. Injects and answers", ("came", "inject", "what the team answered", "what a good answer holds"),
                      [(c["came"], md(" ".join(filter(None, (f"For {c['to']}:" if c["to"] else "", c["say"], c["ask"],
                                                             f"({c['by']})" if c["by"] else "")))),
                        md(f"{c['answer']} {c['answered']}"), md(c["expect"])) for c in parts["cards"]]),
            *([table(("was to go wrong", "how", "how often", "did it", "wanted by", "entry"),
                     [(md(f"{f.connector} {f.request}"), md(f.how), f.times or "always", CAME[f.came], md(f.by), f.entry or "")
                      for f in after.faults])]
              if after.faults else []),
            *_section("3. Observations", ("what", "observation", "who", "entry"),
                      [(md(f.kind), md(f.text), md(f.who), f.entry) for f in after.observations]),
            *_section("4. Improvement plan", ("", "what", "owner", "due", "entry"),
                      [("agreed" if p.agreed else "proposed", md(p.what), md(p.owner), p.due, p.entry or "")
                       for p in after.plan]),
            f"## DRILL 5. Drills of this runbook\n\n{parts['practice']}\n",
            table(("date", "drill", "scenario", "version", "who", "score", *parts["phases"], "ledger", "last hash"),
                  [(r.held, md(r.incident), md(r.scenario), r.version, md(r.who), r.score, *r.times, r.ledger, tick(r.head))
                   for r in parts["history"]]),
            *_section("6. Timeline", ("from start", "what", "step", "", "who", "entry"),
                      [(m.clock, md(m.kind), md(m.title), md(m.text), md(m.who), m.entry) for m in after.timeline])]
    return "\n".join(out).rstrip() + "\n"


def _missed(after: After, said: str) -> list[str]:
    rows = [(md(one.text), f"**{md(one.verdict)}**", md(one.result), "") for one in after.beside]
    return [f"{said}\n", *([table(("asked of every drill", "", "result", "evaluator's rating"), rows)] if rows else [])]


def _section(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    return [f"## DRILL {title}\n", table(head, rows) if rows else "None.\n"]
