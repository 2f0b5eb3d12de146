"""`irkit key`: the responder's own SSH key, which endorses what they do: show it, choose it, make one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from irkit.cli.complete import completing
from irkit.cli.options import Settings, as_json, print_json, shared
from irkit.cli.output import put, tell
from irkit.errors import CredentialError, NeedsTerminal, Paused

if TYPE_CHECKING:
    from irkit.config import Config
    from irkit.ledger.keys import HeldKey

TRIAL = "irkit-test-session@v1"        # what is signed to try a key out endorses nothing: it is a test's, and names no ledger


def _references(_: Settings) -> list[str]:
    from irkit.ledger import keys
    return [one.reference for one in keys.choices()]


@click.group()
@shared
def key() -> None:
    """Show, choose or make the SSH key that you sign with."""


@key.command()
@as_json
@shared
@click.pass_obj
def show(settings: Settings, as_json: bool) -> None:
    """Show the key that is used, where its private half is, and its line for an allowed signers file.

    Whoever verifies the ledger needs that line from you, by another way than the ledger: a key in a bag vouches for nothing.

    \b
    Examples:
      irkit key show
      irkit key show --json
    """
    from irkit.ledger import keys
    reference = settings.config.key
    if not reference:
        raise CredentialError("no key is configured", where="[key] in irkit.toml", next="irkit key use, or irkit key new")
    held = keys.signer(reference)
    line = _allowed(_principal(settings.config, held), held)
    if as_json:
        print_json({"reference": held.reference, "fingerprint": held.fingerprint, "type": held.type, "held": held.where,
                    "public": held.public, "allowed_signers": line})
        return
    put(settings, [f"Key      {held.fingerprint}", f"Type     {held.type}", f"Held     {held.where}", "",
                   "For an allowed signers file, in one line:", line])


def _principal(config: Config, held: HeldKey) -> str:
    """Who the key stands for: the person of irkit.toml with this key, else whoever is at the keyboard."""
    from irkit.cli.incidents import who_am_i
    theirs = (held.fingerprint, held.public)
    named = (name for name, one in config.people.items() if " ".join(one.key.split()[:2]) in theirs)
    return re.sub(r"[^\w.@+-]+", "-", next(named, who_am_i()[0]))     # a blank, a comma or a star would mean something


def _allowed(principal: str, held: HeldKey) -> str:
    """The line of an allowed signers file (ssh-keygen(1)): every purpose, live and in a test."""
    from irkit.ledger.texts import PURPOSES, namespace
    purposes = dict.fromkeys(["session", *PURPOSES.values(), "export"])
    names = ",".join(namespace(purpose, mode) for mode in ("live", "test") for purpose in purposes)
    return f'{principal} namespaces="{names}" {held.public}'


@key.command()
@click.argument("reference", required=False, shell_complete=completing(_references))
@shared
@click.pass_obj
def use(settings: Settings, reference: str | None) -> None:
    """Sign with this key from now on: agent:SHA256:… for one in ssh-agent, or the path of a key file.

    The key signs a test text first, so a security key is touched and a passphrase asked for. Then irkit.toml is written.
    Without REFERENCE, the keys in ssh-agent and in ~/.ssh are offered.

    \b
    Examples:
      irkit key use
      irkit key use ~/.ssh/id_ed25519
      irkit key use agent:SHA256:RjCEhjoMx46W/Khs023MsT/qeLhQR30BOt2ShvY+0UM
    """
    from irkit.ledger import keys
    _use(settings, keys.signer(reference, tell=_telling(settings)) if reference else _picked(settings))


def _use(settings: Settings, held: HeldKey) -> None:
    """Try the key out, then write it down."""
    from irkit.cli.doctor import config_file
    from irkit.config import write_key
    held.sign(TRIAL, f"{TRIAL}\nirkit key use\n".encode())
    path = config_file(settings)
    write_key(path, held.reference)
    tell(settings, f"{held.fingerprint} signs from now on.", f"  held  {held.where}", f"  in    [key] of {path}",
         "  next  irkit key show")


def _telling(settings: Settings) -> Callable[[str], None]:
    return lambda text: tell(settings, text)


def _picked(settings: Settings) -> HeldKey:
    """The key chosen on the terminal. Raises NeedsTerminal where there is none, CredentialError where there is no key."""
    from irkit.cli.doctor import terminal_of
    from irkit.engine.gate import Question
    from irkit.ledger import keys
    terminal = terminal_of(settings)
    if terminal is None:
        raise NeedsTerminal("REFERENCE is missing, and there is no terminal to ask for it", next="irkit key use REFERENCE")
    found = {str(number): one for number, one in enumerate(keys.choices(tell=_telling(settings)), 1)}
    if not found:
        raise CredentialError("there is no key in ssh-agent, and none in ~/.ssh", next="irkit key new")
    words = {number: f"{one.fingerprint} {one.comment} ({one.where})" for number, one in found.items()}
    try:
        return found[terminal.ask(Question("choice", "Sign with which key?", letters=words), tuple)]
    except Paused:
        raise KeyboardInterrupt from None          # nothing was written, so there is nothing to resume


@key.command()
@click.argument("path", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--fido", is_flag=True, help="Make it in a security key (FIDO2), which must be touched for each signature.")
@shared
@click.pass_obj
def new(settings: Settings, path: Path | None, fido: bool) -> None:
    """Make an Ed25519 key with ssh-keygen, which asks for a passphrase, and use it.

    PATH is ~/.ssh/irkit_ed25519 where it is left out. A file that is there is never overwritten.

    \b
    Examples:
      irkit key new
      irkit key new --fido
      irkit key new ~/.ssh/incidents
    """
    from irkit.cli.incidents import who_am_i
    from irkit.ledger import keys
    place = path or Path("~/.ssh", "irkit_ed25519_sk" if fido else "irkit_ed25519")
    place = Path(os.path.expanduser(place)).absolute()
    keys.new_key(place, f"irkit {who_am_i()[0]}", fido=fido)
    tell(settings, "Now it signs a test text; with a passphrase, that is asked for once more.")
    _use(settings, keys.signer(str(place), tell=_telling(settings)))
