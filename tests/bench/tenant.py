"""A served tenant in a process of its own, and an engine that talks to it over real sockets."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irkit import connectors
from irkit.action import Connector
from irkit.cli.clock import RealClock
from irkit.config import Connection
from irkit.engine.context import Context
from irkit.engine.gate import Gate, Question, Said
from irkit.engine.modes import Mode
from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.wire.http import Wire

TOKEN = "IRKIT_BENCH_TOKEN"      # the environment variable that holds it
NAME = "zendesk"
SETTINGS: Mapping[str, Mapping[str, str]] = {NAME: {"subdomain": "bench"}, "splunk": {"host": "bench", "hec": "bench"}}


@dataclass(frozen=True)
class Tenant:
    """Where a tenant is served, the token of its administrator, and whose system it is."""

    url: str
    token: str
    name: str = NAME

    @property
    def headers(self) -> list[str]:
        return [f"Authorization: Bearer {self.token}", "Accept: application/json"]

    def get(self, path: str) -> Any:
        headers = dict(line.split(": ", 1) for line in self.headers)
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers)) as answer:
            return json.load(answer)


@contextlib.contextmanager
def served(*options: str, name: str = NAME) -> Iterator[Tenant]:
    """A tenant without rate limits, Zendesk's unless said, served by `irkit world serve` while the block runs."""
    free = ("--set", "limits=false") if name == NAME else ()
    command = [sys.executable, "-m", "irkit", "world", "serve", name, "--port", "0", *free, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            token = shlex.split(next(line for line in process.stdout if line.startswith("export ")).partition("=")[2])[0]
            yield Tenant(url, token, name)
        finally:
            process.terminate()


class Agreeing:
    """A gate that says yes to everything and shows nothing."""

    def say(self, said: Said) -> None:
        pass

    def ask(self, question: Question, poll: object) -> str:
        return "y"


def unpaced(name: str) -> Connector:
    """The connector without its own assumption of 200 requests a minute: a tenant without limits announces none."""
    found = copy.copy(connectors.find(name))
    found.per_minute = 10_000_000
    return found


@contextlib.contextmanager
def engine(tenant: Tenant, folder: Path, gate: Gate | None = None) -> Iterator[Context]:
    """A new incident in `folder` and a wire to the tenant, signed in."""
    os.environ[TOKEN] = tenant.token
    name = tenant.name
    connection = Connection(name, name, SETTINGS[name], "token", f"env:{TOKEN}", tenant.url)
    with Ledger.create(folder, mode="test", version="bench", code_hash="0" * 64) as ledger, \
            contextlib.closing(Wire({name: connection}, unpaced, loopback=True)) as wire:
        ledger.start_session("bench", signer=Throwaway())
        wire.turn(name)
        yield Context(ledger, wire, RealClock(), gate or Agreeing(), Mode.LIVE, "r1", "bench")


def users(tenant: Tenant, count: int) -> Sequence[dict[str, str]]:
    """The ids of so many agents, as the items of a fan-out."""
    found: list[dict[str, str]] = []
    path = "/api/v2/users?role%5B%5D=agent&page%5Bsize%5D=100"
    while len(found) < count:
        page = tenant.get(path)
        found += [{"id": str(user["id"])} for user in page["users"]]
        path = str(page["links"]["next"] or "").removeprefix(tenant.url)
    return found[:count]
