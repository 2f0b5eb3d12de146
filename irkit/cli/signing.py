"""Whose key signs: the responder's own in a live incident, one made for the moment where nothing is real."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from irkit.cli.options import Settings
from irkit.errors import CredentialError

if TYPE_CHECKING:
    from irkit.ledger import Ledger
    from irkit.ledger.sshsig import Signer


@contextlib.contextmanager
def own_session(settings: Settings, ledger: Ledger, key: Signer | None = None) -> Iterator[None]:
    """A session of this person's own, for one entry or a few; endorsed by `key` where one is given."""
    from irkit.cli.incidents import who_am_i
    ledger.start_session(who_am_i(settings.config)[0], signer=key)
    try:
        yield
    finally:
        ledger.end_session()


def signer(settings: Settings, mode: str, *, needed: bool = True) -> Signer | None:
    """The key that signs in a ledger of that mode.

    A drill always takes a throw-away key, a test one where none is configured: no signature of theirs can pass as live. With
    `needed` a live ledger raises CredentialError where no key is configured; otherwise None is returned.
    """
    from irkit.ledger import keys
    from irkit.ledger.sshsig import Throwaway
    if mode == "drill" or (mode == "test" and not settings.config.key):
        return Throwaway()
    if settings.config.key:
        return keys.signer(settings.config.key, tell=lambda text: print(text, file=sys.stderr, flush=True))
    if needed:
        raise CredentialError("no key is configured, and what is sent in a live incident is endorsed by a person's SSH key",
                              where=str(settings.config.path or "irkit.toml"), next="irkit key new, or: irkit key use")
    return None
