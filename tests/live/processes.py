"""The two helper processes of `rig.py`. Each answers one line of JSON on stdin with another on stdout.

`python -m tests.live.processes tenants` serves worlds on loopback, with faults, and remembers every request that arrived.
`python -m tests.live.processes irkit` has irkit loaded and forks itself for each command: a real process, with its own streams
and exit code, for the price of a fork. What a fork changes in irkit stands in `HOOKS`; waits cost no time in any of them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NoReturn

from tests.live.ready import warm_up
from tests.live.rig import NOT_ALLOWED

PEOPLE = (("Dana Reyes", "dana@example.org", "agent"), ("Wei Chen", "wei@example.org", "admin"))

# -- in the process that serves ------------------------------------------------------------------------------------

def _serve(requests: IO[str], answer: Callable[[object], None]) -> None:
    from irkit.worlds import Fault, Faults, Person, find
    from irkit.worlds.serve import Server, serve

    class Heard(Faults):
        """Faults that remember each request they were asked about: all that arrive are."""

        def __init__(self, faults: Sequence[Mapping[str, Any]], heard: list[str]) -> None:
            super().__init__([Fault(**fault) for fault in faults])
            self.heard = heard

        def judge(self, connector: str, method: str, path: str, *, answered: int | None = None) -> Fault | None:
            self.heard.append(f"{method} {path}")
            return super().judge(connector, method, path, answered=answered)

    servers: list[tuple[Server, list[str]]] = []
    for asked in map(json.loads, requests):
        match asked["what"]:
            case "serve":
                world = find("zendesk")(asked["options"], people=[Person(*p) for p in PEOPLE], now=lambda: datetime.now(UTC))
                server, heard = serve(world), list[str]()
                server.faults = Heard(asked["faults"], heard)
                servers.append((server.start(), heard))
                answer({"number": len(servers) - 1, "url": server.url, "token": world.ready_token,
                        "credentials": world.credentials()})
            case "heard":
                answer(servers[asked["number"]][1])
            case "faults":
                server, heard = servers[asked["number"]]
                server.faults = Heard([{"connector": "zendesk", **fault} for fault in asked["faults"]], heard)
                answer(None)
            case "secrets":
                world = servers[asked["number"]][0].world
                tokens = [token["_value"] for token in world.tenant.tokens.values()]
                answer([*world.secrets(), *tokens, *(v for k, v in world.credentials().items()
                                                     if k in ("token", "client_secret", "api_token"))])
            case "stop":
                servers[asked["number"]][0].stop()
                answer(None)


# -- in the process that forks, and in its forks ---------------------------------------------------------------------

def _fork_each(requests: IO[str], answer: Callable[[object], None]) -> None:
    warm_up()
    for asked in map(json.loads, requests):
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _become(asked)
        answer(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _become(asked: Mapping[str, Any]) -> NoReturn:
    """Become an `irkit` with these words, streams and hooks."""
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, path in ((1, asked["out"]), (2, asked["err"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
        os.environ.clear()
        os.environ.update(asked["env"])
        os.chdir(asked["cwd"])
        from irkit.cli import main
        _no_waiting()
        for name, value in asked["hooks"].items():
            HOOKS[name](value)
        code = main(asked["words"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _before_entry(act: Callable[[], None], kind: str) -> None:
    """Call `act` when an entry of that kind is about to be written: the first, or with "kind#2" the second."""
    from irkit.ledger.store import Ledger as Store
    submit, (wanted, _, number), met = Store._submit, kind.partition("#"), [0]

    def watching(self: Store, drafts: Any) -> Any:
        if any(draft.fields["kind"] == wanted for draft in drafts):
            met[0] += 1
            if met[0] == int(number or 1):
                act()
        return submit(self, drafts)

    Store._submit = watching  # type: ignore[method-assign]


def _full_disk(kind: str) -> None:
    """The disk is full from the moment an entry of that kind is to be written: no file grows any more."""
    def fill() -> None:
        size = max(path.stat().st_size for path in Path(os.environ["IRKIT_EVIDENCE_OF_TEST"]).rglob("ledger.db-wal"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    _before_entry(fill, kind)


def _dies_after(entries: object) -> None:
    from tests.live.killing import after_entry
    assert isinstance(entries, int)
    after_entry(entries)()


def _dies_at(kind: str) -> None:
    """SIGKILL when an entry of that kind is durable."""
    from irkit.ledger.store import Ledger as Store
    submit = Store._submit

    def dying(self: Store, drafts: Any) -> Any:
        placed = submit(self, drafts)
        if any(entry.kind == kind for entry in placed):
            os.kill(os.getpid(), signal.SIGKILL)
        return placed

    Store._submit = dying  # type: ignore[method-assign]


def _wire(**changed: Any) -> None:
    """Every wire of this process is made with these."""
    from irkit.wire.http import Wire
    init = Wire.__init__

    def made(self: Wire, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **{**kwargs, **changed})

    Wire.__init__ = made  # type: ignore[method-assign]


def _no_waiting() -> None:
    """Waits of the engine and of a rate limit cost no time."""
    from irkit.cli import clock
    from tests.live.killing import JumpingClock
    ahead = [0.0]

    def wait(seconds: float) -> bool:
        ahead[0] += seconds
        return False

    clock.RealClock = JumpingClock  # type: ignore[misc]
    _wire(wait=wait, monotonic=lambda: time.monotonic() + ahead[0])


def _timeouts(seconds: float) -> None:
    import httpx
    _wire(timeouts=httpx.Timeout(seconds))


def _phrases(_: object) -> None:
    """A script may say "the phrase" for a phrase, whose count depends on the tenant."""
    from tests.live.killing import unattended
    unattended()


def _offline(_: object) -> None:
    """An empty network namespace: no interface is up, not even loopback."""
    new_user, new_net = 0x10000000, 0x40000000
    inside = f"0 {os.getuid()} 1"
    try:
        if ctypes.CDLL(None).unshare(new_user | new_net) != 0:
            os._exit(NOT_ALLOWED)
        Path("/proc/self/uid_map").write_text(inside)
    except (OSError, AttributeError):                # no unshare(2) here, or not for us
        os._exit(NOT_ALLOWED)


def _unprivileged(_: object) -> None:
    """Root without its capabilities (capabilities(7)) is bound by permissions like anybody else."""
    if os.geteuid() == 0:
        version_3 = struct.pack("Ii", 0x20080522, 0)
        assert ctypes.CDLL(None).capset(version_3, bytes(24)) == 0


def _children(log: object) -> None:
    """Write down the words and the environment of every program that irkit starts."""
    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system"):
            with open(str(log), "a") as file:
                file.write(f"{event} {args!r}\n")
    sys.addaudithook(watch)


HOOKS: Mapping[str, Callable[[Any], None]] = {
    "full_disk": _full_disk, "dies_after": _dies_after, "dies_at": _dies_at, "timeouts": _timeouts, "phrases": _phrases,
    "offline": _offline, "unprivileged": _unprivileged, "children": _children,
}


def _lines(said: IO[str]) -> Callable[[object], None]:
    def answer(value: object) -> None:
        said.write(json.dumps(value) + "\n")
        said.flush()
    return answer


if __name__ == "__main__":
    {"tenants": _serve, "irkit": _fork_each}[sys.argv[1]](sys.stdin, _lines(os.fdopen(os.dup(1), "w")))
