"""What a family of forgeries says of itself: what is changed, which keys the forger holds, what a reader is given and finds.

    @family(Holds.NOTHING, over=BOTH, trials=[refused("chain")])
    def a_status_is_changed(forge: Forge) -> Where:
        \"\"\"An answer's status is another one; nothing else is set right.\"\"\"

The function changes `forge.copy` and returns where that must be named: an entry, a range of entries within which each is right,
or None for what belongs to no entry. Where the files a reader has cannot show the forgery, the trial says so in a sentence, and
another trial of the family has the file that does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.forgery.forger import Copy, key_id_of, take
from tests.forgery.ledgers import BAGS, FOLDERS, Honest, Loot, Shelf

Where = int | range | None


class Holds(Enum):
    NOTHING = "no key"
    SESSION = "the key of one session"
    PERSON = "the key of one session and its person's SSH key"
    ALL = "every key that signed in the ledger"


@dataclass(frozen=True)
class Trial:
    """What a reader is given, and what verifying then says: a finding of one of the mechanisms, or nothing, and why.

    `said`: the level of a remark that must be printed where nothing is refused.
    """

    given: tuple[str, ...] = ()
    mechanisms: frozenset[str] = frozenset()
    unseen: str = ""
    said: str = ""
    level: str = ""


def refused(*mechanisms: str, given: Sequence[str] = (), level: str = "") -> Trial:
    """Exit 5, and the first finding is one of those. `level`: CONTRADICTED or MISSING, where it must be that one."""
    return Trial(tuple(given), frozenset(mechanisms), level=level)


def unseen(why: str, *given: str, said: str = "") -> Trial:
    """Exit 0: these inputs cannot tell. `said`: but a remark of this level is printed."""
    return Trial(given, unseen=why, said=said)


@dataclass
class Forge:
    """One forgery at work. `after` are changes to the files once they are written; `given` may gain files."""

    honest: Honest
    shelf: Shelf
    holds: Holds
    scratch: Path
    copy: Copy = field(init=False)
    given: dict[str, Path] = field(init=False)
    after: list[Callable[[Path], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.copy, self.given = take(self.honest.path), dict(self.honest.given)

    def keys(self, at: int = -1) -> Loot:
        """What the forger holds: of the session that entry `at` stands in, where it is one session."""
        everything = self.honest.loot
        if self.holds is Holds.NOTHING:
            return Loot()
        if self.holds is Holds.ALL:
            return Loot(dict(everything.sessions), dict(everything.people))
        start = self.copy.entries[self.copy.entries[at].fields["session"]]
        key_id = key_id_of(start)
        who = start.fields["who"]
        return Loot({key_id: everything.sessions[key_id]},
                    {who: everything.people[who]} if self.holds is Holds.PERSON else {})

    def give(self, name: str, content: bytes) -> None:
        """Put a file into the reader's hand."""
        self.given[name] = self.scratch / name
        self.given[name].write_bytes(content)


@dataclass(frozen=True)
class Family:
    """`agree`: why irkit and verify.py may name different entries, both rightly; empty when they name the same."""

    name: str
    changes: str
    holds: Holds
    over: tuple[str, ...]
    trials: tuple[Trial, ...]
    forge: Callable[[Forge], Where]
    agree: str = ""


FAMILIES: dict[str, Family] = {}
BOTH = ("live", "bag of live")
FOLDER = ("live", "crash", "interleaved", "drill")
BAG = ("bag of live", "redacted")
MANY = (*FOLDER, *BAG)
EVERY_FOLDER = tuple(FOLDERS)
EVERY = (*EVERY_FOLDER, *BAGS, "redacted")


def family(holds: Holds, *, over: Sequence[str], trials: Sequence[Trial],
           agree: str = "") -> Callable[[Callable[[Forge], Where]], Callable[[Forge], Where]]:
    """Register a forgery."""
    def register(forge: Callable[[Forge], Where]) -> Callable[[Forge], Where]:
        name = forge.__name__.replace("_", " ").strip()
        assert name not in FAMILIES
        assert forge.__doc__
        FAMILIES[name] = Family(name, " ".join(forge.__doc__.split()), holds, tuple(over), tuple(trials), forge, agree)
        return forge
    return register


def answer(copy: Copy) -> int:
    """Where an answer with a status stands, below the last note."""
    return copy.first("request.answer", "note")
