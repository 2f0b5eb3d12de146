"""The two verifiers, asked the same question. They share no code; here they answer in one form."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from unittest import mock

from irkit import report as irkit_report
from irkit.errors import IrkitError
from irkit.ledger.trust import Trust
from tests.ledger.ways import verified

VERIFY_PY = Path(irkit_report.__file__).with_name("verify.py")
_FAILS = ("CONTRADICTED", "MISSING")


class Said(NamedTuple):
    """A finding, or a remark where the exit code is 0."""

    level: str
    mechanism: str
    entry: int | None
    what: str


class Verdict(NamedTuple):
    """`code`: 5, 1 or 0. `first`: what is named first of all that fails; None where nothing does."""

    code: int
    said: tuple[Said, ...]

    @property
    def first(self) -> Said | None:
        return next((one for one in self.said if one.level in _FAILS), None)


def by_irkit(path: Path, given: Mapping[str, Path]) -> Verdict:
    """What `irkit.ledger.verify` finds. A ledger that it will not read at all is refused by mechanism "refused"."""
    trust = Trust(signers=given.get("signers"), revoked=given.get("revoked"), tsa_ca=given.get("tsa-ca"),
                  expect=tuple(given[name] for name in ("expect",) if name in given), against=given.get("against"),
                  policy=given.get("policy"), required="require-trusted" in given)
    try:
        report = verified(path, trust)
    except IrkitError as error:
        return Verdict(error.exit_code, (Said("CONTRADICTED", "refused", None, error.what),))
    return Verdict(report.exit_code, tuple(Said(one.level, one.mechanism, one.entry, one.what)
                                           for one in (*report.findings, *report.remarks)))


@functools.cache
def _module() -> ModuleType:
    """verify.py, loaded from the file that a bag holds a copy of.

    What its own arithmetic says of a key, a text and a signature is remembered: most of a forged ledger is as honest as before.
    """
    spec = importlib.util.spec_from_file_location("verify_py", VERIFY_PY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    vars(module)["ed25519"] = functools.lru_cache(maxsize=10_000)(module.ed25519)
    return module


def arguments(path: Path, given: Mapping[str, Path]) -> list[str]:
    """The command line of verify.py."""
    options = [part for name, file in given.items()
               for part in ([f"--{name}"] if name == "require-trusted" else [f"--{name}", str(file)])]
    return [str(path), "--json", *options]


def by_verify_py(path: Path, given: Mapping[str, Path]) -> Verdict:
    """What verify.py finds, through its own `main`."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), mock.patch.object(sys, "argv", ["verify.py", *arguments(path, given)]):
        code = _module().main()
    return read(code, out.getvalue())


def read(code: int, printed: str) -> Verdict:
    """Its JSON."""
    found = json.loads(printed)
    return Verdict(code, tuple(Said(one["level"], one["mechanism"], one["entry"], one["what"])
                               for one in (*found["findings"], *found.get("remarks", ()))))
