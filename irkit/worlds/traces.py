"""What an attack put into a tenant, so that the tenant can be asked at the end of a drill what of it is still alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

Shelves = Mapping[str, Mapping[str, Any]]


class Left(Struct, frozen=True):
    """A way back in that is still open, or something that still sends. `kind` is a word: session, token, webhook, rule."""

    kind: str
    what: str


def planted(shelves: Callable[[], Shelves], attack: Callable[[], None]) -> dict[str, list[str]]:
    """Let the attack happen; the keys of what was not there before, by shelf."""
    before = {name: set(shelf) for name, shelf in shelves().items()}
    attack()
    return {name: [key for key in shelf if key not in before[name]] for name, shelf in shelves().items()}
