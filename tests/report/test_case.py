"""The CASE/UCO graph."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from irkit.ledger import Ledger
from irkit.ledger.export import stored
from irkit.report.case import Case
from irkit.report.view import Hidden, Shown, shown
from tests.report.incident import build


def document(folder: Path, *, hidden: int = -1) -> str:
    out = io.StringIO()
    with Ledger.open(folder, write=False) as ledger:
        case = Case(out, incident=folder.name, origin=ledger.origin, mode=ledger.mode, version="0.1")
        for row in shown(stored(ledger), lambda entry: Hidden(entry.seq == hidden)):
            if isinstance(row, Shown):
                case.add(row)
        case.close()
    return out.getvalue()


def nodes(text: str, kind: str) -> list[Any]:
    return [node for node in json.loads(text)["@graph"] if node["@type"].endswith(kind)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build(tmp_path / "INC-1")


@pytest.mark.skipif(not shutil.which("case_validate"), reason="case_validate (case-utils) is not installed")
def test_the_ontology_accepts_it(folder: Path, tmp_path: Path) -> None:
    """case_validate finds that it conforms to CASE."""
    (tmp_path / "case.jsonld").write_text(document(folder))
    done = subprocess.run(["case_validate", str(tmp_path / "case.jsonld")], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout
    assert "Conforms: True" in done.stdout


def test_identifiers_are_the_same_each_time(folder: Path) -> None:
    """The same ledger gives the same graph; another ledger shares no identifier with it."""
    assert document(folder) == document(folder)
    other = build(folder.with_name("INC-2"))
    ids = [{node["@id"] for node in json.loads(document(one))["@graph"]} for one in (folder, other)]
    assert not ids[0] & ids[1]
    assert all(re.fullmatch(r"kb:[a-z]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in ids[0])


def test_every_reference_leads_somewhere(folder: Path) -> None:
    """No node points to one that is not there."""
    text = document(folder)
    there = set(re.findall(r'"@id": "([^"]+)", "@type"', text))
    assert set(re.findall(r'"@id": "([^"]+)"', text)) == there


def test_files_have_hash_size_and_provenance(folder: Path) -> None:
    """Each artefact is a file with its SHA-256, and a record of how it came in."""
    text = document(folder)
    files = nodes(text, "File")
    assert len(files) == 2
    for file in files:
        content = next(facet for facet in file["uco-core:hasFacet"] if facet["@type"].endswith("ContentDataFacet"))
        assert content["uco-observable:hash"]["uco-types:hashMethod"] == "SHA256"
        assert re.fullmatch("[0-9a-f]{64}", content["uco-observable:hash"]["uco-types:hashValue"]["@value"])
        assert content["uco-observable:sizeInBytes"] > 0
    records = nodes(text, "ProvenanceRecord")
    assert {ref["@id"] for record in records for ref in record["uco-core:object"]} >= {file["@id"] for file in files}


def test_actions_have_time_performer_and_instrument(folder: Path) -> None:
    """What was done, when, by whom, with irkit; a request's answer was informed by it."""
    actions = nodes(document(folder), "InvestigativeAction")
    sending = next(action for action in actions if action["uco-core:name"].endswith("request.sending"))
    assert sending["uco-action:startTime"]["@type"] == "xsd:dateTime"
    assert sending["uco-action:performer"]["@id"].startswith("kb:identity-")
    answer = next(action for action in actions if action["uco-core:name"].endswith("request.answer"))
    assert answer["case-investigation:wasInformedBy"] == {"@id": sending["@id"]}


def test_a_withheld_entry_is_not_in_it(folder: Path) -> None:
    """Neither as a node nor as what another node refers to."""
    seq = next(int(n["uco-core:name"].split()[1][:-1]) for n in nodes(document(folder), "InvestigativeAction")
               if n["uco-core:name"].endswith("request.sending"))
    text = document(folder, hidden=seq)
    assert f"entry {seq}:" not in text
    there = set(re.findall(r'"@id": "([^"]+)", "@type"', text))
    assert set(re.findall(r'"@id": "([^"]+)"', text)) == there


def test_what_is_not_live_says_so(tmp_path: Path) -> None:
    """The investigation and every action bear the mode."""
    text = document(build(tmp_path / "INC-3", "drill"))
    named = [*nodes(text, "Investigation"), *nodes(text, "InvestigativeAction")]
    assert all(node["uco-core:name"].startswith("DRILL ") for node in named)
