"""The honest ledgers, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.forgery.ledgers import Shelf


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    made = Shelf(tmp_path_factory.mktemp("shelf"))
    yield made
    made.close()
