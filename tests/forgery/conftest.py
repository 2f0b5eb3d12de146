"""The honest ledgers, made once; and over which of them each family is forged.

    pytest tests/forgery --every-ledger         # over all it names; without, over the first
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.forgery.families import FAMILIES
from tests.forgery.ledgers import NAMES, Shelf


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-ledger", action="store_true", help="Forge over every honest ledger, as .ci/run does.")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = metafunc.config.getoption("--every-ledger", default=False)
    if {"family", "over"} <= set(metafunc.fixturenames):
        cases = [(name, over) for name, family in FAMILIES.items() for over in _over(family.over, every)]
        absent = [pytest.mark.skip(reason="openssl, which plays the time-stamp authority, is not installed")]
        metafunc.parametrize(("family", "over"), [
            pytest.param(*case, id=", ".join(case), marks=[] if case[1] in NAMES else absent) for case in cases])
    elif "cut" in metafunc.fixturenames:
        metafunc.parametrize("cut", ["live", "bag of live"] if every else ["live"])


def _over(names: tuple[str, ...], every: bool) -> list[str]:
    """The first of those a family names; all of them if `every`."""
    return list(names) if every else list(names[:1])


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    made = Shelf(tmp_path_factory.mktemp("shelf"))
    yield made
    made.close()
