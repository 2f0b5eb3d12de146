"""The view of a ledger as JSON lines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from irkit.errors import LedgerError
from irkit.ledger import Ledger
from irkit.ledger.export import export_jsonl
from tests.ledger.conftest import Tamper


def test_one_object_a_line_with_values_nested(ledger: Ledger) -> None:
    """The entry's fields, and disclosed.request.url where the name was request.url."""
    sent = ledger.append("request.sending", {"effect": "reversible"}, {
        "request.connector": "zendesk", "request.method": "PUT", "request.url": "https://acme/é", "request.body": b"\xff",
    }, run="r1", step="suspend")
    for source in (ledger, ledger.folder):
        out = io.StringIO()
        assert export_jsonl(source, out) == 4
        views = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [view["seq"] for view in views] == [0, 1, 2, 3]
        assert "disclosed" not in views[0]
        shown = views[3].pop("disclosed")
        assert shown == {"request": {"connector": "zendesk", "method": "PUT", "url": "https://acme/é",
                                     "body": {"base64": "/w=="}}}
        assert views[3] == json.loads(sent.line)


def test_a_damaged_ledger_is_not_exported(closed: Path, tamper: Tamper) -> None:
    """A view that looks whole would be worse than none."""
    tamper(closed, "DELETE FROM disclosures")
    out = io.StringIO()
    with pytest.raises(LedgerError, match="missing"):
        export_jsonl(closed, out)
    assert out.getvalue() == ""
