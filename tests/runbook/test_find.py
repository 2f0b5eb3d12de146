"""Where runbooks are looked for, the schema, the skeleton, and what loading them costs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.errors import UsageError
from irkit.runbook import available, check_bytes, find, load_bytes, schema, search_path, skeleton
from irkit.runbook.find import shipped


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text("x")
    return path


def test_named_folders_win_over_the_working_folder() -> None:
    """Several may be named, as in PATH; the shipped ones come last."""
    found = search_path({"IRKIT_RUNBOOKS": "/a:/b"})
    assert found[:3] == [Path("/a"), Path("/b"), Path("runbooks")]
    assert found[3:] == [path for path in shipped() if path.is_dir()][:1]


def test_of_two_runbooks_with_one_name_the_first_folder_wins(tmp_path: Path) -> None:
    """A folder that is not there holds none, and other files are no runbooks."""
    first, second = folder(tmp_path / "1", "a.yaml", "notes.txt"), folder(tmp_path / "2", "a.yaml", "b.yaml")
    folders = [first, tmp_path / "gone", second]
    assert available(folders) == {"a": first / "a.yaml", "b": second / "b.yaml"}
    assert find("b", folders) == second / "b.yaml"
    assert find(str(second / "a.yaml"), [first]) == second / "a.yaml"


def test_a_runbook_that_is_nowhere_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """And what it may have meant."""
    where = folder(tmp_path / "1", "helpdesk.yaml")
    with pytest.raises(UsageError, match=r"no runbook is called 'helpdsk'; did you mean 'helpdesk'\?") as caught:
        find("helpdsk", [where])
    assert (caught.value.where, caught.value.next) == (f"looked in {where}", "irkit runbook list")
    with pytest.raises(UsageError, match=r"there is no runbook file ./helpdsk.yaml"):
        find("./helpdsk.yaml", [where])


def test_the_skeleton_lints_without_a_word() -> None:
    """It is the first runbook a newcomer sees."""
    text = skeleton("slack_app_compromise")
    assert check_bytes(text.encode(), "slack_app_compromise.yaml", "slack_app_compromise").found == []
    assert {step.kind for step in load_bytes(text.encode(), "x").steps} == {"action", "do", "ask"}
    with pytest.raises(UsageError, match="is not snake_case"):
        skeleton("../x")


def test_the_schema_knows_every_key_and_no_other() -> None:
    """It is made from the types that loading uses."""
    made = schema()
    step = made["$defs"]["Step"]
    assert set(step["properties"]) == {
        "id", "title", "why", "action", "do", "ask", "phase", "owner", "with", "when", "for_each", "after", "approve",
        "evidence", "choices", "target", "unpreserved", "refs", "connection"}
    assert set(made["$defs"]["Runbook"]["properties"]) == {
        "schema", "runbook", "title", "version", "owner", "use_when", "inputs", "roles", "compromised", "clocks",
        "steps"}
    assert step["required"] == ["id", "title"]
    assert all(not part.get("additionalProperties", True) for part in made["$defs"].values())
    assert [kind["required"] for kind in step["oneOf"]] == [["action", "why"], ["do"], ["ask", "choices"]]
    assert made["$defs"]["Clock"]["properties"]["within"]["pattern"] == "^[0-9]{1,6}[smhd]$"
    assert json.loads(json.dumps(made)) == made


def loaded(code: str) -> set[str]:
    names = ("httpx", "click", "jinja2", "sqlite_utils", "questionary", "irkit.engine", "irkit.connectors.zendesk")
    made = subprocess.run([sys.executable, "-c", f"import sys; {code}; print(*(n for n in {names} if n in sys.modules))"],
                          capture_output=True, text=True, check=True)
    return set(made.stdout.split())


def test_importing_the_language_loads_no_client_no_terminal_and_no_connector() -> None:
    """Templates load Jinja's parser when the first one is read."""
    assert loaded("import irkit.runbook") == set()


def test_lint_loads_no_client_and_no_terminal() -> None:
    """It loads the connectors that the runbook names."""
    code = "from irkit.runbook import *; check_bytes(skeleton('a').encode(), 'a.yaml')"
    assert loaded(code) == {"jinja2", "irkit.connectors.zendesk"}
