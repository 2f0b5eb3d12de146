"""`irkit run --probe` as a process, against served tenants: what arrives there, what is said and kept, and who may read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from irkit import connectors
from irkit.drill import scenario as scenarios
from irkit.runbook import load
from irkit.worlds import find
from irkit.worlds.serve import serve
from tests.cli.rig import Ran
from tests.connectors.test_probe import Heard
from tests.live.rig import CALL, FIND, HEAD, ROOT, SUSPEND, Rig, ended
from tests.live.test_approval import APPROVED, ROLES, second

SHIPPED = sorted(path.stem for path in (ROOT / "runbooks").glob("*.yaml"))


@contextmanager
def shipped(rig: Rig, name: str) -> Iterator[tuple[Mapping[str, Heard], Mapping[str, Any]]]:
    """Tenants as the runbook's first scenario has them, but small, each served on a port of its own.

    Yields what each hears, and how it was when it did; and the scenario's inputs.
    """
    book = load(ROOT / "runbooks" / f"{name}.yaml")
    paths = sorted((ROOT / "runbooks" / "scenarios").glob("*.yaml"))
    scenario = scenarios.load(next(path for path in paths if scenarios.played_by(path) == name))
    lines, heard = [], {}
    with ExitStack() as stack:
        for connector in sorted(set(book.used) & set(scenario.worlds)):
            kind = find(connector)
            small = {k: v for k, v in kind.small.items() if type(v) is int or k == "limits"}
            small |= {"limits": False} if connector == "zendesk" else {}       # waits cost no time here, and limits are real
            world = kind({**scenario.worlds[connector], **small}, people=scenario.people, now=lambda: datetime.now(UTC))
            server = stack.enter_context(serve(world))
            server.faults = heard[connector] = Heard(world)
            way, rig.env[f"{connector.upper()}_WORLD"] = world.signs_in()
            known = connectors.find(connector)
            signing = next(one for one in known.sign_in if one.name == way)
            wanted = {one.name for one in (*known.settings, *signing.settings)}
            for host, value in world.more_credentials().items():
                rig.env[f"{connector.upper()}_{host.upper()}"] = value
            more = ", ".join(f'{host} = "env:{connector.upper()}_{host.upper()}"' for host in world.more_credentials())
            given = ", ".join(f"{k} = {json.dumps(v)}" for k, v in world.settings.items() if k in wanted)
            lines += [f"[connections.{connector}]", f'sign_in = "{way}"', f'base_url = "{server.url}"',
                      f'credential = "env:{connector.upper()}_WORLD"',
                      f"credentials = {{ {more} }}",
                      f"settings = {{ {given} }}"]
        (rig.folder / "irkit.toml").write_text("\n".join(lines) + "\n")
        (rig.folder / "irkit.toml").chmod(0o600)
        yield heard, scenario.inputs


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_runbook_is_probed_with_reads_alone(rig: Rig, name: str) -> None:
    """To its end, asking nothing but its inputs; no tenant is another afterwards; every step stands in the report."""
    with shipped(rig, name) as (tenants, inputs):
        ran = rig("run", ROOT / "runbooks" / f"{name}.yaml", "--probe", "--incident", "P", "--answers",
                  rig.answers(inputs=dict(inputs)))
        ended(ran, 0, "Probe: shown, not sent", "BLAST RADIUS P", "Breaks", "irkit incident probe P")
        declared = {entry.disclosed["request.url"].partition("?")[0] for entry in rig.entries("P", "request.answer")}
        assert any(heard.requests for heard in tenants.values())
        for heard in tenants.values():
            after = [*heard.found, heard.world.digest()][1:]
            for (method, path), before, then in zip(heard.requests, heard.found, after, strict=True):
                token = method == "POST" and "/oauth" in path and path.endswith(("/token", "/tokens"))
                assert method == "GET" or token or any(url.endswith(path) for url in declared), (method, path)
                assert before == then or token, (method, path)
    assert rig.entries("P", "request.sending") == []
    report = rig("incident", "probe", "P", "--json").json["report"]
    book = load(ROOT / "runbooks" / f"{name}.yaml")
    assert [step["id"] for step in report["steps"]] == [step.id for step in book.steps]
    writes = [step for step in report["steps"] if step["finding"] == "would_write"]
    assert writes
    assert all(one["affects"] for step in writes for one in step["requests"])
    assert {step["finding"] for step in report["steps"]} <= {
        "would_write", "looked", "nothing_to_send", "not_reached", "by_hand", "decision", "not_needed", "unavailable",
        "not_seen"}
    if name == "zendesk_agent_compromise":              # tokens of clients that a sent write alone would tell of
        assert "not_reached" in {step["finding"] for step in report["steps"]}


# -- read, and brought elsewhere -----------------------------------------------------------------------------------

def probed(rig: Rig, incident: str = "P") -> Ran:
    """A probe of a runbook in which a second person agrees to the one write."""
    rig.tenant(attack="bulk_export")
    rig.runbook(FIND, APPROVED, CALL, head=ROLES)
    ran = rig("run", rig.folder / "mine.yaml", "--probe", "--incident", incident, "--answers", rig.answers())
    ended(ran, 0, "BLAST RADIUS", "Changes 1 person: this can be undone")
    return ran


def test_the_report_is_read_where_it_lies(rig: Rig) -> None:
    """The same text as the artefact, JSON on request; status names it; an incident without one says what makes one."""
    probed(rig)
    ran = rig("incident", "probe", "P")
    ended(ran, 0, "irkit run mine --incident P")
    closed, = rig.entries("P", "run.closed")
    text = (rig.evidence / "P" / "artifacts" / closed.disclosed["probe.text"]).read_text()
    assert [line.removeprefix("TEST").strip() for line in ran.out.splitlines()] == [line.strip() for line in text.splitlines()]
    found, named = rig("incident", "probe", "P", "--json").json, closed.disclosed
    assert (found["sha256"], found["report"]["headline"]) == (named["probe.report"], named["probe.headline"])
    ran = rig("status", "P")
    assert "Probe will change and can be undone: 1 person" in " ".join(ran.out.split())
    assert rig("status", "P", "--json").json["runs"][0]["probe"]["report"] == found["sha256"]
    assert rig("run", rig.folder / "mine.yaml", "--incident", "L", "--answers", rig.answers()).code == 3
    ended(rig("incident", "probe", "L"), 2, "L holds no report of a probe", "irkit run RUNBOOK --probe --incident L")


def test_a_report_is_attached_to_another_incident_and_read_by_its_approver(rig: Rig) -> None:
    """Byte for byte; the approver sees what it said, how old it is, and that it is not what they sign for."""
    probed(rig)
    maria = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", "agent_email=dana@example.org")
    maria.sees("Who does?")
    ended(rig("attach", "I", "--probe", "P"), 0, "Kept blast-radius.json")
    maria.sees("attached blast-radius.json")
    maria.sees("attached blast-radius.txt")
    maria.sees("Who does?")                                # what is typed before the question stands there again is no answer
    maria.types("sam\n")
    maria.sees("Probe the report of P, 0 min old, goes with the request; what would be sent now is what it showed")
    sam = second(rig)
    for words in ("Probe", "0 min before this request, in P", "you sign for the exact",
                  "what would be sent now is what it showed", "will change and can be undone: 1 person"):
        sam.sees(words)
    sam.sees("Sends PUT")
    sam.sees("? more:")
    sam.types("b\n")
    sam.sees("BLAST RADIUS P mine v1")
    sam.sees("Enter goes on")
    sam.types("\n")
    sam.sees("Left to people, by hand:")
    sam.sees("? more:")
    sam.types("APPROVE 1 PERSON\n")
    sam.sees("Approved, entry")
    maria.sees("Send it?")
    maria.types("\x03")
    assert maria.ends() == 3
    there, here = (next(e.disclosed["artefact.sha256"] for e in rig.entries(name, "artefact.added")
                        if e.disclosed["artefact.name"] == "blast-radius.json") for name in ("P", "I"))
    assert there == here == rig.entries("I", "approval.asked")[0].disclosed["approval.probe"]["report"]


def test_a_request_that_travels_carries_the_report(rig: Rig) -> None:
    """Its text in words and its digest; what was changed on the way is no request any more."""
    probed(rig, "I")
    maria = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", "agent_email=dana@example.org")
    maria.sees("Who does?")
    maria.types("sam\n")
    maria.sees("Waiting for lead until")
    ended(rig("approve", "I", "suspend", "--request", "request.json"), 0, "Wrote the request")
    carried = json.loads((rig.folder / "request.json").read_text())
    report = rig.entries("I", "run.closed")[0].disclosed["probe.report"]
    assert report in carried["line"] + " ".join(carried["about"]) + json.dumps(carried["disclosures"])
    assert any("BLAST RADIUS  I mine v1" in line for line in carried["about"])
    ran = rig("approve", "--request", "request.json")
    assert ran.code == 0
    assert "BLAST RADIUS I mine v1" in " ".join(ran.out.split())
    assert report in "".join(ran.out.split())
    maria.types("\x03")
    assert maria.ends() == 3


@pytest.mark.parametrize(("words", "said"), [
    ((), "attach a FILE, or with --probe INCIDENT the report of a probe"), (("mine.yaml", "--probe", "P"), "attach a FILE, or"),
    (("--probe", "P", "--name", "x"), "attach a FILE, or"), (("--probe", "L"), "L holds no report of a probe"),
    (("--probe", "nowhere"), "there is no incident 'nowhere'")])
def test_wrong_words_attach_nothing(rig: Rig, words: tuple[str, ...], said: str) -> None:
    """Told with the next command, and no artefact is kept."""
    probed(rig)
    assert rig("run", rig.folder / "mine.yaml", "--incident", "L", "--answers", rig.answers()).code == 3
    before = len(rig.entries("L", "artefact.added"))
    ended(rig("attach", "L", *words), 2, said)
    assert len(rig.entries("L", "artefact.added")) == before


def test_a_file_that_is_a_report_by_its_name_alone_is_passed_over(rig: Rig) -> None:
    """Somebody attaches one to the probe's incident: the report that irkit made is what is shown, and what goes along."""
    probed(rig)
    before = rig("incident", "probe", "P", "--json").json["sha256"]
    for text in ('{"irkit": "irkit/blast-radius-v1", "steps": 7}', "nothing will break"):
        (rig.folder / "blast-radius.json").write_text(text)
        assert rig("attach", "P", rig.folder / "blast-radius.json").code == 0
        assert rig("incident", "probe", "P", "--json").json["sha256"] == before


def test_an_open_probe_is_resumed_before_it_reports(rig: Rig) -> None:
    """Killed at its first entry of the write: status and resume say that the report is to come."""
    rig.tenant()
    rig.runbook(FIND, SUSPEND, CALL, head=HEAD)
    words = ("run", rig.folder / "mine.yaml", "--probe", "--incident", "P", "--answers", rig.answers())
    assert rig(*words, dies_at="request.not_sent").code == -9
    ended(rig("incident", "probe", "P"), 2, "has not walked to the end", "irkit resume P")
    assert "Probe reads only; its report" in " ".join(rig("status", "P").out.split())
    ended(rig("resume", "P", "--answers", rig.answers()), 0, "Probe reads only; its report", "BLAST RADIUS P")
