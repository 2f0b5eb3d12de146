"""What actions find and return: frozen, of fields that a ledger can hold."""

from __future__ import annotations

from typing import Self

from msgspec import Struct

from irkit.errors import NotConfirmed


class Record(Struct, frozen=True):
    """Base of results and of `seen`: a frozen Struct of JSON-able fields, ids as text."""

    def require(self, **expected: object) -> Self:
        """This record, if it shows what was asked for. Raises NotConfirmed: a 200 is no proof, the second look is."""
        for name, want in expected.items():
            got = getattr(self, name)
            if got != want:
                raise NotConfirmed(f"{name} is still {_word(got)}, not {_word(want)}")
        return self


class Artefact(Record, frozen=True):
    """A file that the ledger keeps, as `artefact()` finds it: what `upload=` sends."""

    sha256: str
    size: int
    name: str


def _word(value: object) -> str:
    return {True: "yes", False: "no", None: "unknown"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
