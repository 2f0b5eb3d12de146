"""The shipped scenarios, each played once for all the tests that look at how it went."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.drill.test_shipped import Played


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that look at one scenario stand together: then few of the processes that share the tests play the same one."""
    places = [at for at, item in enumerate(items) if "played" in getattr(item, "fixturenames", ())]
    for at, item in zip(places, sorted([items[at] for at in places], key=_scenario), strict=True):
        items[at] = item


def _scenario(item: pytest.Item) -> str:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return str(params.get("name", ""))


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
