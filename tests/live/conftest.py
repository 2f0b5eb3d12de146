"""One pair of helper processes for all live tests, and a rig in an empty folder for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.rig import Helper, Rig


@pytest.fixture(scope="session")
def helpers() -> Iterator[tuple[Helper, Helper]]:
    irkits, tenants = Helper("irkit"), Helper("tenants")
    yield irkits, tenants
    irkits.close()
    tenants.close()


@pytest.fixture
def rig(helpers: tuple[Helper, Helper], tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, *helpers)
    yield made
    made.close()
