"""What is wrong on this side: connections, credentials, disks, incidents, runbooks. Each with its exit code and what to do."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Mapping

import pytest

from irkit.ledger.verify import verify
from tests.live.rig import CALL, CALLED, FIND, HEAD, SUSPEND, Rig, ended, prepared, says

# -- connections and credentials -------------------------------------------------------------------------------------

def test_nobody_listens(rig: Rig) -> None:
    """Connection refused: nothing was sent, the host is named, and the run goes on once somebody listens."""
    prepared(rig)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    good = (rig.folder / "irkit.toml").read_text()
    rig.connect(base_url=f"http://127.0.0.1:{port}")
    ended(rig.run(), 3, "FAILED 1. Find the account", "no connection to 127.0.0.1", "Nothing was sent", "irkit resume I")
    assert "request.not_sent" in rig.kinds()
    (rig.folder / "irkit.toml").write_text(good)
    ended(rig.resume(), 0, "Run closed")


def test_a_wrong_path_in_the_address_is_not_the_vendor(rig: Rig) -> None:
    """An address with one word too many answers 404; it is a failure, not an empty list."""
    tenant = rig.tenant()
    rig.connect(base_url=f"{tenant.url}/wrong")
    rig.runbook(FIND)
    rig.answers()
    ended(rig.run(), 3, "FAILED 1. Find the account", "answered 404", "irkit resume I")


@pytest.mark.parametrize("base_url", ["http://acme.zendesk.com", "https://user:word@acme.zendesk.com", "ftp://acme", "acme"])
def test_an_address_that_irkit_may_not_call_is_refused_before_anything(rig: Rig, base_url: str) -> None:
    """Only https, without a user name; the mistake names the file and the key."""
    prepared(rig)
    rig.connect(base_url=base_url, subdomain="acme")
    ran = rig.run()
    ended(ran, 1, "irkit.toml", "connections.zendesk.base_url", "irkit doctor")
    assert "word" not in ran.err
    assert not rig.evidence.exists()


def test_a_subdomain_that_is_none_is_refused(rig: Rig) -> None:
    """A whole address in place of the subdomain."""
    prepared(rig)
    rig.connect(subdomain="https://acme.zendesk.com")
    ended(rig.run(), 1, "connections.zendesk.settings.subdomain", "irkit doctor")


def test_a_missing_connection_says_how_to_make_it(rig: Rig) -> None:
    """Exit 4, before there is an incident."""
    prepared(rig)
    (rig.folder / "irkit.toml").unlink()
    ended(rig.run(), 4, "no connection called zendesk", "irkit connect zendesk")
    assert not rig.evidence.exists()


def test_a_missing_credential_says_which(rig: Rig) -> None:
    """Exit 4, naming the variable, before there is an incident; on resume, before anything is appended."""
    tenant = prepared(rig)
    token = rig.env.pop("RIG_TOKEN")
    ended(rig.run(), 4, "the environment variable RIG_TOKEN is not set", "connection zendesk", "irkit connect zendesk")
    assert tenant.heard == []
    assert not rig.evidence.exists()
    rig.env["RIG_TOKEN"] = token
    rig.run(dies_at="step.asked")
    before = rig.kinds()
    del rig.env["RIG_TOKEN"]
    ended(rig.resume(), 4, "the environment variable RIG_TOKEN is not set", "irkit connect zendesk")
    assert rig.kinds() == before
    rig.env["RIG_TOKEN"] = token
    ended(rig.resume(), 0, "Run closed")


@pytest.mark.parametrize(("credential", "words"), [
    ("command:false", "the credential command false ended with exit code 1"),
    ("command:/no/such/program", "the credential command program could not be run"),
    ("command:true", "the credential is empty"),
    ("prompt", "needs a terminal"),
])
def test_a_credential_that_cannot_be_had(rig: Rig, credential: str, words: str) -> None:
    """A command that fails or prints nothing: exit 4. A prompt without a terminal: exit 2."""
    tenant = rig.tenant()
    rig.connect(base_url=tenant.url, credential=credential)
    rig.runbook(FIND)
    rig.answers()
    ended(rig.run(), 2 if credential == "prompt" else 4, words, "next")
    assert tenant.heard == []


def test_an_expired_token_is_renewed_and_the_run_goes_on(rig: Rig) -> None:
    """401 from the tenant itself: the step fails, and is taken again with the new credential."""
    tenant = prepared(rig)
    rig.env["RIG_TOKEN"] = "expired-token-0123456789"
    ran = rig.run()
    ended(ran, 3, "1. Find the account", "401", "the credential is refused", "irkit doctor zendesk", "irkit resume I")
    assert "gap" not in ran.words
    rig.env["RIG_TOKEN"] = tenant.token
    ended(rig.resume(), 0, "Run closed")


@pytest.mark.parametrize(("status", "code"), [(401, 4), (503, 3)])
def test_a_token_endpoint_that_refuses(rig: Rig, status: int, code: int) -> None:
    """client_credentials: a refusal is a matter of the credential, an outage of the step; no request follows either."""
    tenant = rig.tenant({"request": "POST /oauth/tokens", "times": None, **says(status)})
    rig.env["RIG_SECRET"] = tenant.credentials["client_secret"]
    rig.connect(sign_in="client_credentials", credential="env:RIG_SECRET", base_url=tenant.url,
                client_id=tenant.credentials["client_id"])
    rig.runbook(FIND)
    rig.answers()
    ended(rig.run(), code, f"the token endpoint of zendesk answered {status}", "next")
    assert not [one for one in tenant.heard if one.startswith("GET")]
    tenant.now_meets()
    ended(rig.resume(), 0, "Run closed")


# -- the disk --------------------------------------------------------------------------------------------------------

def test_a_full_disk_stops_the_write_before_it_leaves(rig: Rig) -> None:
    """The sending cannot be recorded, so it is not sent; with room again the run goes on, and sends once."""
    tenant = prepared(rig)
    rig.env["IRKIT_EVIDENCE_OF_TEST"] = str(rig.evidence)
    ended(rig.run(full_disk="request.sending"), 1, "nothing was appended", str(rig.evidence), "df -h", "; then: irkit resume I")
    assert tenant.writes == []
    assert "request.sending" not in rig.kinds()
    ended(rig.resume(), 0, "Run closed")
    assert len(tenant.writes) == 1


def test_a_full_disk_while_pages_stream_leaves_no_half_artefact(rig: Rig) -> None:
    """A collection that the disk refuses is no evidence, and is collected again."""
    rig.tenant()
    rig.runbook("  - {id: log, phase: preserve, title: Keep the log, why: It goes., action: zendesk.collect_audit_log,\n"
                '     with: {since: "2026-01-01T00:00:00Z"}}\n')
    rig.answers()
    rig.env["IRKIT_EVIDENCE_OF_TEST"] = str(rig.evidence)
    ended(rig.run(full_disk="artefact.added#2"), 1, "df -h", "; then: irkit resume I")
    assert [e.disclosed["artefact.name"] for e in rig.entries(kind="artefact.added")] == ["mine.yaml"]
    ended(rig.resume(), 0, "Run closed")


def test_an_evidence_folder_that_cannot_be_written(rig: Rig) -> None:
    """No incident, no request; the folder is named."""
    tenant = rig.tenant()
    rig.runbook(FIND)
    rig.answers()
    rig.evidence.mkdir(mode=0o555)
    ended(rig.run(unprivileged=True), 1, str(rig.evidence), "Permission denied", "next")
    assert tenant.heard == []
    assert list(rig.evidence.iterdir()) == []


def test_an_incident_that_may_only_be_read(rig: Rig) -> None:
    """Resume is refused with a sentence; status and verify work; once it may be written the run goes on."""
    prepared(rig)
    rig.run(dies_at="step.asked")
    places = [*(rig.evidence / "I").rglob("*"), rig.evidence / "I"]
    for path in places:
        path.chmod(0o555 if path.is_dir() else 0o444)
    ended(rig.resume(unprivileged=True), 1, "read-only", "next")
    assert rig("status", "I", "--json", unprivileged=True).code == 0
    assert rig("ledger", "verify", "I", unprivileged=True).code == 0
    for path in places:
        path.chmod(0o755 if path.is_dir() else 0o644)
    ended(rig.resume(), 0, "Run closed")


# -- the incident ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", [["resume"], ["status"], ["note"], ["ledger", "verify"]], ids=" ".join)
def test_a_folder_that_is_no_incident(rig: Rig, command: list[str]) -> None:
    """Exit 5, and where to look."""
    (rig.evidence / "I").mkdir(parents=True)
    (rig.evidence / "I" / "holiday.jpg").write_bytes(b"x")
    ran = rig(*command, "I", *(["text"] if command == ["note"] else []))
    ended(ran, 5, "I is a folder, but no incident", "irkit incident list")
    assert [p.name for p in (rig.evidence / "I").iterdir()] == ["holiday.jpg"]


def test_an_incident_that_is_not_there(rig: Rig) -> None:
    """Exit 2: a word on the command line is wrong."""
    ended(rig("resume", "INC-1"), 2, "there is no incident 'INC-1'", "irkit incident list")


@pytest.mark.parametrize("name", ["../outside", ".hidden", "x" * 65])
def test_a_name_that_is_no_folder_of_the_root(rig: Rig, name: str) -> None:
    """An incident is one folder below the evidence root."""
    prepared(rig)
    ended(rig("run", rig.folder / "mine.yaml", f"--incident={name}", "--answers", rig.folder / "answers.yaml"), 2,
          "cannot be an incident's id")
    assert not rig.evidence.exists()


def test_a_damaged_ledger_is_not_appended_to(rig: Rig) -> None:
    """Resume, note and run refuse, name the entry and the command that shows it, and change nothing; exit 5."""
    tenant = prepared(rig)
    rig.run(dies_at="step.asked")
    with sqlite3.connect(rig.evidence / "I" / "ledger.db") as store:
        for trigger in [name for name, in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            store.execute(f"DROP TRIGGER {trigger}")
        store.execute("UPDATE entries SET line = replace(line, 'step.started', 'step.skipped') WHERE seq = 4")
    store.close()
    damaged = (rig.evidence / "I" / "ledger.db").read_bytes()
    heard = tenant.heard
    for command in (["resume", "I"], ["note", "I", "hello"], ["run", str(rig.folder / "mine.yaml"), "--incident", "I"]):
        answers = [] if command[0] == "note" else ["--answers", str(rig.folder / "answers.yaml")]
        ended(rig(*command, *answers), 5, "entry 4", "irkit ledger verify")
    assert tenant.heard == heard
    assert (rig.evidence / "I" / "ledger.db").read_bytes() == damaged
    assert verify(rig.evidence / "I").exit_code == 5


def test_an_artefact_that_was_changed_is_noticed_on_resume(rig: Rig) -> None:
    """The run's own copy of its runbook, shortened: nothing is walked from it."""
    tenant = prepared(rig)
    rig.run(dies_at="step.asked")
    copy = next(path for path in (rig.evidence / "I" / "artifacts").rglob("*") if path.is_file())
    copy.chmod(0o644)
    copy.write_bytes(b"steps: []")
    heard, size = tenant.heard, verify(rig.evidence / "I").entries
    ended(rig.resume(), 5, "irkit ledger verify")
    assert (tenant.heard, verify(rig.evidence / "I").entries) == (heard, size)


def test_a_second_run_in_an_incident_with_an_open_one(rig: Rig) -> None:
    """Refused with the command that goes on, and with the one for an incident of its own; that one works."""
    prepared(rig)
    rig.run(dies_at="step.asked")
    ran = rig.run()
    ended(ran, 2, "I has a run of mine open already", "irkit resume I")
    assert "or the same command with --incident NAME, another one" in ran.words
    ended(rig.run("NAME"), 0, "Run closed")


def test_whoever_lost_the_run_sends_nothing_more(rig: Rig) -> None:
    """Two terminals resume one run. The second takes it over in words; the first, at its gate, finds out and sends nothing."""
    tenant = rig.tenant()
    rig.runbook(FIND, SUSPEND, CALL)
    rig.answers(suspend="yes", call=CALLED)
    rig.run(dies_at="step.done")
    first = rig.person("resume", "I")
    first.sees("Send it?")
    second = rig.person("resume", "I", env={"IRKIT_WHO": "sam"})
    second.sees("maria has this run open in another terminal")
    second.sees("Type I HAVE IT to take over, or q quit")
    second.types("y\n")
    second.sees("Accepted here: I HAVE IT (exactly so), or q.")
    second.sees("or q quit:")                              # what is typed before the question stands there again is no answer
    second.types("I HAVE IT\n")
    second.sees("Send it?")
    first.types("y\n")
    assert first.ends() == 5
    assert "sam took this run over in another terminal" in first.words
    assert tenant.writes == []
    second.types("y\n")
    second.sees("Done?")
    assert len(tenant.writes) == 1
    second.types("\x03")
    assert second.ends() == 3
    assert {e.session for e in rig.entries(kind="request.sending")} == {rig.entries(kind="run.resumed")[-1].session}


def test_quitting_leaves_the_run_to_the_other(rig: Rig) -> None:
    """`q` at the take-over changes no holder: the first goes on and sends."""
    tenant = rig.tenant()
    rig.runbook(FIND, SUSPEND)
    first = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", "agent_email=dana@example.org")
    first.sees("Send it?")
    rig.answers(takeover="q")
    ended(rig.resume(), 2, "not taken over", "irkit status I")
    first.types("y\n")
    assert first.ends() == 0
    assert len(tenant.writes) == 1


# -- runbooks and answers --------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
BAD_RUNBOOKS: Mapping[str, tuple[str, str]] = {
    "broken YAML": (HEAD + "  - {id: a, title: [\n", "mine.yaml:"),
    "a bomb": (BOMB, "mine.yaml:1:"),
    "deep nesting": ("[" * 5000, "mine.yaml:1:"),
    "an unknown action": (HEAD + FIND.replace("find_user", "find_usr"), "did you mean"),
    "an unknown key": (HEAD + FIND.replace("action:", "acton:"), "did you mean 'action'"),
    "a wrong type": (HEAD + SUSPEND.replace('"{{ steps.agent.id }}"', "[1, 2]"), "mine.yaml:"),
    "a step that is not there": (HEAD + SUSPEND, "mine.yaml:"),
    "not a mapping": ("- 1\n", "mine.yaml:1:"),
    "nothing": ("", "mine.yaml"),
    "another schema": (HEAD.replace("irkit/v1", "irkit/v9") + FIND, "irkit/v1"),
    "bytes": ("\udcff\udcfe\udcc0", "mine.yaml"),
}


@pytest.mark.parametrize("what", BAD_RUNBOOKS)
def test_a_runbook_with_mistakes_is_not_walked(rig: Rig, what: str) -> None:
    """Exit 6, at a place in the file; no incident is made and nothing is asked of the vendor."""
    tenant = rig.tenant()
    text, words = BAD_RUNBOOKS[what]
    rig.runbook(head="")
    (rig.folder / "mine.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    rig.answers()
    ended(rig.run(), 6, words)
    assert not rig.evidence.exists()
    assert tenant.heard == []


@pytest.mark.parametrize(("answers", "code"), [("suspend: [", 6), ("- yes", 2), (BOMB, 6), ("inputs: 7", 2), ("\udcff", 6)],
                         ids=["broken", "a list", "a bomb", "inputs are none", "bytes"])
def test_an_answers_file_with_mistakes(rig: Rig, answers: str, code: int) -> None:
    """Named, before there is an incident."""
    prepared(rig)
    (rig.folder / "answers.yaml").write_bytes(answers.encode("utf-8", "surrogateescape"))
    ended(rig.run(), code, "answers")
    assert not rig.evidence.exists()


@pytest.mark.parametrize(("given", "words"), [
    ("agent_email=nobody", "input agent_email"), ("agent_mail=a@example.org", "has no input 'agent_mail'"),
    ("agent_email", "NAME=VALUE"), ("=x", "NAME=VALUE"),
])
def test_an_input_that_does_not_fit(rig: Rig, given: str, words: str) -> None:
    """Exit 2, naming the input; no request was made and no run stands open."""
    tenant = rig.tenant()
    rig.runbook(FIND)
    rig.answers()
    ran = rig("run", rig.folder / "mine.yaml", "--incident", "I", "--input", given, "--answers", rig.folder / "answers.yaml")
    ended(ran, 2, words)
    assert tenant.heard == []
    assert rig("resume", "I").code == 2


def test_a_runbook_that_is_not_there(rig: Rig) -> None:
    """Exit 2 or 6 with a way to find one, never a traceback."""
    prepared(rig)
    ran = rig("run", "zendesk_agent_compromize", "--answers", rig.folder / "answers.yaml")
    ended(ran, 2, "zendesk_agent_compromize", "irkit runbook list")


@pytest.mark.parametrize("toml", [
    "[connections",
    "connections = 1",
    "[connections.zendesk]\nconnector = 'zendsk'\ncredential = 'x'",
    "[connections.zendesk]\ncredential = 'token-in-clear-0123456789'\nsettings = {subdomain = 'a'}",
], ids=["broken", "wrong type", "unknown connector", "a secret in clear"])
def test_a_configuration_with_mistakes(rig: Rig, toml: str) -> None:
    """Every mistake with its file and key, without the value; exit 1."""
    prepared(rig)
    (rig.folder / "irkit.toml").write_text(toml)
    ran = rig.run()
    ended(ran, 1, "irkit.toml", "irkit doctor")
    assert "token-in-clear" not in ran.err
