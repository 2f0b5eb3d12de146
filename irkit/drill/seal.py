"""The seal: once `seal()` was called, this process opens no connection and starts no other program.

A drill plays with the names of real people and real connections, so "nothing leaves" is enforced below the libraries.
Replacing `socket.socket.connect` would not do: `connect_ex`, `sendto`, `getaddrinfo` (a look-up already tells the resolver
which incident this is), `_socket.socket` itself and a child process that runs curl all go round it, and so does every
module that fetched the function before it was replaced. An audit hook (PEP 578) is asked by the interpreter on each of
these calls, wherever the caller got the function from, and nothing in the process can remove it.

What it does not see is C code that calls the kernel itself, which no library of irkit does.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

from irkit.errors import IrkitError

# The audit events of the standard library that start a program: docs.python.org/3/library/audit_events.html
CHILD_EVENTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
                          "os.startfile", "os.startfile/2", "pty.spawn", "webbrowser.open"})
# These start a program through `_posixsubprocess.fork_exec`, which raises no event of its own.
CHILD_MODULES = frozenset({"multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver"})
LOCAL_FAMILY = getattr(socket, "AF_UNIX", None)

_state = threading.local()             # `.editor`: how many `editor()` contexts this thread is in
_sealing = threading.Lock()
_sealed = False


def seal() -> None:
    """Refuse sockets and child processes from now on, for the life of this process. A second call changes nothing."""
    global _sealed  # noqa: PLW0603  (a hook is of the process, so is the knowledge of it)
    with _sealing:
        if not _sealed:
            sys.addaudithook(_judge)
            _sealed = True


@contextlib.contextmanager
def editor() -> Iterator[None]:
    """Within, this thread may start a program: the responder's editor. Sockets stay refused."""
    _state.editor = getattr(_state, "editor", 0) + 1
    try:
        yield
    finally:
        _state.editor -= 1


def _judge(event: str, args: tuple[Any, ...]) -> None:
    """The hook. It runs on every audit event of the process, so what it lets pass it lets pass quickly."""
    if event.startswith("socket."):
        if not _harmless(event, args):
            raise _refusal("opens no network connection", event)
    elif (event in CHILD_EVENTS or (event == "import" and args[0] in CHILD_MODULES)) and not getattr(_state, "editor", 0):
        raise _refusal("starts no other program", event if event != "import" else args[0])


def _harmless(event: str, args: tuple[Any, ...]) -> bool:
    """Reading this machine's own name; and making a local socket, which reaches nobody until it connects, binds or sends.

    An asyncio event loop, and so every questionary prompt, makes a pair of local sockets to wake itself up.
    """
    return event == "socket.gethostname" or (event == "socket.__new__" and args[1] == LOCAL_FAMILY)


def _refusal(what: str, event: str) -> IrkitError:
    return IrkitError(f"a drill {what}; something tried to ({event})", next="report this, with the step it happened in")
