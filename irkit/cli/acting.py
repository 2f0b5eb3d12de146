"""What commands share that append one thing a person decides: hold, custody, label, erase, close.

Everything that can be refused is refused before a session begins, so that a mistake leaves no entry. Each line begins with the
mark of a ledger that is not live, an error's too.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from irkit.cli import incidents
from irkit.cli.incident import complete_incident
from irkit.cli.options import Settings, print_json
from irkit.cli.output import put, tell, width
from irkit.errors import NeedsTerminal, Paused, UsageError

if TYPE_CHECKING:
    from irkit.engine.gate import Question
    from irkit.ledger import Ledger
    from irkit.ui.layout import Page
    from irkit.ui.prompt import Terminal

Given = str | None | Callable[[Mapping[str, str]], str]
INCIDENT = click.argument("incident", shell_complete=complete_incident)


@contextlib.contextmanager
def opened(settings: Settings, incident: str, *, write: bool = True) -> Iterator[Ledger]:
    """The incident's ledger, checked."""
    from irkit.ledger import Ledger
    from irkit.report.words import mark
    with Ledger.open(incidents.folder_of(settings, incident), write=write) as ledger:
        settings.prefix = mark(ledger.mode)
        yield ledger


def session(settings: Settings, ledger: Ledger, *, endorsed: bool = False) -> AbstractContextManager[None]:
    """A session of this person's own; `endorsed` by their key where the ledger demands that of what is done in it."""
    from irkit.cli.signing import own_session, signer
    return own_session(settings, ledger, signer(settings, ledger.mode) if endorsed else None)


# -- saying ------------------------------------------------------------------------------------------------------

def page_of(settings: Settings) -> Page:
    from irkit.ui.layout import Page
    return Page.of(width(), None, settings.prefix)


def show(settings: Settings, lines: list[str], *, page: bool = True) -> None:
    """Data, on stdout, behind the mark."""
    from irkit.ui.screen import prefixed
    put(settings, prefixed(lines, settings.prefix), page=page)


def print_of(settings: Settings, ledger: Ledger, **more: object) -> None:
    """The same for a program: the incident, its mode, and what was found. JSON bears no mark in front."""
    settings.prefix = ""
    print_json({"incident": ledger.folder.name, "mode": ledger.mode, **more})


def say(settings: Settings, *texts: str) -> None:
    """Talk, on stderr, behind the mark."""
    tell(settings, *(settings.prefix + line for text in texts for line in page_of(settings).hanging(text)))


# -- asking ------------------------------------------------------------------------------------------------------

def filled(settings: Settings, command: str, given: Mapping[str, tuple[str, Given]]) -> list[str]:
    """What was given for each flag, or is asked for now, in order. `given`: flag -> (what to ask, the value or nothing).

    A value may also be told from the flags before it. Raises NeedsTerminal, naming every flag that is missing, where there is
    nobody to ask.
    """
    from irkit.engine.gate import Question
    asks, said, missing = terminal(settings), dict[str, str](), []
    for flag, (ask, value) in given.items():
        text = value(said) if callable(value) else value
        said[flag] = unicodedata.normalize("NFC", text or "").strip()
        if not said[flag] and asks is not None:
            said[flag] = answer(asks, Question("field", ask, key=flag))
        elif not said[flag]:
            missing.append(flag)
    if missing:
        raise NeedsTerminal(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing, and there is no terminal to "
                            "ask on", next=f"{command} {' '.join(f'{flag} …' for flag in missing)}")
    return list(said.values())


def confirmed(settings: Settings, incident: str, phrase: str, purpose: str, confirm: str | None, command: str) -> None:
    """Go on only after the typed phrase, or with --confirm and the incident's own name. Raises UsageError otherwise."""
    if confirm is not None:
        if confirm != incident:
            raise UsageError(f"--confirm says {confirm!r}, and the incident is {incident}; nothing was changed",
                             next=f"{command} --confirm {incident}")
        return
    asks = terminal(settings)
    if asks is None:
        raise NeedsTerminal("this cannot be undone, and there is no terminal to type it out on; nothing was changed",
                            next=f"{command} --confirm {incident}")
    from irkit.engine.gate import Question
    if answer(asks, Question("gate", f"Type {phrase} to {purpose}", phrase=phrase, letters={"q": "quit"})) != phrase:
        raise UsageError("nothing was changed", next=f"irkit status {incident}")


def terminal(settings: Settings) -> Terminal | None:
    """Somebody to ask, where there is one."""
    from irkit.cli.doctor import terminal_of
    if terminal_of(settings) is None:
        return None
    from irkit.ui.prompt import Terminal
    return Terminal(plain=settings.plain, prefix=settings.prefix)


def answer(asks: Terminal, question: Question, poll: Callable[[], Sequence[Any]] = tuple) -> str:
    """What is typed. `poll` is called each second meanwhile; what it raises ends the question."""
    try:
        return asks.ask(question, poll)
    except Paused:
        raise KeyboardInterrupt from None          # nothing was begun that could be resumed
