"""The house rules that a machine can hold: who imports whom, which library belongs to whom, what start-up loads, sizes."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "irkit"
ROWS = [["cli"], ["ui", "report", "drill"], ["engine", "wire"], ["ledger", "runbook", "worlds", "config", "secrets"],
        ["connectors"], ["action"], ["errors"]]
ROW = {name: depth for depth, row in enumerate(ROWS) for name in row}
OWNERS = {"click": "cli", "httpx": "wire", "sqlite_utils": "ledger", "questionary": "ui", "prompt_toolkit": "ui",
          "yaml": "runbook", "jinja2": "runbook", "keyring": "secrets", "cryptography": "ledger",
          "rfc3161_client": "ledger", "jwt": "wire", "botocore": "wire"}
RECORDS = "msgspec"                      # every package's frozen records: a dataclass takes forty times as long to define
ALSO = {("report", "jinja2")}            # runbook has its parser, report its renderer; neither needs the other's half
SAME_ROW = {("config", "secrets")}      # one reads what the other resolves
FILES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """The package of irkit, or the top module, that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def crossing(path: Path) -> Iterator[str]:
    """What a file imports from beside or above it, and the libraries that belong to another package."""
    own = part(path)
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "irkit" and (other := rest.partition(".")[0]) in ROW and own in ROW and other != own:
            upwards = ROW[own] >= ROW[other] and (own, other) not in SAME_ROW
            if upwards or (own in ("connectors", "worlds") and other not in ("action", "errors")):
                yield f"{path}: {own} imports {name}"
        if top in OWNERS and (own, top) not in ALSO and own != OWNERS[top]:
            yield f"{path}: {own} imports {top}, which belongs to {OWNERS[top]}"


def test_imports_go_downwards_only() -> None:
    """A package imports those below it; connectors and worlds import the action protocol alone; libraries have one owner."""
    assert len(FILES) > 100
    assert [wrong for path in FILES for wrong in crossing(path)] == []


def test_no_module_outgrows_one_idea() -> None:
    """No module over 400 lines, and each begins with what it is for."""
    texts = {path: path.read_text() for path in FILES}
    assert [path for path, text in texts.items() if text.count("\n") > 400] == []
    assert [path for path, text in texts.items() if not re.match(r'(#.*\n)*"""[^\s"]', text)] == []


def loaded(code: str) -> set[str]:
    """Top-level modules in sys.modules after `code` ran in a fresh interpreter."""
    before = "import contextlib, io, sys, tempfile\nfrom irkit.cli import main\nquiet = io.StringIO()"
    script = f"{before}\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_help_loads_click_alone() -> None:
    """`irkit --help` imports no other library and none of irkit's own packages but the command line."""
    modules = loaded("with contextlib.redirect_stdout(quiet): main(['--help'])")
    assert "click" in modules
    assert not modules & ({*OWNERS, RECORDS} - {"click"})


def test_lint_loads_no_http() -> None:
    """Checking a runbook needs neither httpx nor SQLite nor questionary."""
    modules = loaded("with contextlib.redirect_stdout(quiet): main(['runbook', 'lint'])")
    assert not modules & {"httpx", "sqlite_utils", "questionary"}


def test_a_drill_loads_neither_http_nor_questionary() -> None:
    """An unattended drill walks to its end without either."""
    modules = loaded("with contextlib.redirect_stderr(quiet), tempfile.TemporaryDirectory() as folder:\n"
                     "    main(['--evidence', folder, 'drill', '--autoplay'])")
    assert "sqlite_utils" in modules
    assert not modules & {"httpx", "questionary"}


def test_signing_in_loads_no_cryptography_before_a_token_is_minted() -> None:
    """The wire is there without PyJWT: only an assertion needs it."""
    modules = loaded("import irkit.wire.http")
    assert "httpx" in modules
    assert not modules & {"jwt", "cryptography"}
