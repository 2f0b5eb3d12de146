"""The error tree. Each class owns its exit code; each error names the thing, the place and the next command.

IrkitError                    1   anything that stops a command
├── UsageError                2   wrong words on the command line
│   └── NeedsTerminal         2   a prompt without a terminal to ask on
├── CredentialError           4   no credential, or one that does not work
├── LedgerError               5   a ledger that does not verify, or is not one
│   └── NotTheHolder          5   another session took this run over; nothing is sent
├── RunbookError              6   mistakes in a runbook or a scenario, all of them at once
└── ActionError               1   what an action met; the engine turns each into a state of the step
    ├── NotSent                   no byte left: the step is still pending
    ├── NoAnswer                  the bytes may have left: the outcome is unknown
    ├── Refused                   the vendor answered, and said no
    │   └── Throttled             it asks to slow down; nothing was done
    ├── Unavailable               the plan or the permission is missing: a gap, never "clean"
    ├── BadAnswer                 an answer that cannot be read
    ├── NotApproved               a second person has to agree, and has not: nothing was sent
    └── NotConfirmed              the second look does not show what was asked for

Control flow that is no error derives from BaseException, so that `except Exception` cannot swallow it:

Paused                        3   the responder, or a prompt nobody could answer, stopped the run
Interrupted                 130   a second Ctrl-C
Cut                           -   thrown into a collecting action: end what you have, as incomplete
"""

from __future__ import annotations


class IrkitError(Exception):
    """Stops a command. `what` is a sentence, `where` a place, `next` a command to type."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.next = what, where, next

    def diagnostics(self) -> list[str]:
        """Plain lines for a terminal: what happened, where, and what to do next."""
        lines = [self.what]
        if self.where:
            lines.append(f"  at    {self.where}")
        if self.next:
            lines.append(f"  next  {self.next}")
        return lines


class UsageError(IrkitError):
    exit_code = 2


class NeedsTerminal(UsageError):
    pass


class CredentialError(IrkitError):
    exit_code = 4


class LedgerError(IrkitError):
    exit_code = 5


class NotTheHolder(LedgerError):
    pass


class RunbookError(IrkitError):
    """`mistakes` are printable blocks of lines, one block a mistake (path:line:col, caret, hint)."""

    exit_code = 6

    def __init__(self, what: str, mistakes: list[list[str]] | None = None, *, where: str = "", next: str = "") -> None:
        super().__init__(what, where=where, next=next)
        self.mistakes = mistakes or []

    def diagnostics(self) -> list[str]:
        return [line for block in self.mistakes for line in block] + super().diagnostics()


class ActionError(IrkitError):
    pass


class NotSent(ActionError):
    """Nothing left this machine, as the transport can prove. May be tried again."""


class NoAnswer(ActionError):
    """The request may have arrived. `status` is set when headers came but the body did not."""

    def __init__(self, what: str, *, status: int | None = None, where: str = "", next: str = "") -> None:
        super().__init__(what, where=where, next=next)
        self.status = status


class Refused(ActionError):
    """The vendor answered outside 2xx (and outside the request's `ok`)."""

    def __init__(self, what: str, *, status: int, where: str = "", next: str = "") -> None:
        super().__init__(what, where=where, next=next)
        self.status = status


class Throttled(Refused):
    """Too many requests, in whatever words: nothing was done, and it may be asked again after `wait` seconds (None: unsaid)."""

    def __init__(self, what: str, *, status: int, wait: float | None = None, where: str = "", next: str = "") -> None:
        super().__init__(what, status=status, where=where, next=next)
        self.wait = wait


class Unavailable(ActionError):
    """401, 402, 403 or 404 on a read that a plan or a permission gates. `needs` names what is missing."""

    def __init__(self, what: str, *, status: int, needs: str = "", where: str = "", next: str = "") -> None:
        super().__init__(what, where=where, next=next)
        self.status, self.needs = status, needs


class BadAnswer(ActionError):
    pass


class NotApproved(ActionError):
    """An approval that is not there, or does not count. `why` is one word of it, for the record."""

    def __init__(self, what: str, *, why: str = "", where: str = "", next: str = "") -> None:
        super().__init__(what, where=where, next=next)
        self.why = why


class NotConfirmed(ActionError):
    pass


class Paused(BaseException):
    """Stop here, lose nothing; `irkit resume` goes on."""

    exit_code = 3

    def __init__(self, why: str, *, next: str = "") -> None:
        super().__init__(why)
        self.why, self.next = why, next


class Interrupted(BaseException):
    exit_code = 130


class Cut(BaseException):
    """Thrown into an action at a read with `keep=`: return what was collected, marked incomplete."""
