"""The team's gate while somebody facilitates: which question stands on the team's screen goes on record, for their terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from irkit.drill.control import standing
from irkit.engine.gate import Gate, Question, Said
from irkit.engine.session import Session


class Watched:
    """An `irkit.engine.gate.Gate` around the team's own. `session` is known once the run is at work."""

    session: Session | None = None

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def say(self, said: Said) -> None:
        self._gate.say(said)

    def ask(self, question: Question, poll: Callable[[], Sequence[Said]]) -> str:
        told = False

        def polled() -> Sequence[Said]:
            nonlocal told
            news = poll()
            told = told or self._tell(question)
            return news

        return self._gate.ask(question, polled)

    def _tell(self, question: Question) -> bool:
        """Record the question once, where there is somebody to see it."""
        session = self.session
        run = session.state.runs.get(session.view.run_id) if session else None
        if session is None or run is None or not standing(run.controls).attached:
            return False
        session.record("control", {"control": "asks", "question": question.name},
                       {"text": question.phrase or question.prompt or ", ".join(question.letters.values())},
                       step=question.step or None)
        return True
