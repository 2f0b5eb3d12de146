"""The shipped scenarios, each played once for all the tests that look at how it went."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drill.test_shipped import Played


class Games(dict[str, Played]):
    """A scenario is played when somebody first asks for it."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self._folders = folders

    def __missing__(self, name: str) -> Played:
        self[name] = Played(name, self._folders.mktemp("evidence"))
        return self[name]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Games]:
    games = Games(tmp_path_factory)
    yield games
    for game in games.values():
        game.close()
