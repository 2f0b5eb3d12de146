"""irkit world."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from irkit import worlds
from tests.cli.rig import Capsys, irkit

SCENARIO = """\
schema: irkit/scenario-v1
scenario: night
title: Too many agents
runbook: mine
starts: "2026-03-07T23:40:00Z"
worlds:
  zendesk: {agents: 3, seed: 7}
faults:
  - {connector: zendesk, request: "GET /api/v2/users/me", answer: {status: 503}}
"""
ROOT = Path(__file__).resolve().parents[2]


def get(url: str, token: str) -> tuple[int, bytes]:
    """A GET as an outside program would send it."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """A shell starts what runs in its background with Ctrl-C ignored, and so would be what this process starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
def test_serve_prints_its_address_first_and_answers_until_interrupted(tmp_path: Path) -> None:
    """The first line is the address; what follows is TOML that connects to it; Ctrl-C ends it with exit 0."""
    (tmp_path / "night.yaml").write_text(SCENARIO)
    command = ["-m", "irkit", "world", "serve", "zendesk", "--port", "0", "--scenario", "night.yaml", "--tickets", "7"]
    with subprocess.Popen([sys.executable, *command], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stderr
        url = server.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        server.stderr.readline()                                    # it serves: everything else on stdout is written
        rest = [server.stdout.readline() for _ in range(10)]
        token = next(line for line in rest if line.startswith("export ")).partition("=")[2].strip()
        assert get(f"{url}/api/v2/users/me", token)[0] == 503       # the scenario's fault, once
        status, body = get(f"{url}/api/v2/users/me", token)
        assert (status, json.loads(body)["user"]["role"]) == (200, "admin")
        assert get(f"{url}/api/v2/users/me", "x")[0] == 401
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
    assert server.returncode == 0
    table = tomllib.loads("".join(rest[rest.index("# in irkit.toml:\n"):]))["connections"]["zendesk"]
    assert table["base_url"] == url
    assert table["credential"].startswith("env:")


def test_serve_on_a_taken_port_names_the_way_out(capsys: Capsys) -> None:
    """A port in use is an error that offers another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = irkit(capsys, "world", "serve", "zendesk", "--port", str(taken.getsockname()[1]))
    assert (ran.code, ran.out) == (1, "")
    assert "--port 0" in ran.err


@pytest.mark.parametrize("wrong", [["--attack", "no_such_attack"], ["--set", "no_such_option=1"], ["--set", "rows"]])
def test_serve_refuses_options_the_world_does_not_have(capsys: Capsys, wrong: list[str]) -> None:
    """An unknown option or value is a usage error before anything is served."""
    ran = irkit(capsys, "world", "serve", "zendesk", "--port", "0", *wrong)
    assert (ran.code, ran.out) == (2, "")


def test_serve_of_an_unknown_world_names_those_there_are(capsys: Capsys) -> None:
    """A wrong name is a usage error."""
    ran = irkit(capsys, "world", "serve", "zendsk", "--port", "0")
    assert ran.code == 2
    assert f"worlds: {', '.join(worlds.names())}" in ran.words


def test_list_names_the_worlds(capsys: Capsys) -> None:
    """One a line, the name first; the same as JSON."""
    shown = irkit(capsys, "world", "list").out.splitlines()
    assert [line.split()[0] for line in shown] == worlds.names()
    assert "zendesk" in worlds.names()
    assert [one["world"] for one in irkit(capsys, "world", "list", "--json").json] == worlds.names()
    assert {"world": "zendesk", "title": "Zendesk"} in irkit(capsys, "world", "list", "--json").json
