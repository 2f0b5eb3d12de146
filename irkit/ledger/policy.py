"""What a ledger demands of itself, named in its genesis and never lowered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, fields

from irkit.errors import UsageError


class Policy(Struct, frozen=True):
    """`endorse`: a session that sends was endorsed by a person's SSH key. `max_entries`: between two notes.

    `authorities`: how many distinct ones time-stamp a note. `seal_tokens`: how many time-stamp the note over `sealed`.
    """

    endorse: bool = True
    max_entries: int = 64
    authorities: int = 0
    seal_tokens: int = 0

    @classmethod
    def of(cls, found: object) -> Policy:
        """The policy of a genesis. Raises ValueError unless all four stand there, and nothing else."""
        wanted = {field.name: type(field.default) for field in fields(cls)}
        if not isinstance(found, Mapping) or found.keys() != wanted.keys():
            raise ValueError(f"a policy names {', '.join(wanted)}, and nothing else")
        if any(type(found[name]) is not kind for name, kind in wanted.items()) or found["max_entries"] < 1 \
                or found["authorities"] < 0 or found["seal_tokens"] < 0:
            raise ValueError("a value of the policy has the wrong type or is out of range")
        return cls(**found)

    def raised(self, **wanted: Any) -> Policy:
        """With what is wanted where that is stricter. Raises ValueError for an unknown name or a wrong type."""
        asked = asdict(self) | wanted
        other = self.of(asked)
        return Policy(self.endorse or other.endorse, min(self.max_entries, other.max_entries),
                      max(self.authorities, other.authorities), max(self.seal_tokens, other.seal_tokens))

    def at_least(self, other: Policy) -> bool:
        """Whether nothing here is weaker than there."""
        return self.raised(**asdict(other)) == self


ROOM = 4               # entries below `max_entries` at which a note comes: clock.stepped, checkpoint and one more fit
NOTHING = Policy(endorse=False, max_entries=1 << 53)
FLOOR = {"live": Policy(), "test": NOTHING, "drill": NOTHING}


def from_file(path: Path) -> dict[str, Any]:
    """What a file of the reader's demands beyond genesis. Raises UsageError when it is no policy."""
    try:
        found = json.loads(path.read_bytes())
        Policy().raised(**found)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise UsageError(f"{path} is no policy: {error}",
                         next='a JSON object with any of "endorse", "max_entries", "authorities", "seal_tokens"') from None
    return dict(found)
