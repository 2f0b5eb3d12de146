"""Real runs for tests: served tenants, `irkit` in processes of its own, `irkit` on a pseudo-terminal.

Tenants and processes come from two helper processes (`processes.py`), so that the process of the tests has no other thread.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import pyte

from irkit.ledger import Entry, Ledger
from irkit.ledger.verify import verify
from tests.cli.rig import Ran
from tests.ledger.ssh import made

ROOT = Path(__file__).resolve().parents[2]
NOT_ALLOWED = 77         # exit code of a process that could not be cut off from the network
SMALL: Mapping[str, object] = {"plan": "enterprise", "adpp": True, "seed": 7, "agents": 3, "tickets": 5, "rows": 20,
                               "audit_rows": 20, "limits": False, "attack": "admin_takeover"}

HEAD = """\
schema: irkit/v1
runbook: mine
title: A runbook of a test
version: 1
inputs: {agent_email: {type: email, ask: "Which account?", default: dana@example.org}}
steps:
"""
FIND = """\
  - {id: agent, phase: prepare, title: Find the account, why: Whom., action: zendesk.find_user,
     with: {email: "{{ inputs.agent_email }}"}}
"""
SUSPEND = """\
  - {id: suspend, phase: contain, title: Suspend the account, why: It blocks., action: zendesk.suspend_user,
     with: {user_id: "{{ steps.agent.id }}"}}
"""
CALL = """\
  - {id: call, phase: contain, title: Call the agent, why: They know., do: "Call them."}
"""
CALLED = {"by_hand": "Called", "who": "maria", "when": "now"}


# -- helper processes ----------------------------------------------------------------------------------------------

class Helper:
    """A process of this module that answers one line of JSON with another."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "tests.live.processes", kind], cwd=ROOT, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, what: str, **more: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"what": what, **more}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@dataclass(frozen=True)
class Tenant:
    """A served world."""

    helper: Helper
    number: int
    url: str
    token: str
    credentials: Mapping[str, str]

    @property
    def heard(self) -> list[str]:
        """Every request that arrived, as "METHOD /path", in order; token calls too."""
        return list(self.helper("heard", number=self.number))

    @property
    def writes(self) -> list[str]:
        return [one for one in self.heard if not one.startswith("GET ") and "/oauth/tokens" not in one]

    @property
    def secrets(self) -> list[str]:
        """Every secret the tenant holds now: its credentials, those it minted, and those that stand in its answers."""
        return list(self.helper("secrets", number=self.number))

    def now_meets(self, *faults: Mapping[str, object]) -> None:
        """From now on these faults, and no others."""
        self.helper("faults", number=self.number, faults=faults)

    def stop(self) -> None:
        self.helper("stop", number=self.number)


@dataclass
class Rig:
    """A folder with an irkit.toml, an evidence root and a runbook; and the processes that play with it."""

    folder: Path
    irkits: Helper
    tenants: Helper
    env: dict[str, str] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    served: list[Tenant] = field(default_factory=list)
    looked: dict[str, tuple[tuple[object, ...], list[Entry]]] = field(default_factory=dict)    # what `entries` found last

    @property
    def evidence(self) -> Path:
        return self.folder / "ev"

    def close(self) -> None:
        for person in self.people:
            person.child.close(force=True)
        for tenant in self.served:
            tenant.stop()

    # -- preparing -------------------------------------------------------------------------------------------------

    def tenant(self, *faults: Mapping[str, object], **options: object) -> Tenant:
        """A fresh tenant, and an irkit.toml that leads to it with a ready token."""
        made = self.tenants("serve", options={**SMALL, **options}, faults=[{"connector": "zendesk", **f} for f in faults])
        tenant = Tenant(self.tenants, **made)
        self.served.append(tenant)
        self.env["RIG_TOKEN"] = tenant.token
        self.connect(base_url=tenant.url)
        return tenant

    def connect(self, *, sign_in: str = "token", credential: str = "env:RIG_TOKEN", base_url: str = "",
                **settings: str) -> None:
        """Write irkit.toml with one connection, to zendesk."""
        lines = ["[connections.zendesk]", 'connector = "zendesk"', f'sign_in = "{sign_in}"', f"credential = '{credential}'"]
        lines += [f'base_url = "{base_url}"'] if base_url else []
        lines += ["[connections.zendesk.settings]", *(f'{name} = "{value}"' for name, value in settings.items())]
        (self.folder / "irkit.toml").write_text("\n".join(lines) + "\n")
        (self.folder / "irkit.toml").chmod(0o600)

    def key(self) -> None:
        """Make an SSH key, and name it in irkit.toml."""
        path = made(self.folder)
        with (self.folder / "irkit.toml").open("a") as file:
            file.write(f'[key]\nuse = "{path}"\n')

    def runbook(self, *steps: str, head: str = HEAD) -> Path:
        path = self.folder / "mine.yaml"
        path.write_text(head + "".join(steps))
        return path

    def answers(self, **answers: object) -> Path:
        """An answers file; JSON is YAML."""
        path = self.folder / "answers.yaml"
        path.write_text(json.dumps({"inputs": {"agent_email": "dana@example.org"}, **answers}))
        return path

    # -- running ---------------------------------------------------------------------------------------------------

    def __call__(self, *words: str | Path, **hooks: object) -> Ran:
        """One `irkit`, with stdin from /dev/null and its streams in files."""
        out, err = self.folder / "stdout", self.folder / "stderr"
        code = self.irkits("run", words=["--evidence", str(self.evidence), *map(str, words)], env=self.environment(),
                           hooks=hooks, cwd=str(self.folder), out=str(out), err=str(err))
        return Ran(code, out.read_text(), err.read_text())

    def run(self, incident: str = "I", **hooks: object) -> Ran:
        """`irkit run` of the runbook, with the answers."""
        return self("run", self.folder / "mine.yaml", "--incident", incident, "--answers", self.folder / "answers.yaml",
                    **hooks)

    def resume(self, incident: str = "I", **hooks: object) -> Ran:
        return self("resume", incident, "--answers", self.folder / "answers.yaml", **hooks)

    def person(self, *words: str | Path, columns: int = 80, env: Mapping[str, str] | None = None) -> Person:
        """Somebody at a terminal that runs `irkit`: a real process, nothing of it replaced."""
        return self.shell(sys.executable, "-m", "irkit", "--evidence", str(self.evidence), *map(str, words), columns=columns,
                          env=env)

    def shell(self, *command: str, columns: int = 80, env: Mapping[str, str] | None = None) -> Person:
        """Somebody at a terminal that runs this command."""
        child = pexpect.spawn(command[0], list(command[1:]), cwd=str(self.folder), timeout=60, dimensions=(24, columns),
                              encoding="utf-8", codec_errors="replace",
                              env={**self.environment(), "TERM": "xterm", **(env or {})})
        child.delaybeforesend = None
        child.ptyproc.delayafterclose = child.ptyproc.delayafterterminate = 0.01
        self.people.append(Person(child))
        return self.people[-1]

    def environment(self) -> dict[str, str]:
        home = {"HOME": str(self.folder / "home"), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TZ": "UTC",
                "LANG": "C.UTF-8", "IRKIT_WHO": "maria", "PROMPT_TOOLKIT_NO_CPR": "1", "TMPDIR": tempfile.gettempdir()}
        return {**home, **self.env}

    # -- looking at what is left -----------------------------------------------------------------------------------

    def entries(self, incident: str = "I", kind: str = "") -> list[Entry]:
        """The entries of a ledger that verifies, of one kind or of all; looked at again where its store has changed."""
        folder = self.evidence / incident
        stands = tuple((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(folder.glob("ledger.db*")))
        if self.looked.get(incident, ((), []))[0] != stands:
            assert verify(folder).findings == []
            with Ledger.open(folder, write=False) as ledger:
                self.looked[incident] = stands, list(ledger.entries())
        return [entry for entry in self.looked[incident][1] if kind in ("", entry.kind)]

    def kinds(self, incident: str = "I") -> list[str]:
        """Those of all entries but what irkit says about the record itself: checkpoints and self-tests."""
        return [entry.kind for entry in self.entries(incident) if entry.kind not in ("checkpoint", "selftest")]



@dataclass
class Person:
    """Somebody at a terminal."""

    child: Any
    seen: str = ""

    def sees(self, text: str) -> str:
        """Wait for `text`, whatever the lines it is broken into; returns what was printed up to it."""
        self.child.expect(r"\s+(?:DRILL +)?".join(re.escape(word) for word in text.split()))
        new = str(self.child.before + self.child.after)
        self.seen += new
        return new

    def types(self, text: str) -> None:
        self.child.send(text)

    def ends(self) -> int:
        """Wait for the end; returns the exit code."""
        self.child.expect(pexpect.EOF)
        self.seen += str(self.child.before)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -self.child.signalstatus)

    @property
    def words(self) -> str:
        return " ".join(self.seen.split())

    @property
    def lines(self) -> list[str]:
        """Every line that was printed, without its colours; what is typed ends a line, too."""
        return re.sub(r"\x1b\[[0-9;]*[mK]", "", self.seen).replace("\r", "").splitlines()

    def screen(self, columns: int = 80, lines: int = 2000) -> list[str]:
        """What a terminal of so many lines shows of everything that was printed."""
        screen = pyte.Screen(columns, lines)
        pyte.Stream(screen).feed(self.seen)
        shown = [line.rstrip() for line in screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown


# -- what several tests ask ----------------------------------------------------------------------------------------

def says(status: int, **more: object) -> dict[str, object]:
    """A fault: this status, with words of the vendor."""
    return {"answer": {"status": status, "body": {"error": "Nope", "description": "Zendesk says no"}, **more}}


def prepared(rig: Rig, *faults: Mapping[str, object], **options: object) -> Tenant:
    """A tenant with these faults, and a runbook of two steps for it: a read, and a write whose gate is answered yes."""
    tenant = rig.tenant(*faults, **options)
    rig.runbook(FIND, SUSPEND)
    rig.answers(suspend="yes")
    return tenant


def ended(ran: Ran, code: int, *words: str) -> None:
    """With that exit code and these words; never with a traceback."""
    assert ran.code == code, ran.err[-2000:]
    for text in words:
        assert " ".join(text.split()) in ran.words, ran.err[-2000:]
    assert "Traceback" not in ran.err


def strings(value: object) -> Iterator[str]:
    """Every text in a JSON value, keys too, with what is marked as base64 decoded."""
    if isinstance(value, Mapping):
        if set(value) == {"base64"}:
            yield base64.b64decode(value["base64"]).decode("latin-1")
        for key, inner in value.items():
            yield str(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
