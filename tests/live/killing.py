"""kill -9 at every moment of a live run, then resume: over real sockets, with real processes.

    python -m tests.live.killing                 the shipped runbook
    python -m tests.live.killing --small         a runbook of a few steps; prints one JSON line (the suite reads it)

One process serves a fresh tenant for each round; another, single-threaded, forks a child for each `irkit run` and kills it
after its n-th entry, or when the answer to its n-th write has arrived and is not recorded yet. Then it forks `irkit resume`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from irkit.cli import main
from irkit.cli.clock import RealClock
from irkit.ledger import Entry, Ledger
from irkit.ledger.store import Ledger as Store
from irkit.ledger.verify import verify
from irkit.wire.http import Wire
from tests.live.ready import warm_up

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = """
schema: irkit/v1
runbook: small
title: A few steps to be killed in
version: 1
inputs: {agent_email: {type: email, ask: "Which account?"}}
steps:
  - {id: agent, phase: prepare, title: Find, why: Whom., action: zendesk.find_user, with: {email: "{{ inputs.agent_email }}"}}
  - {id: suspend, phase: contain, title: Suspend, why: It blocks., action: zendesk.suspend_user,
     with: {user_id: "{{ steps.agent.id }}"}}
  - {id: webhooks, phase: preserve, title: List, why: They forward., action: zendesk.collect_webhooks}
  - {id: off, phase: contain, title: Off, why: They forward., for_each: "{{ steps.webhooks.items }}",
     action: zendesk.disable_webhook, with: {webhook_id: "{{ item.id }}"}}
"""
SENDS = ["yes", {"send": "yes"}, "yes", {"look_again": "yes"}]


@dataclass(frozen=True)
class Case:
    """What is walked, with which answers, in which tenant."""

    runbook: Path
    answers: Mapping[str, Any]
    world: Mapping[str, object]
    people: tuple[tuple[str, str, str], ...]


def small(folder: Path) -> Case:
    path = folder / "small.yaml"
    path.write_text(SMALL)
    answers = {"inputs": {"agent_email": "dana@example.org"}, "suspend": SENDS, "off": SENDS}
    world: dict[str, object] = {"plan": "enterprise", "adpp": True, "seed": 7, "agents": 3, "tickets": 5,
                                "attack": "admin_takeover", "limits": False}
    return Case(path, answers, world, (("Dana Reyes", "dana@example.org", "agent"), ("Wei Chen", "wei@example.org", "admin")))


def shipped(folder: Path) -> Case:
    """The shipped runbook with the answers of its first scenario, phrases left to be read from the gate.

    Nobody has to agree in it: one process walks alone here. What a second person means is test_approval's.
    """
    from irkit.drill import scenario as scenarios
    path = scenarios.first([REPOSITORY / "runbooks"])
    found = scenarios.load(path)
    answers = {step: again(answer) for step, answer in found.answers.items()}
    answers |= {role: ["maria"] for role in ("lead", "legal", "zendesk_admin", "identity_admin")}      # who holds each role
    world = {**found.worlds["zendesk"], "limits": False, "agents": 5, "tickets": 20}
    alone = folder / f"{found.runbook}.yaml"
    text = (REPOSITORY / "runbooks" / alone.name).read_text()
    alone.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("    approve: ")))
    return Case(alone, {**answers, "inputs": dict(found.inputs)}, world,
                tuple((p.name, p.email, p.role) for p in found.people))


def again(answer: Any) -> list[Any]:
    """A scripted answer, and what else a resumed run may ask: to send again what is not visible."""
    acts = list(answer) if isinstance(answer, list) else [answer]
    return [*acts, *acts, {"send": "yes"}, {"look_again": "yes"}]


# -- processes -----------------------------------------------------------------------------------------------------

class Tenants:
    """A process that serves a fresh tenant on demand."""

    def __init__(self, case: Case) -> None:
        (self._asked, ask), (answer, self._answers) = os.pipe(), os.pipe()
        self._ask, self._answer = os.fdopen(ask, "w"), os.fdopen(answer)
        self.pid = os.fork()
        if self.pid == 0:
            self._serve(case)

    def fresh(self) -> tuple[str, str]:
        """The base URL of a tenant nobody has touched, and its token."""
        self._ask.write("\n")
        self._ask.flush()
        url, token = self._answer.readline().split()
        return url, token

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def _serve(self, case: Case) -> NoReturn:
        from irkit.worlds import Person, find
        from irkit.worlds.serve import serve
        answers = os.fdopen(self._answers, "w")
        for _ in os.fdopen(self._asked):
            world = find("zendesk")(case.world, people=[Person(*p) for p in case.people], now=lambda: datetime.now(UTC))
            server = serve(world).start()
            answers.write(f"{server.url} {world.ready_token}\n")
            answers.flush()
        os._exit(0)


def child(arguments: list[str], log: Path, before: Callable[[], None] = lambda: None) -> int:
    """Fork one `irkit`; returns its exit code, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        unattended()
        before()
        os._exit(main(arguments))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def unattended() -> None:
    """In a child: waits cost no time, and a script may say "the phrase" for a phrase, whose count depends on the tenant."""
    from irkit.cli import clock, walks
    clock.RealClock = JumpingClock  # type: ignore[misc]
    gate_for = walks.gate_for
    walks.gate_for = lambda *a, **k: gate_for(*a, **{**k, "scenario": True})


class JumpingClock(RealClock):
    """Real time, but for waits."""

    jumps = True

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def wait(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        self.ahead += timedelta(seconds=seconds)


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still here after SIGKILL")


def after_entry(n: int) -> Callable[[], None]:
    """Die once `n` entries of this process are durable, with whatever was committed together with the last."""
    def install() -> None:
        submit, first = Store._submit, list[int]()

        def counting(self: Store, drafts: Any) -> Any:
            placed = submit(self, drafts)
            first[:] = first or [placed[0].seq]
            if placed[-1].seq - first[0] + 1 >= n:
                die()
            return placed

        Store._submit = counting  # type: ignore[method-assign]
    return install


def at_answer(n: int) -> Callable[[], None]:
    """Die when the answer to the n-th write is there and not recorded."""
    def install() -> None:
        send, count = Wire.send, [0]

        def dying(self: Wire, outgoing: Any, *, answered: Any, sink: Any = None, meanwhile: Any = None,
                  source: Any = None) -> Any:
            def hear(status: int, headers: Mapping[str, str]) -> None:
                count[0] += outgoing.request.is_write
                if outgoing.request.is_write and count[0] == n:
                    die()
                answered(status, headers)
            return send(self, outgoing, answered=hear, sink=sink, meanwhile=meanwhile, source=source)

        Wire.send = dying  # type: ignore[method-assign]
    return install


# -- a round -------------------------------------------------------------------------------------------------------

class Rounds:
    """Kills and resumes, and says what is wrong with the ledger afterwards."""

    def __init__(self, case: Case, folder: Path) -> None:
        warm_up()
        self.case, self.folder = case, folder
        self.answers = folder / "answers.yaml"
        self.answers.write_text(json.dumps(case.answers))     # JSON is YAML
        self.tenants = Tenants(case)

    def whole(self) -> list[Entry]:
        """An undisturbed run."""
        incident = self._prepare("whole")
        code = child(self._run(incident), self.folder / "whole.log")
        if code != 0:
            raise SystemExit(f"the undisturbed run ended with {code}:\n{(self.folder / 'whole.log').read_text()[-3000:]}")
        return self._entries(incident)

    def kill(self, name: str, how: Callable[[], None]) -> list[str]:
        """One round. Returns what is wrong; nothing when all is well."""
        incident, log = self._prepare(name), self.folder / f"{name}.log"
        code = child(self._run(incident), log, how)
        if code != -signal.SIGKILL:
            return [f"{name}: it ended with {code} before it was killed"]
        before = self._entries(incident) if (self.folder / incident / "ledger.db").exists() else []
        opened = any(e.kind == "run.opened" for e in before)
        closed = any(e.kind == "run.closed" for e in before)
        code = 0 if closed else child(self._resume(incident) if opened else self._run(incident), log)
        if code != 0:
            return [f"{name}: going on ended with {code}:\n{log.read_text()[-3000:]}"]
        after = self._entries(incident)
        wrong = list(judge(before, after))
        if report := verify(self.folder / incident).findings:
            wrong.append(f"does not verify: {report}")
        return [f"{name}: {w}" for w in wrong]

    def _prepare(self, name: str) -> str:
        url, os.environ["KILLING_TOKEN"] = self.tenants.fresh()
        (self.folder / "irkit.toml").write_text(
            f'[connections.zendesk]\nconnector = "zendesk"\nbase_url = "{url}"\nsign_in = "token"\n'
            'credential = "env:KILLING_TOKEN"\n[connections.zendesk.settings]\nsubdomain = "acme"\n')
        return name

    def _run(self, incident: str) -> list[str]:
        return [*self._shared(), "run", str(self.case.runbook), "--incident", incident, "--answers", str(self.answers)]

    def _resume(self, incident: str) -> list[str]:
        return [*self._shared(), "resume", incident, "--answers", str(self.answers)]

    def _shared(self) -> list[str]:
        return ["--evidence", str(self.folder), "--config", str(self.folder / "irkit.toml"), "--plain"]

    def _entries(self, incident: str) -> list[Entry]:
        with Ledger.open(self.folder / incident, write=False) as ledger:
            return [e._replace(line=b"") for e in ledger.entries()]


def judge(before: list[Entry], after: list[Entry]) -> Iterator[str]:
    """What a kill must not do: lose an entry, repeat a write without a look, lose what undo restores, close nothing."""
    if [e.leaf for e in before] != [e.leaf for e in after[: len(before)]]:
        yield "an acknowledged entry was lost or changed"
    if after[-1].kind not in ("session.end", "selftest", "run.closed"):
        yield f"the run ends with {after[-1].kind}"
    last: dict[tuple[str | None, int | None], Entry] = {}
    for entry in after:
        if entry.kind != "request.sending":
            continue
        place = (entry.step, entry.item)
        if entry.disclosed.get("request.seen") is None:
            yield f"entry {entry.seq} holds nothing that undo could restore"
        if (earlier := last.get(place)) and not looked_between(after, earlier, entry):
            yield f"entry {entry.seq} repeats {earlier.seq} without a look"
        last[place] = entry


def looked_between(entries: list[Entry], one: Entry, other: Entry) -> bool:
    """Whether a read of the same step and item stands between two sendings, and a person agreed again."""
    between = entries[one.seq + 1: other.seq]
    looked = any(e.kind == "request.answer" and e.ref is None and (e.step, e.item) == (other.step, other.item) for e in between)
    return looked and any(e.kind == "step.asked" and e.step == other.step for e in between)


def loop(case: Case, folder: Path, tell: Callable[[str], None]) -> tuple[int, list[str]]:
    """All rounds of a case: after each entry, and at the answer to each write. Returns their number and what was wrong."""
    rounds = Rounds(case, folder)
    try:
        entries = rounds.whole()
        writes = sum(e.kind == "request.sending" for e in entries)
        plans = [(f"e{e.seq}", after_entry(e.seq + 1)) for e in entries if e.kind != "checkpoint"]    # which go with another
        plans += [(f"w{n}", at_answer(n)) for n in range(1, writes + 1)]
        wrong: list[str] = []
        for done, (name, how) in enumerate(plans, 1):
            found = rounds.kill(name, how)
            for line in found:
                tell(line)
            wrong += found
            if done % 25 == 0:
                tell(f"{done} of {len(plans)} kills")
        tell(f"{len(plans)} kills ({len(entries)} entries, {writes} writes), {len(wrong)} wrong")
        return len(plans), wrong
    finally:
        rounds.tenants.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if "--small" in sys.argv:
            number, problems = loop(small(place), place, lambda line: print(line, file=sys.stderr))
            print(json.dumps({"kills": number, "wrong": problems}))
        else:
            number, problems = loop(shipped(place), place, lambda line: print(line, flush=True))
        sys.exit(1 if problems or not number else 0)
