"""The seal, tried out in child processes: it cannot be lifted again, so it must not be put on the process of the tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

SEALED = """
import _socket, asyncio, multiprocessing, os, socket, sqlite3, subprocess, sys, tempfile, threading
connect_before, make_before = socket.socket.connect, _socket.socket
local = socket.socketpair()[0]
from irkit.drill.seal import editor, seal
from irkit.errors import IrkitError
seal()
seal()
def refused(call):
    try:
        call()
    except IrkitError as error:
        print("refused", error.what)
    else:
        print("passed")
"""


def sealed(code: str) -> list[str]:
    """The lines that `code` prints in a process that was sealed first."""
    done = subprocess.run([sys.executable, "-c", SEALED + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


NETWORK = {
    "getaddrinfo": "socket.getaddrinfo('acme.zendesk.com', 443)",
    "gethostbyname": "socket.gethostbyname('acme.zendesk.com')",
    "gethostbyaddr": "socket.gethostbyaddr('192.0.2.1')",
    "a TCP socket": "socket.socket()",
    "a UDP socket": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "an IPv6 socket": "socket.socket(socket.AF_INET6)",
    "raw _socket": "_socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)",
    "_socket kept from before": "make_before()",
    "create_connection": "socket.create_connection(('127.0.0.1', 9))",
    "connect of a local socket": "socket.socket(socket.AF_UNIX).connect('/tmp/agent')",
    "connect kept from before": "connect_before(local, '/tmp/agent')",
    "connect_ex": "local.connect_ex('/tmp/agent')",
    "sendto": "local.sendto(b'x', '/tmp/agent')",
    "sendmsg": "local.sendmsg([b'x'])",
    "bind": "local.bind('/tmp/irkit-never')",
}
CHILDREN = {
    "subprocess": "subprocess.run(['true'])",
    "os.system": "os.system('true')",
    "os.popen": "os.popen('true')",
    "os.fork": "os.fork()",
    "os.forkpty": "os.forkpty()",
    "os.posix_spawn": "os.posix_spawn(sys.executable, [sys.executable, '-c', ''], {})",
    "os.spawn": "os.spawnv(os.P_WAIT, sys.executable, [sys.executable, '-c', ''])",
    "os.exec": "os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])",
    "pty.spawn": "__import__('pty').spawn(['true'])",
    "multiprocessing by fork": "multiprocessing.get_context('fork').Process(target=print).start()",
    "multiprocessing by spawn": "multiprocessing.get_context('spawn').Process(target=print).start()",
}


def all_refused(calls: dict[str, str], what: str) -> None:
    told = sealed("".join(f"refused(lambda: {call})\n" for call in calls.values()))
    assert [name for name, line in zip(calls, told, strict=True) if not line.startswith(f"refused a drill {what}")] == []


def test_no_connection_by_any_way() -> None:
    """Look-ups, sockets of every kind, raw ones, functions fetched before: each is refused in words."""
    all_refused(NETWORK, "opens no network connection")


def test_no_child_process_by_any_way() -> None:
    """Every way of the standard library to start a program is refused in words."""
    all_refused(CHILDREN, "starts no other program")


def test_the_editor_may_be_started() -> None:
    """Within `editor()` a program starts; sockets stay refused, and afterwards programs are again."""
    assert sealed("""
with editor():
    print(subprocess.run([sys.executable, "-c", ""]).returncode)
    refused(socket.socket)
refused(lambda: os.system("true"))
""") == ["0", "refused a drill opens no network connection; something tried to (socket.__new__)",
         "refused a drill starts no other program; something tried to (os.system)"]


def test_the_editor_is_exempt_in_its_own_thread_only() -> None:
    """A worker does not start programs because the main thread is in the editor."""
    assert sealed("""
with editor():
    worker = threading.Thread(target=lambda: refused(lambda: os.system("true")))
    worker.start()
    worker.join()
""") == ["refused a drill starts no other program; something tried to (os.system)"]


def test_the_work_of_a_drill_goes_on() -> None:
    """Files, SQLite, threads, the machine's name and an event loop (the prompts' library needs one) work sealed."""
    assert sealed("""
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "ledger.db")
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode=wal")
    db.execute("create table t (x)")
    thread = threading.Thread(target=lambda: print(os.path.exists(path)))
    thread.start()
    thread.join()
    db.close()
async def nothing():
    return "loop"
print(asyncio.run(nothing()), socket.gethostname() != "")
""") == ["True", "loop True"]


def test_a_refusal_names_the_next_command() -> None:
    """The error is one of irkit's: it says what was refused and what to do."""
    assert sealed("""
try:
    socket.getaddrinfo("acme.zendesk.com", 443)
except IrkitError as error:
    print(*error.diagnostics(), sep="\\n")
""") == ["a drill opens no network connection; something tried to (socket.getaddrinfo)",
         "  next  report this, with the step it happened in"]


@pytest.mark.parametrize("library", ["irkit.drill.clock", "irkit.drill.score", "irkit.drill.injects"])
def test_importing_does_not_seal(library: str) -> None:
    """Only the call seals: a live run imports the same package."""
    done = subprocess.run([sys.executable, "-c", f"import {library}, irkit.drill.seal, socket; socket.socket().close()"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
