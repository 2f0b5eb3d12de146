"""Where a credential comes from, and the wrapper it lives in.

A reference says where; the value itself stands in no file, flag or runbook:

    env:ZENDESK_TOKEN                   an environment variable
    command:op read op://IR/zendesk     what a command prints (split as a shell would, run without a shell)
    keyring:irkit/zendesk               service/user of the system keyring (the extra irkit[keyring])
    file:~/.config/irkit/google.json    a file that its owner alone can read: a private key, a service account's key file
    prompt                              typed into a hidden prompt, once a session

Rules: a resolved value is a `Secret`, whose text shows nothing; what a command writes on stderr is thrown away, and of its
words only the program's name is ever quoted; no error here holds a value. A drill resolves nothing.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable
from urllib.parse import quote

from irkit.errors import CredentialError

COMMAND_SECONDS = 60.0
HIDDEN = "[credential]"

Ask = Callable[[str], str]             # a hidden prompt: the question -> what was typed


class Secret:
    """A credential. `str`, `repr` and formatting show a placeholder; only `reveal()` gives the value."""

    __slots__ = ("_shapes", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        # How the value may stand in a text. A short one could be a common word, and is not looked for.
        self._shapes = () if len(value) < 8 else tuple({
            value, quote(value, safe=""), value.encode("unicode_escape").decode("ascii"), json.dumps(value)[1:-1]})

    def reveal(self) -> str:
        return self._value

    def hidden_in(self, text: str) -> str:
        """`text` without the value, as it is, percent-encoded or escaped."""
        for shape in self._shapes:
            text = text.replace(shape, HIDDEN)
        return text

    def is_in(self, raw: bytes) -> bool:
        """Whether the value stands in these bytes in one of those shapes."""
        return any(shape.encode("utf-8", "surrogateescape") in raw for shape in self._shapes)

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> str:
        raise TypeError("a credential is never written out")


def problem(reference: str) -> str:
    """What is wrong with a reference, as the end of a sentence that does not quote it; "" when it is well formed."""
    kind, _, rest = reference.partition(":")
    if reference == "prompt":
        return ""
    if kind == "env":
        return "" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", rest) else "must name a variable after env:"
    if kind == "command":
        try:
            return "" if shlex.split(rest) else "must name a command after command:"
        except ValueError:
            return "has quotes that do not match after command:"
    if kind == "keyring":
        return "" if all(rest.partition("/")) else "must name service/user after keyring:"
    if kind == "file":
        return "" if rest.startswith(("/", "~/")) else "must name an absolute path after file:"
    return 'must say where it is kept: "env:NAME", "command:…", "keyring:service/user", "file:/PATH" or "prompt"'


def resolve(reference: str, ask: Ask | None = None, *, connection: str = "", question: str = "Credential",
            lines: bool = False) -> Secret:
    """The credential that `reference` leads to. `connection` names the command to type when there is none. With `lines` it
    may have several, as a private key has.

    Raises CredentialError, without the value and without what a command wrote on stderr.
    """
    kind, _, rest = reference.partition(":")
    try:
        if wrong := problem(reference):
            raise CredentialError(f"the credential {wrong}")
        readers = {"env": _env, "command": _command, "keyring": _keyring, "file": _file}
        value = readers[kind](rest) if rest else _typed(question, ask)
        return Secret(_usable(value, lines))
    except CredentialError as error:
        error.where = error.where or (f"connection {connection}" if connection else "")
        error.next = error.next or f"irkit connect {connection}".rstrip()
        raise


def _usable(value: str, lines: bool = False) -> str:
    """Without the line end that commands print. A control character inside would end up in a header."""
    value = value.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise CredentialError("the credential is empty")
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]" if lines else r"[\x00-\x1f\x7f]", value):
        raise CredentialError("the credential holds a line break or another control character")
    return value


def _env(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise CredentialError(f"the environment variable {name} is not set")
    return value


def _command(line: str) -> str:
    import subprocess
    words = shlex.split(line)
    program = os.path.basename(words[0])
    outcome = ""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,  # noqa: S603
                              timeout=COMMAND_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        outcome = f"gave nothing in {COMMAND_SECONDS:.0f} s"
    except OSError as error:
        outcome = f"could not be run ({error.strerror})"
    else:
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace")
        outcome = f"ended with exit code {done.returncode}"
    # Raised here, outside the handlers: a TimeoutExpired carries the words and the output.
    raise CredentialError(f"the credential command {program} {outcome}")


def _keyring(place: str) -> str:
    service, _, user = place.partition("/")
    try:
        import keyring
    except ImportError:
        raise CredentialError("the keyring library is not installed", next="pip install 'irkit-runbooks[keyring]'") from None
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise CredentialError(f"the keyring could not be opened ({type(error).__name__})") from None
    if not value:
        raise CredentialError(f"the keyring holds nothing for {service}/{user}")
    return str(value)


def _file(place: str) -> str:
    path = os.path.expanduser(place)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise CredentialError("the credential's file can be read or written by others", where=path,
                                      next=f"chmod 600 {shlex.quote(path)}")
            return file.read(2**20).decode("utf-8", "replace")
    except OSError as error:
        raise CredentialError(f"the credential's file could not be read ({error.strerror})", where=path) from None


def _typed(question: str, ask: Ask | None) -> str:
    if ask is None:
        raise CredentialError("the credential is typed by hand, and there is no terminal to type it on",
                              next="use env: or command: in irkit.toml")
    return ask(question)


def scrub_bytes(raw: bytes, secrets: Iterable[Secret]) -> bytes:
    """`raw` without any of the secrets; untouched where none is in it."""
    if any(secret.is_in(raw) for secret in secrets):
        return scrub(raw.decode("utf-8", "surrogateescape"), secrets).encode("utf-8", "surrogateescape")
    return raw


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    """`text` without any of the secrets."""
    for secret in secrets:
        text = secret.hidden_in(text)
    return text
