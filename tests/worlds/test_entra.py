"""The simulated Entra tenant over real HTTP: sign-ins, throttling, lost writes, links, and what doctor sees of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from irkit import connectors
from irkit.action import GET, NoAnswer, Request
from irkit.config import Connection
from irkit.engine.gate import Waiting
from irkit.errors import CredentialError
from irkit.ledger import Ledger
from irkit.runbook import Runbook, load_bytes
from irkit.wire.http import Wire
from irkit.worlds import Fault, Faults
from irkit.worlds.serve import Server, serve
from tests.cli.rig import Capsys, Ran, irkit
from tests.engine.play import Play
from tests.wire.rig import ignored
from tests.wire.test_signins import key
from tests.worlds.helpers import Clock, ask, make, read

USERS = GET("/v1.0/users", params={"$select": "id,accountEnabled"})
SECRET = make("entra").credentials()["client_secret"]

BOOK = """
schema: irkit/v1
runbook: play
title: A runbook of a test
version: 1
inputs: {agent_email: {type: email, ask: "Which account?"}}
steps:
  - id: agent
    phase: prepare
    title: Find the account
    why: Everything below is about it.
    action: entra.find_user
    with: {email: "{{ inputs.agent_email }}"}
  - id: tested
    phase: preserve
    title: The step in question
    why: It is what the test is about.
"""
USER = '    with: {user_id: "{{ steps.agent.id }}"}\n'
SINCE = '    with: {user_id: "{{ steps.agent.id }}", since: "2026-02-06T00:00:00Z"}\n'


class Ticks:
    """A clock of seconds that waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> bool:
        self.now += seconds
        return False


@contextmanager
def signed_in(way: str, credential: str, monkeypatch: pytest.MonkeyPatch, *, options: Mapping[str, object] | None = None,
              wall: Callable[[], float] = time.time,
              settings: Mapping[str, str] | None = None) -> Iterator[tuple[Wire, Server]]:
    monkeypatch.setenv("ENTRA", credential)
    world = make("entra", **(options or {}))           # type: ignore[arg-type]
    with serve(world) as server:
        one = Connection("entra", "entra", {**world.settings, **(settings or {})}, way, "env:ENTRA", server.url)
        ticks = Ticks()
        wire = Wire({"entra": one}, connectors.find, loopback=True, wall=wall, monotonic=ticks, wait=ticks.move)
        try:
            yield wire, server
        finally:
            wire.close()


def send(wire: Wire, request: Request = USERS) -> int:
    return wire.send(wire.prepare("entra", request), answered=ignored).status


class Served(Play):
    """A run of two steps, find the account and the one in question, against a tenant behind real HTTP."""

    wire: Wire

    def _perform(self, ledger: Ledger, clock: Any) -> Any:
        return self.wire


@contextmanager
def played(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, *faults: Fault,
           answers: Mapping[str, object] | None = None, **options: object) -> Iterator[Served]:
    """The run as it stands when it ended or paused; `walk()` resumes it. `world` is the tenant."""
    with signed_in("client_secret", SECRET, monkeypatch, options=options) as (wire, server):
        server.faults = Faults(list(faults))
        play = Served(folder / "I", book(step), answers or {})
        play.wire, play.world = wire, server.world
        play.walk()
        yield play


def book(step: str) -> Runbook:
    return load_bytes((BOOK + step).encode(), "play.yaml")


def enabled(play: Served) -> bool:
    user: Mapping[str, Any] = play.world.tenant.shelves["users"][play.world.samples()["user_id"]]
    return bool(user["accountEnabled"])


# -- the token endpoint ------------------------------------------------------------------------------------------

def test_a_client_secret_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret gets a token from the tenant's endpoint, and the token is taken."""
    with signed_in("client_secret", SECRET, monkeypatch) as (wire, _):
        assert send(wire) == 200


def test_a_certificate_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The assertion is text that decodes, with the thumbprint, the client, and the vendor's own endpoint as its audience.

    (MSAL hands httpx the bytes of it, printed.)
    """
    monkeypatch.setattr(Clock, "__call__", lambda _: datetime.now(UTC))
    with signed_in("certificate", key(), monkeypatch) as (wire, _):
        assert send(wire) == 200


@pytest.mark.parametrize(("options", "settings", "said"), [
    ({}, {"tenant": "0f8e5a40-2c11-4b6e-9f6b-000000000000"}, "AADSTS90002): there is no such tenant"),
    ({}, {"client_id": "0f8e5a40-2c11-4b6e-9f6b-000000000000"}, "AADSTS700016): the app is not in this tenant"),
    ({"credential": "removed"}, {}, "AADSTS7000215): the secret is wrong"),
    ({"credential": "expired"}, {}, "AADSTS7000222): the secret has expired")],
    ids=["another tenant", "another app", "a secret that was removed", "a secret that has expired"])
def test_a_refused_sign_in_says_why(options: dict[str, object], settings: dict[str, str], said: str,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong tenant, app or secret: the vendor's own number, what it means, and the next command. No word of the clock."""
    with signed_in("client_secret", SECRET, monkeypatch, options=options, settings=settings) as (wire, _), \
            pytest.raises(CredentialError) as caught:
        send(wire)
    assert said in str(caught.value)
    assert "clock" not in str(caught.value)
    assert caught.value.next == "irkit doctor entra"


def test_a_clock_that_makes_the_assertion_invalid_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour fast: Entra refuses the assertion's time, and the sentence says how far this machine is off."""
    monkeypatch.setattr(Clock, "__call__", lambda _: datetime.now(UTC))
    with signed_in("certificate", key(), monkeypatch, wall=lambda: time.time() + 3600) as (wire, _), \
            pytest.raises(CredentialError, match=r"AADSTS700024.*This machine's clock is 3[56]\d\d s ahead of the server's"):
        send(wire)


def test_a_certificate_that_is_not_registered_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An assertion without its thumbprint is of no certificate of the app's."""
    answer = ask(make("entra"), "POST", f"/{make('entra').settings['tenant']}/oauth2/v2.0/token", {
        "client_id": make("entra").settings["client_id"], "grant_type": "client_credentials",
        "scope": "https://graph.microsoft.com/.default", "client_assertion": "e30.e30.x"}, authorization="")
    assert answer.status == 401
    assert "AADSTS700027" in read(answer)["error_description"]


def test_a_token_that_is_rejected_is_fetched_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Graph answers 401 once, as when the tokens were revoked: the next one works, and the step is done."""
    with played(tmp_path, monkeypatch, "    action: entra.collect_methods\n" + USER,
                Fault("entra", "GET */authentication/methods", answer={"status": 401})) as play:
        assert play.paused is None
        assert play.step("tested").result["count"] == 4


# -- reads ---------------------------------------------------------------------------------------------------------

LOG = "    action: entra.collect_sign_ins\n" + SINCE


def test_a_throttled_log_waits_as_long_as_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 with Retry-After is waited for, and the collection is complete; nobody is asked."""
    slow = {"status": 429, "retry_after": 10, "headers": {"x-ms-throttle-scope": "Tenant_Application/ReadWrite/northwind"}}
    with played(tmp_path, monkeypatch, LOG, Fault("entra", "GET /v1.0/auditLogs/signIns", answer=slow, times=2)) as play:
        assert [waiting.seconds for waiting in play.heard(Waiting)] == [10.0, 10.0]
        assert play.step("tested").result["complete"] is True


def test_identity_protection_names_no_time_and_is_waited_for_all_the_same(tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """429 without Retry-After: irkit waits on its own, longer each time."""
    with played(tmp_path, monkeypatch, "    action: entra.collect_risk\n" + USER,
                Fault("entra", "GET /v1.0/identityProtection/*", answer={"status": 429}, times=2)) as play:
        first, second = (waiting.seconds for waiting in play.heard(Waiting))
        assert 0 < first < second
        assert play.step("tested").result["state"] == "atRisk"


def test_next_links_are_followed_verbatim_through_empty_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is another one, the empty one no end, and the filter stays: all rows come, once.

    (A client that adds parameters to the link loses its query, and reads page 1 for ever.)
    """
    with played(tmp_path, monkeypatch, LOG) as play:
        found = play.step("tested").result
        assert (found["pages"], found["rows"], found["duplicates"], found["complete"]) == (6, 12 + 2, 1, True)


def test_a_next_link_to_another_host_is_never_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token would go there. The step fails, says where the link led, and nothing is reported as collected."""
    link = {"value": [], "@odata.nextLink": "https://graph.attacker.example/v1.0/auditLogs/signIns?$skiptoken=x"}
    with played(tmp_path, monkeypatch, LOG, Fault("entra", "GET /v1.0/auditLogs/signIns",
                                                  answer={"status": 200, "body": link})) as play:
        assert play.paused is not None
        failed = next(entry for entry in play.entries("step.failed"))
        assert "graph.attacker.example" in str(play.said)
        assert failed.step == "tested"


def test_a_condition_that_the_vendor_ignores_is_noticed_by_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of other people come with 200: they are kept, told, and counted for nobody."""
    with played(tmp_path, monkeypatch, LOG, ignore_filters=True) as play:
        assert "1 row that the filter did not ask for, kept too" in play.step("tested").result["notes"]


@pytest.mark.parametrize("fault", [{"transport": "cut"}, {"transport": "reset"}, {"lost": "before"}], ids=str)
def test_a_read_that_is_dropped_is_made_again(fault: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read may be repeated: the collection is complete."""
    with played(tmp_path, monkeypatch, "    action: entra.collect_methods\n" + USER,
                Fault("entra", "GET */authentication/methods", **fault)) as play:
        assert play.step("tested").result["complete"] is True


# -- a write, and its answer lost ------------------------------------------------------------------------------------

DISABLE = "    action: entra.disable_user\n" + USER


@pytest.mark.parametrize(("lost", "took"), [("before", False), ("after", True)])
def test_a_dropped_write_is_unknown_and_never_sent_again_by_itself(lost: Any, took: bool, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropped on its way there or back: unknown. The look decides: done without a second sending, or asked before one."""
    again = [{"look_again": "yes"}] if took else [{"send": "yes"}, "yes"]
    with played(tmp_path, monkeypatch, DISABLE, Fault("entra", "PATCH /v1.0/users/*", lost=lost),
                answers={"tested": ["yes"]}) as play:
        assert play.paused is not None
        assert play.entries("step.unknown")
        assert enabled(play) is not took
        assert len(play.entries("request.sending")) == 1
        play.answers = {"tested": again}
        assert play.walk().paused is None
        assert enabled(play) is False
        assert len(play.entries("request.sending")) == (1 if took else 2)


def test_a_privileged_person_is_a_role_gap_with_the_portal_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graph's 403 on disabling: failed, with the role that the app lacks and where to do it by hand."""
    with played(tmp_path, monkeypatch, DISABLE, answers={"tested": ["yes"]}, app_role=False) as play:
        said = str(play.said)
        assert "User Administrator" in said
        assert "Entra admin center > Users > the user" in said
        assert enabled(play)


def test_a_write_without_an_answer_raises_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wire says that the outcome is unknown."""
    from irkit.action import PATCH
    with signed_in("client_secret", SECRET, monkeypatch) as (wire, server):
        user = str(server.world.samples()["user_id"])
        send(wire)
        server.faults = Faults([Fault("entra", "PATCH /v1.0/users/*", lost="after")])
        with pytest.raises(NoAnswer):
            send(wire, PATCH("/v1.0/users/{}", user, json={"accountEnabled": False}, affects=["x"], noun="person"))


def test_reports_are_throttled_after_five_in_ten_seconds() -> None:
    """The sixth request gets 429 with Retry-After; Identity Protection sends none."""
    world = make("entra", limits=True)
    answers = [ask(world, "GET", "/v1.0/auditLogs/directoryAudits") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "10"
    ask(world, "GET", "/v1.0/identityProtection/riskyUsers")
    refused = ask(world, "GET", "/v1.0/identityProtection/riskyUsers")
    assert refused.status == 429
    assert "retry-after" not in refused.headers


# -- connect and doctor ------------------------------------------------------------------------------------------------

PROOFS = connectors.find("entra").proofs
# With these left out, too, no wider permission stands in for the one in question.
WIDER = {"Application.Read.All": "Application.ReadWrite.All", "Device.Read.All": "Device.ReadWrite.All",
         "UserAuthenticationMethod.Read.All": "UserAuthenticationMethod.ReadWrite.All",
         "IdentityRiskyUser.Read.All": "IdentityRiskyUser.ReadWrite.All"}
ALSO = {"AuditLog.Read.All": "Entra ID P1 or P2, a licence",
        "RoleManagement.Read.Directory": "User Administrator, a directory role"}
SCOPES = [proof.scope for proof in PROOFS if proof.scope.count(".") > 0]


def doctor(capsys: Capsys, folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str, faults: tuple[Fault, ...] = (),
           **options: object) -> Ran:
    """`irkit connect entra` to a served tenant, and `irkit doctor entra --json`."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ENTRA", SECRET)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Clock, "__call__", lambda _: datetime.now(UTC))
    with serve(make("entra", **options)) as server:          # type: ignore[arg-type]
        server.faults = Faults(faults)
        settings = [part for name, value in server.world.settings.items() for part in ("--set", f"{name}={value}")]
        made = irkit(capsys, "connect", "entra", "--config", "irkit.toml", "--sign-in", "client_secret", "--credential",
                     "env:ENTRA", "--base-url", server.url, *settings)
        assert made.code == 0, made.err
        return irkit(capsys, "doctor", "entra", "--config", "irkit.toml", "--json", *words)


def checks(ran: Ran) -> dict[str, str]:
    return {one["text"].partition(":")[0]: one["state"] for one in ran.json["checks"] if one["name"] == "entra"}


def test_doctor_proves_every_permission(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for whom irkit acts as and one for each permission, all ok; nothing is changed."""
    ran = doctor(capsys, tmp_path, monkeypatch)
    assert checks(ran) == {"irkit incident response, User Administrator; this machine itself, so a run is a test": "ok",
                           **{proof.scope: "ok" for proof in PROOFS}}


@pytest.mark.parametrize("scope", SCOPES)
def test_doctor_names_the_one_permission_that_is_missing(scope: str, capsys: Capsys, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """Its line says so, also where irkit cannot see whom it acts as; what is there is not called missing."""
    ran = doctor(capsys, tmp_path, monkeypatch, missing=f"{scope},{WIDER.get(scope, '')}")
    missing = {name.removesuffix(" is missing") for name in checks(ran) if name.endswith("is missing")}
    assert scope in missing
    if scope == "Application.Read.All":          # what was granted is not seen without it
        assert "whom it acts as cannot be seen without Application.Read.All" in checks(ran)
    else:
        assert missing <= {scope, WIDER.get(scope), ALSO.get(scope)}


def test_doctor_tests_in_advance_whether_somebody_privileged_can_be_disabled(capsys: Capsys, tmp_path: Path,
                                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a directory role of the app the proof of it fails, although every permission is there."""
    found = checks(doctor(capsys, tmp_path, monkeypatch, app_role=False))
    assert [name for name, state in found.items() if state == "FAIL"] == ["User Administrator, a directory role is missing"]


def test_a_scope_that_is_missing_is_no_reason_to_call_all_steps_impossible(capsys: Capsys, tmp_path: Path,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ready, exit 4, with the line of the scope; steps are blocked only by a connection that does not work."""
    runbooks = Path(__file__).parents[2] / "runbooks"
    monkeypatch.setenv("IRKIT_RUNBOOKS", str(runbooks))
    ran = doctor(capsys, tmp_path, monkeypatch, "--for", "entra_account_compromise", missing="MailboxSettings.Read")
    assert ran.code == 4
    assert ran.json["blocked"] == []


def test_doctor_waits_when_it_is_asked_to_slow_down(capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """429 says nothing of a permission: it is asked again. One that never ends is not known, and not called missing."""
    slow = Fault("entra", "GET */auditLogs/directoryAudits", answer={"status": 429, "retry_after": 0}, times=2)
    assert checks(doctor(capsys, tmp_path, monkeypatch, faults=(slow,)))["AuditLog.Read.All"] == "ok"
    ever = replace(slow, times=None)
    assert "AuditLog.Read.All is not known" in checks(doctor(capsys, tmp_path, monkeypatch, faults=(ever,)))


def test_every_permission_that_an_action_names_is_proved() -> None:
    """What a docstring needs, doctor proves."""
    docstrings = [action.function.__doc__ or "" for action in connectors.find("entra").actions.values()]
    needed = {name for text in docstrings for name in re.findall(r"\b[A-Z]\w+\.[A-Z]\w+(?:\.(?:All|Directory))?\b", text)}
    assert len(needed) > 15
    assert needed <= {proof.scope for proof in PROOFS}
