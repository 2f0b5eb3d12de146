"""What a ledger demands of itself: its floor, and that it only ever rises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from irkit.errors import LedgerError, UsageError
from irkit.ledger import Ledger, leaf_hash, policy
from irkit.ledger.policy import FLOOR, NOTHING, Policy
from irkit.ledger.trust import Trust
from irkit.ledger.verify import verify
from tests.ledger.conftest import Tamper

POLICIES = st.builds(Policy, st.booleans(), st.integers(1, 100), st.integers(0, 3), st.integers(0, 3))


def created(folder: Path, mode: str = "live", **demands: Any) -> Ledger:
    return Ledger.create(folder, mode=mode, version="1", code_hash="", policy=demands)


def test_genesis_names_all_four(tmp_path: Path) -> None:
    """Also where nobody asked for anything; the ledger knows them again."""
    for mode in ("live", "drill", "test"):
        with created(tmp_path / mode, mode) as ledger:
            genesis = next(iter(ledger.entries()))
            assert genesis.data["policy"] == {"endorse": True, "max_entries": 64, "authorities": 0, "seal_tokens": 0}
            assert ledger.policy == Policy()


def test_a_ledger_can_only_demand_more(tmp_path: Path) -> None:
    """What is asked for is kept where it is stricter, and where it is not the floor stays."""
    with created(tmp_path / "INC-1", endorse=False, max_entries=1000, authorities=2) as ledger:
        assert ledger.policy == Policy(authorities=2)
    with created(tmp_path / "INC-2", max_entries=10, seal_tokens=1) as ledger:
        assert ledger.policy == Policy(max_entries=10, seal_tokens=1)


@pytest.mark.parametrize("demands", [{"max_entries": 3}, {"max_entries": 0}, {"max_entries": True}, {"endorse": 1},
                                     {"authorities": -1}, {"seal_tokens": "1"}, {"notes": 1}, {"authorities": None}])
def test_what_cannot_be_kept_is_not_demanded(tmp_path: Path, demands: dict[str, Any]) -> None:
    """Wrong types, unknown names, and fewer entries than a note needs about it."""
    with pytest.raises(ValueError, match=r"policy|max_entries"):
        created(tmp_path / "INC-1", **demands)
    assert list(tmp_path.iterdir()) == []


@given(POLICIES, POLICIES)
def test_raising_is_never_lowering(one: Policy, other: Policy) -> None:
    """Each demand is the stricter of the two, whichever comes first; and it is at least each of them."""
    raised = one.raised(**asdict(other))
    assert raised == other.raised(**asdict(one))
    assert raised.at_least(one)
    assert raised.at_least(other)
    assert raised == Policy(one.endorse or other.endorse, min(one.max_entries, other.max_entries),
                            max(one.authorities, other.authorities), max(one.seal_tokens, other.seal_tokens))
    assert one.at_least(NOTHING)
    assert one.at_least(other) == (raised == one)


@pytest.mark.parametrize("found", [None, [], {}, {"endorse": True}, {**asdict(Policy()), "more": 1},
                                   {**asdict(Policy()), "max_entries": 64.0}])
def test_a_genesis_that_names_none_is_refused(found: object) -> None:
    """All four, of their types, and nothing else."""
    with pytest.raises(ValueError, match="policy"):
        Policy.of(found)


def weakened(ledger: Ledger, tamper: Tamper, old: str, new: str) -> Path:
    """A genesis in which the policy is another one, in a ledger that has no more than it."""
    line = next(iter(ledger.entries())).line.decode()
    ledger.close()
    changed = line.replace(old, new).encode()
    assert changed != line.encode()
    tamper(ledger.folder, "UPDATE entries SET line = ?, leaf = ?", changed, leaf_hash(changed))
    return ledger.folder


@pytest.mark.parametrize(("old", "new"), [('"endorse":true', '"endorse":false'), ('"max_entries":64', '"max_entries":65'),
                                          ('"seal_tokens":0', '"seal_tokens":null'), (',"seal_tokens":0', "")])
def test_a_live_ledger_has_a_floor(tmp_path: Path, tamper: Tamper, old: str, new: str) -> None:
    """A fresh log with a weaker policy, consistent in itself, is refused on open and in verify."""
    folder = weakened(created(tmp_path / "INC-1"), tamper, old, new)
    with pytest.raises(LedgerError):
        Ledger.open(folder)
    assert {f.entry for f in verify(folder).findings} == {0}


@pytest.mark.parametrize("mode", ["drill", "test"])
def test_a_drill_has_none(tmp_path: Path, tamper: Tamper, mode: str) -> None:
    """Its sessions may send unendorsed where its genesis says so; what stands in genesis holds all the same."""
    assert FLOOR[mode] == NOTHING
    folder = weakened(created(tmp_path / "INC-1", mode), tamper, '"endorse":true', '"endorse":false')
    with Ledger.open(folder) as ledger:
        ledger.start_session("Maria")
        ledger.append("run.opened", run="r1")
        ledger.append("request.sending", run="r1")
        ledger.end_session()
    assert verify(folder).findings == []


def test_a_reader_can_demand_more_than_genesis(ledger: Ledger, tmp_path: Path) -> None:
    """With --policy: any of the four; what the ledger does not keep is found, at the entry where it does not."""
    for _ in range(20):
        ledger.append("note")
    ledger.end_session()
    ledger.close()
    file = tmp_path / "policy.json"
    for demand, expected in (({}, []), ({"max_entries": 64, "endorse": False}, []), ({"max_entries": 10}, [(10, "policy")])):
        file.write_text(json.dumps(demand))
        assert [(f.entry, f.mechanism) for f in verify(ledger.folder, Trust(policy=file)).findings] == expected


@pytest.mark.parametrize("text", ["", "[]", '"x"', '{"endorse":"yes"}', '{"max":1}', '{"max_entries":0}', "\xff"])
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    """With the four names as the way on."""
    file = tmp_path / "policy.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=re.escape(str(file))) as caught:
        policy.from_file(file)
    assert "max_entries" in caught.value.next
    with pytest.raises(UsageError, match="cannot be read"):
        policy.from_file(tmp_path / "absent.json")
