"""What the engine says to people and asks of them, as plain data.

`irkit.ui.screen` turns a Said into lines of text; `irkit.ui.prompt`, an answers file or a scenario's autoplay answer a
Question. The engine imports none of them: it speaks through the Gate protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import Struct, field

from irkit.engine.known import Known, Met, Warned

# -- said --------------------------------------------------------------------------------------------------------

class Deadline(Struct, frozen=True):
    """One legal clock. `due` is None while it has not started; `state` is running, met, not needed or not started.

    `source` is the name of what it runs from and `known` which entry says so; `met` is the decision on record; `why` says in
    words why it is closed without one, or runs although its step (number `stops`) came to an end.
    """

    id: str
    title: str
    due: datetime | None
    state: str
    start: datetime | None = None
    source: str = ""
    known: Known | None = None
    met: Met | None = None
    why: str = ""
    span: timedelta = timedelta()
    warned: Sequence[Warned] = ()
    stops: int = 0

    def near(self, now: datetime) -> bool:
        """Whether no more than a quarter of its time is left."""
        return self.due is not None and bool(self.span) and self.due - now <= self.span / 4


class Where(Struct, frozen=True):
    """The two lines on top of every screen."""

    label: str                     # LIVE, PROBE, TEST, DRILL, DRY RUN
    incident: str
    runbook: str
    version: int
    number: int
    total: int
    phase: str
    elapsed: float                 # seconds since the run opened
    who: str
    role: str
    now: datetime                  # as clocks are counted: never earlier than what is on record
    deadlines: Sequence[Deadline] = ()
    set_back: str = ""             # "clock set back 02:00, entry 57": the machine's clock, which clocks do not follow


class StepBegins(Struct, frozen=True):
    where: Where
    number: int
    title: str
    why: str
    badge: str                     # "REVERSIBLE", "CANNOT BE UNDONE", "READ", "BY HAND", "DECISION"
    owner: str = ""
    target: float | None = None    # seconds left until the step should be done; negative when late
    meets: Sequence[Deadline] = ()  # running clocks that this step meets


class Asking(Struct, frozen=True):
    """Before a request: "asking Zendesk ...". `pages` of a collection, and their `size` in bytes, are there already."""

    system: str
    pages: int = 0
    size: int = 0


class Looked(Struct, frozen=True):
    method: str
    url: str
    status: int
    seconds: float
    lines: Sequence[str] = ()      # "agent, last sign-in 02:11Z, suspended: no"


class Sends(Struct, frozen=True):
    """What stands on a gate. One request, or the first and last of a fan-out with the count."""

    method: str
    url: str
    body: str
    acting_as: str
    count: int
    affects: Sequence[str]
    noun: str
    undo: str                      # "zendesk.unsuspend_user 3971", or "none"
    looked: Sequence[str] = ()     # `seen`, in words
    first: str = ""
    last: str = ""
    template: str = ""             # "DELETE https://…/users/{id}/sessions" of a fan-out
    already: int = 0               # items that need nothing
    look_failed: int = 0
    left_out: int = 0              # items that `e` leaves out
    pace: str = ""                 # "about 5 a second, about 45 seconds"
    unverified: str = ""
    unpreserved: Sequence[str] = ()   # "Not preserved: sessions (step 5 skipped)": sending wants a reason
    warnings: Sequence[str] = ()   # "This is the account irkit itself acts as"
    approve: str = ""              # "lead: waiting for a second person   irkit approve INC-2041 end_sessions"
    aloud: str = "in chat"         # where people are warned before what cannot be undone is sent
    phrase: str = ""               # "END 212 SESSIONS" when irreversible
    requests: Sequence[str] = ()   # the full requests, for `r`; as curl for `c`
    curls: Sequence[str] = ()


class ByHand(Struct, frozen=True):
    """The text of a `do` step, or the question of an `ask` step with its choices."""

    text: str
    choices: Mapping[str, str] = field(default_factory=dict)
    evidence: bool = False         # required


class Sent(Struct, frozen=True):
    at: datetime
    status: int
    seconds: float
    entry: int


class Checked(Struct, frozen=True):
    text: str


class Waiting(Struct, frozen=True):
    seconds: float
    why: str


class Progress(Struct, frozen=True):
    done: int
    total: int
    refused: int
    unknown: int
    left: float                    # seconds, estimated
    final: bool = False
    looks: bool = False            # of the looks before a gate, not of the sends after it


class Ended(Struct, frozen=True):
    """How a step ended: done, by hand, skipped, deferred, not needed, not sent (probe)."""

    state: str
    text: str                      # a sentence, may be empty
    entry: int
    next: str = ""                 # "8. End every session of the account"


class Trouble(Struct, frozen=True):
    """FAILED, UNKNOWN, GAP or ACCEPTED, as SCREENS shows them."""

    label: str
    number: int
    title: str
    lines: Sequence[str]
    entry: int
    likely: str = ""
    command: str = ""              # the next command to type


class News(Struct, frozen=True):
    """What arrived from elsewhere while a prompt was open: a note, an inject, a control entry, a due step."""

    lines: Sequence[str]


class Stamps(Struct, frozen=True):
    """How far time stamps reach, as the ledger claims: so many entries, by whom, and when the latest was made."""

    entries: int = 0
    authorities: frozenset[str] = frozenset()
    at: datetime | None = None


class Offered(Struct, frozen=True):
    """A hand-over that nobody has accepted yet. `key` signed it."""

    entry: int
    by: str
    to: str
    at: datetime
    text: str = ""
    key: str = ""


class Resumed(Struct, frozen=True):
    where: Where
    opened_at: datetime
    opened_by: str
    entries: int
    done: Sequence[str]            # "1-4", "6"
    by_hand: Sequence[str]
    skipped: Sequence[str]
    open: Sequence[str]            # "UNKNOWN  8 End sessions: sent 02:26:31Z, no answer. …"
    changed: Sequence[str] = ()    # the runbook's file differs from the run's copy
    last_who: str = ""
    stamps: Stamps = Stamps()
    offer: Offered | None = None
    packed: str = ""               # the folder was packed to be moved, and nobody has gone on here since
    undone: Sequence[str] = ()


class Closed(Struct, frozen=True):
    where: Where
    counts: Mapping[str, int]      # steps by state
    skipped: Sequence[str]
    sent: Mapping[str, int]        # worked, refused, unknown
    undoable: int
    artefacts: int
    artefact_bytes: int
    notes: int
    entries: int
    head: str
    gaps: Sequence[str] = ()
    score: Sequence[str] = ()      # a drill's score lines
    probed: str = ""               # the sum of a probe's report
    stamps: Stamps = Stamps()


Said = (StepBegins | Asking | Looked | Sends | ByHand | Sent | Checked | Waiting | Progress | Ended | Trouble | News
        | Resumed | Closed)


# -- asked -------------------------------------------------------------------------------------------------------

class Question(Struct, frozen=True):
    """One prompt.

    `name` says which: gate, menu, choice, except, reason, who, when, how, evidence, paste, note, input, field, inject,
    takeover, approval, when_unknown, role, handover; `key` says of what, where one name asks for several things.
    With `letters` the answer is one of them; with `phrase` it is the phrase exactly or one of the letters; else free text,
    and `parse` turns it into the value or raises ValueError with a sentence that is printed before asking again. With
    `letters` and `parse` it is either: a letter leaves what cannot be answered.
    `more` are letters that answer themselves on the screen (?, r, l, c) and never reach the engine.
    """

    name: str
    prompt: str
    step: str = ""
    key: str = ""                  # of a field, an input or an inject: its name
    letters: Mapping[str, str] = field(default_factory=dict)
    phrase: str = ""
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)     # letter -> the lines it prints
    more_words: Mapping[str, str] = field(default_factory=dict)         # letter -> what it is, for the ? list
    required: bool = True
    default: str = ""
    parse: Callable[[str], object] | None = None
    path: bool = False             # a file to attach: complete paths
    edit: bool = False             # a long text: the person's editor opens on `default`
    multiline: bool = False        # lines up to one that holds a single dot
    pick: Mapping[str, str] = field(default_factory=dict)      # any of these numbers, with what each stands for


class Gate(Protocol):
    """The person, however reached."""

    def say(self, said: Said) -> None: ...

    def ask(self, question: Question, poll: Callable[[], Sequence[Said]]) -> str:
        """The answer, as typed. `poll` is called each second; what it returns is printed and the question asked again.

        Raises Paused (Ctrl-C, end of input, an unlisted question), NeedsTerminal when there is nobody to ask.
        """
