"""Secrets that are planted, and looked for in everything that is left behind."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.rig import Ran
from tests.live.killing import shipped
from tests.live.rig import FIND, SUSPEND, Rig, Tenant, strings

BOOK = Path(__file__).resolve().parents[2] / "runbooks" / "zendesk_agent_compromise.yaml"
REPORTER = """\
import os, pathlib, sys
place = pathlib.Path(__file__).parent
for who, pid in (("irkit", os.getppid()), ("command", os.getpid())):
    (place / f"{who}.cmdline").write_bytes(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
(place / "command.environ").write_bytes(pathlib.Path("/proc/self/environ").read_bytes())
print((place.parent / "vault").read_text())
"""


def shapes(secret: str) -> list[bytes]:
    """A secret as it could stand somewhere."""
    plain = secret.encode()
    return [plain, quote(secret, safe="").encode(), base64.b64encode(plain).rstrip(b"="), plain.hex().encode(), plain[::-1]]


def left_behind(rig: Rig, incident: str, *ran: Ran) -> dict[str, bytes]:
    """Everything a run leaves: each file of the incident, its export, what was printed, and irkit.toml."""
    found = {str(path.relative_to(rig.evidence)): path.read_bytes() for path in rig.evidence.rglob("*") if path.is_file()}
    found["irkit.toml"] = (rig.folder / "irkit.toml").read_bytes()
    for number, one in enumerate(ran):
        found[f"printed {number}"] = (one.out + one.err).encode()
    if (rig.evidence / incident).exists():
        exported = rig("ledger", "export", incident, "--as", "jsonl")
        assert exported.code == 0, exported.err
        found["export"] = exported.out.encode()
        texts = [text for line in exported.out.splitlines() for text in strings(json.loads(line))]
        found["texts of the export"] = "\n".join(texts).encode()
        shown = rig("ledger", "show", incident)
        found["show"] = (shown.out + shown.err).encode()
    return found


def nowhere(secrets: Iterable[str], found: dict[str, bytes]) -> None:
    seen = [(name, secret[:4] + "…") for secret in secrets for shape in shapes(secret) for name, content in found.items()
            if shape in content]
    assert seen == []


def signed_in(rig: Rig, tenant: Tenant, way: str, reference: str) -> str:
    """Connect in that way, with the tenant's own credential where `reference` leads. Returns the credential."""
    known = tenant.credentials
    secret = {"token": known["token"], "client_credentials": known["client_secret"], "api_token": known["api_token"]}[way]
    needs = {"token": [], "client_credentials": ["client_id"], "api_token": ["email"]}[way]
    settings = {name: known[name] for name in needs}
    rig.env.pop("RIG_TOKEN", None)
    if reference == "env":
        rig.env["CANARY"] = secret
        rig.connect(sign_in=way, credential="env:CANARY", base_url=tenant.url, **settings)
    else:
        (rig.folder / "vault").write_text(secret)
        (rig.folder / "reports").mkdir()
        (rig.folder / "reports" / "reporter.py").write_text(REPORTER)
        rig.connect(sign_in=way, credential=f"command:{sys.executable} {rig.folder / 'reports' / 'reporter.py'}",
                    base_url=tenant.url, **settings)
    return secret


@pytest.mark.parametrize("way", ["token", "client_credentials", "api_token"])
@pytest.mark.parametrize("reference", ["env", "command"])
def test_a_credential_is_left_nowhere(rig: Rig, way: str, reference: str) -> None:
    """Signed in every way, with --debug: not in the incident, its export, what is printed, or a program's words."""
    tenant = rig.tenant()
    secret = signed_in(rig, tenant, way, reference)
    rig.runbook(FIND, SUSPEND)
    rig.answers(suspend="yes")
    log = rig.folder / "children.log"
    log.touch()
    ran = rig("--debug", "run", rig.folder / "mine.yaml", "--incident", "I", "--answers", rig.folder / "answers.yaml",
              children=str(log))
    assert ran.code == 0, ran.err[-2000:]
    assert tenant.writes
    found = left_behind(rig, "I", ran) | {"children": log.read_bytes()}
    if reference == "command":
        found |= {path.name: path.read_bytes() for path in (rig.folder / "reports").iterdir()}
        assert {"irkit.cmdline", "command.cmdline", "command.environ"} <= set(found)
    else:
        assert log.read_bytes() == b""                   # no program is started
    basic = base64.b64encode(f"{tenant.credentials['email']}/token:{secret}".encode()).decode()
    nowhere([secret, basic, *tenant.secrets], found)


FAULTS: Mapping[str, Mapping[str, object]] = {
    "refused": {"answer": {"status": 401, "body": "no"}},
    "broken": {"transport": "cut"},
    "lost": {"lost": "before"},
    "a page": {"transport": "html"},
}


@pytest.mark.parametrize("way", ["token", "client_credentials", "api_token"])
@pytest.mark.parametrize("what", FAULTS)
def test_a_failing_run_with_debug_shows_no_credential(rig: Rig, way: str, what: str) -> None:
    """Tracebacks quote arguments and chained errors: none of them has it. Reads fail here, and token calls."""
    fault = FAULTS[what]
    tenant = rig.tenant({"request": "*", "times": None, **fault})
    secret = signed_in(rig, tenant, way, "env")
    rig.runbook(FIND)
    rig.answers()
    ran = rig("--debug", "run", rig.folder / "mine.yaml", "--incident", "I", "--answers", rig.folder / "answers.yaml")
    assert ran.code in (3, 4), ran.err[-2000:]
    assert "Traceback" in ran.err                          # that is what --debug is for
    doctor = rig("--debug", "doctor")
    assert doctor.code == 4, doctor.out
    nowhere([secret], left_behind(rig, "I", ran, doctor))


@pytest.mark.parametrize("where", ["header", "body"])
def test_a_vendor_who_echoes_the_credential(rig: Rig, where: str) -> None:
    """An answer that quotes what was sent is kept without it."""
    tenant = rig.tenant()
    text = f"Bearer {tenant.token} is not known"
    answer = {"status": 422, "headers": {"x-debug": text}} if where == "header" else {
        "status": 422, "body": {"error": "RecordInvalid", "description": text}}
    tenant.now_meets({"request": "*", "times": None, "answer": answer})
    rig.runbook(FIND)
    rig.answers()
    ran = rig.run()
    assert ran.code == 3
    nowhere([tenant.token], left_behind(rig, "I", ran))


def test_a_credential_in_a_wrong_place_is_not_quoted(rig: Rig) -> None:
    """A token in clear in irkit.toml is refused without repeating it."""
    canary = "canary-0123456789abcdef"
    tenant = rig.tenant()
    rig.connect(base_url=tenant.url, credential=canary)
    rig.runbook(FIND)
    rig.answers()
    ran, doctor = rig("--debug", "run", rig.folder / "mine.yaml"), rig("--debug", "doctor")
    assert (ran.code, doctor.code) == (1, 1)
    assert canary not in ran.err + ran.out + doctor.err + doctor.out


def test_secrets_in_a_vendors_answers_are_not_kept(rig: Rig) -> None:
    """The shipped runbook, live, from its first step to its last: settings of apps, clients' and webhooks' secrets, tokens."""
    case = shipped(rig.folder)
    tenant = rig.tenant(**case.world)
    secret = signed_in(rig, tenant, "client_credentials", "env")
    (rig.folder / "answers.yaml").write_text(json.dumps(case.answers))
    ran = rig("--debug", "run", case.runbook, "--incident", "I", "--answers", rig.folder / "answers.yaml", phrases=True)
    assert ran.code == 0, ran.err[-3000:]
    assert len(tenant.writes) >= 3
    assert {"GET /api/v2/oauth/clients", "GET /api/v2/apps/installations", "GET /api/v2/webhooks"} <= {
        one.removesuffix(".json") for one in tenant.heard}
    secrets = tenant.secrets
    assert len(secrets) >= 8
    nowhere([secret, *secrets], left_behind(rig, "I", ran))
