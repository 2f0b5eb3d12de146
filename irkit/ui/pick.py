"""questionary, for what a plain line does badly: a long list, a path to complete, a hidden word. Never for a gate.

Imported when first used. Its prompts write to stdout by nature; here they write to stderr, and they are polled like any
other prompt: news ends them and throws away what was typed. prompt_toolkit, below it, keeps for the next form the keys that
one form read and did not use: they were typed behind an answer, which does not count then, and are thrown away.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import questionary
from prompt_toolkit.input.typeahead import clear_typeahead, get_typeahead
from questionary.prompts.path import GreatUXPathCompleter

from irkit.engine.gate import Question, Said
from irkit.ui.accept import options
from irkit.ui.text import safe

Poll = Callable[[], Sequence[Said]]


def hidden(prompt: str) -> tuple[str, bool]:
    """A word that is not shown, and whether more was typed behind it. Raises KeyboardInterrupt, EOFError."""
    with contextlib.redirect_stdout(sys.stderr):
        form = questionary.password(prompt)
        clear_typeahead(form.application.input)
        return str(form.unsafe_ask()), bool(get_typeahead(form.application.input))


def asked(question: Question, poll: Poll, *, each: float, prefix: str) -> tuple[bytes, Sequence[Said], bool]:
    """What was picked or typed, or the news that came first, and whether more was typed behind it.

    Polls every `each` seconds. Raises KeyboardInterrupt, EOFError.
    """
    with contextlib.redirect_stdout(sys.stderr):
        form = _form(question, prefix)
        picked, news = asyncio.run(_asked(form, poll, each))
        return picked, news, bool(get_typeahead(form.application.input))


def _form(question: Question, prefix: str) -> Any:
    message, mark = safe(question.prompt), prefix.strip() or "?"
    if question.path:
        # Not questionary.path: it swallows the second slash of "text: seen at https://…" and wants Enter twice.
        form = questionary.text(message, default=question.default, completer=GreatUXPathCompleter(expanduser=True),
                                complete_style="READLINE_LIKE", complete_while_typing=False, qmark=mark)
    elif question.pick:
        entries = [questionary.Choice(f"{number}. {safe(name)}", number) for number, name in question.pick.items()]
        ask = message.partition("?")[0] + "?"                   # what follows says how to type it
        form = questionary.checkbox(ask, entries, qmark=mark, instruction="(space marks, Enter ends)")
    else:
        entries = [questionary.Choice(f"{key}  {safe(word)}", key) for key, word in options(question).items() if " " not in key]
        # The first entry stands under the cursor: an Enter too many must choose nothing.
        form = questionary.select(message, [questionary.Choice("(nothing chosen yet)", ""), *entries], qmark=mark)
    clear_typeahead(form.application.input)
    return form


async def _asked(form: Any, poll: Poll, each: float) -> tuple[bytes, Sequence[Said]]:
    asking = asyncio.create_task(form.unsafe_ask_async())
    while True:
        done, _ = await asyncio.wait({asking}, timeout=each)
        news = poll()
        if news and not done:
            form.application.exit(exception=EOFError)
            with contextlib.suppress(EOFError):
                await asking
        if news or done:
            return (b"", news) if news else (_typed(asking.result()).encode(), ())


def _typed(result: Any) -> str:
    """What was picked, as it would have been typed."""
    return ", ".join(result) if isinstance(result, list) else str(result)
