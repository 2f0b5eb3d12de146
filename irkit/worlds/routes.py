"""A table of routes: (method, path with {} for one segment) -> whatever a world keeps for it. Literal segments win."""

from __future__ import annotations

from typing import Generic, TypeVar
from urllib.parse import unquote

R = TypeVar("R")


class Routes(Generic[R]):
    def __init__(self) -> None:
        self._table: dict[tuple[str, int], list[tuple[list[str], R]]] = {}

    def add(self, method: str, path: str, route: R) -> None:
        parts = path.split("/")
        rows = self._table.setdefault((method, len(parts)), [])
        rows.append((parts, route))
        rows.sort(key=lambda row: row[0].count("{}"))

    def include(self, other: Routes[R]) -> None:
        """Take over all routes of another table."""
        for (method, _), rows in other._table.items():
            for parts, route in rows:
                self.add(method, "/".join(parts), route)

    def find(self, method: str, path: str) -> tuple[R, list[str]] | None:
        """The route of a call and its decoded path parameters."""
        given = path.split("/")
        for parts, route in self._table.get((method, len(given)), ()):
            if all(part in ("{}", got) for part, got in zip(parts, given, strict=True)):
                return route, [unquote(got) for part, got in zip(parts, given, strict=True) if part == "{}"]
        return None
