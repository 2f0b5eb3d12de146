"""Started by the terminal tests on a pseudo-terminal: asks one question and says what came of it.

`python -m tests.ui.driver QUESTION FIFO`. "wait" as a third word holds the question back until something arrives in the
FIFO; after that, each line in it is a piece of news.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence

from irkit.engine.gate import Asking, News, Progress, Question, Said, Trouble
from irkit.errors import IrkitError, Paused
from irkit.ui import prompt

QUESTIONS = {
    "gate": Question(
        "gate",
        "Send it?",
        letters={"y": "yes", "s": "skip"},
        more={"r": ["GET /"], "l": [f"person {i}" for i in range(40)]},
        more_words={"a": "attach a file", "g N": "go to step N"},
    ),
    "phrase": Question("gate", "", phrase="END 212 SESSIONS", letters={"s": "skip"}),
    "text": Question("how", "How"),
    "number": Question("field", "count", parse=int),
    "default": Question("when", "When", default="now"),
    "choice": Question("choice", "Which one?", letters={f"c{i}": f"choice {i}" for i in range(9)}),
    "path": Question("evidence", "Evidence", path=True),
}


def main(kind: str, fifo: str, *words: str) -> int:
    news = os.open(fifo, os.O_RDWR)

    def poll() -> Sequence[Said]:
        ready, _, _ = select.select([news], [], [], 0)
        return [News([os.read(news, 1000).decode().strip()])] if ready else []

    prompt.EACH = 0.05
    terminal = prompt.Terminal(plain="plain" in words, prefix="DRILL " if "drill" in words else "")
    terminal.say(Trouble("FAILED", 8, "A step", ["Nothing was changed."], 34))
    print("ready", flush=True)
    if "wait" in words:
        os.read(news, 1000)
    try:
        if kind == "hidden":
            answer = terminal.hidden("Token")
        elif kind == "progress":
            for done in (1, 24, 26, 60):
                terminal.say(Progress(done, 60, 0, 0, 60.0 - done, final=done == 60))
            terminal.say(Asking("Zendesk"))
            answer = terminal.ask(QUESTIONS["gate"], poll)
        else:
            answer = terminal.ask(QUESTIONS[kind], poll)
    except Paused as paused:
        print(f"PAUSED {paused.why}", flush=True)
        return paused.exit_code
    except IrkitError as error:
        print(error.what, error.next, file=sys.stderr)
        return error.exit_code
    print(f"ANSWER [{answer}]", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
