"""Rows of a long table, tested together: a test of its own costs more than most of them do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def go_through(rows: Sequence[T], test: Callable[[T], None], named: Callable[[T], str] = str) -> None:
    """Test all rows, and tell of each that fails by its name."""
    failed: list[Exception] = []
    for row in rows:
        try:
            test(row)
        except Exception as error:
            error.add_note(f"the row: {named(row)}")
            failed.append(error)
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(rows)}", failed)


def each(name: str, rows: Iterable[T], *, group: Callable[[T], str], named: Callable[[T], str]
         ) -> Callable[[Callable[..., None]], pytest.MarkDecorator]:
    """One test for each group of rows. Decorates a test of one row, its argument `name`; its fixtures are the group's."""
    groups: dict[str, list[T]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)

    def decorate(test: Callable[..., None]) -> pytest.MarkDecorator:
        @functools.wraps(test)
        def through(*, group: list[T], **fixtures: Any) -> None:
            go_through(group, lambda row: test(**{name: row}, **fixtures), named)

        own = inspect.signature(test).parameters
        key = inspect.Parameter("group", inspect.Parameter.KEYWORD_ONLY)
        rest = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own.values() if one.name != name]
        through.__signature__ = inspect.Signature([*rest, key])  # type: ignore[attr-defined]
        marked: pytest.MarkDecorator = pytest.mark.parametrize("group", groups.values(), ids=groups)(through)
        return marked

    return decorate
