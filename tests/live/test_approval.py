"""Two people at two terminals, one incident: real processes over one evidence folder, and a served tenant."""

from __future__ import annotations

from tests.live.rig import FIND, HEAD, SUSPEND, Person, Rig, Tenant

ROLES = HEAD.replace("steps:\n", "roles: {lead: Incident lead}\nsteps:\n")
APPROVED = SUSPEND.rstrip().removesuffix("}") + ",\n     approve: {role: lead}}\n"
DANA = "agent_email=dana@example.org"


def waiting(rig: Rig) -> tuple[Tenant, Person]:
    """Maria at the gate, where a second person is asked for."""
    tenant = rig.tenant(attack="bulk_export")
    rig.runbook(FIND, APPROVED, head=ROLES)
    person = rig.person("run", rig.folder / "mine.yaml", "--incident", "I", "--input", DANA, env={"IRKIT_WHO": "maria"})
    person.sees("Nobody holds the role lead (Incident lead). Who does?")
    person.types("sam\n")
    person.sees("Approve lead: waiting for a second person irkit approve I suspend")
    person.sees("Waiting for lead until")
    person.sees("? more:")
    return tenant, person


def second(rig: Rig, *words: str, who: str = "sam") -> Person:
    return rig.person("approve", "I", "suspend", *words, env={"IRKIT_WHO": who})


def test_an_approval_from_a_second_terminal_ends_the_waiting(rig: Rig) -> None:
    """What was typed meanwhile does not count; the requester's own yes sends, after the answer."""
    tenant, maria = waiting(rig)
    maria.types("y")                       # half a line that would be a yes behind the next question
    sam = second(rig)
    sam.sees("asks for approval")
    sam.sees("Asked by maria, of lead")
    sam.sees("Sends PUT")
    sam.sees("Type APPROVE 1 PERSON to sign for it, or")
    assert tenant.writes == []
    sam.types("APPROVE 1 PERSON\n")
    sam.sees("Approved, entry")
    assert sam.ends() == 0
    maria.sees("Approve lead: sam agreed (entry")
    maria.sees("Send it? y yes")
    assert tenant.writes == []
    maria.types("\n")
    maria.sees("Accepted here: y,")
    maria.sees("Send it? y yes")
    maria.types("y\n")
    maria.sees("Run closed by")
    assert maria.ends() == 0
    assert len(tenant.writes) == 1
    assert [kind for kind in rig.kinds() if kind.startswith("approval")] == ["approval.asked", "approval.given"]


def test_wrong_keys_at_the_waiting_and_at_the_approving(rig: Rig) -> None:
    """Neither a yes, an empty line nor the phrase in small letters gets anything past either of them."""
    tenant, maria = waiting(rig)
    for wrong in ("", "y", "APPROVE 1 PERSON", "approve"):
        maria.types(f"{wrong}\n")
        maria.sees("Accepted here: s, d, m")
        maria.sees("? more:")
    sam = second(rig)
    for wrong in ("", "y", "yes", "approve 1 person", "APPROVE", "APPROVE 2 PEOPLE"):
        sam.sees("? more:")
        sam.types(f"{wrong}\n")
        sam.sees("Accepted here: APPROVE 1 PERSON (exactly so)")
    sam.sees("? more:")
    sam.types("r\n")
    sam.sees("PUT http://127.0.0.1")
    sam.sees("seen before:")
    sam.sees("? more:")
    sam.types("q\n")
    assert sam.ends() == 2
    maria.types("\x03")
    assert maria.ends() == 3
    assert tenant.writes == []


def test_a_refusal_reaches_the_requester_with_its_reason(rig: Rig) -> None:
    """And the requester decides: here, to skip."""
    tenant, maria = waiting(rig)
    sam = second(rig, "--refuse", "call her first")
    assert sam.ends() == 0
    maria.sees("Sam refused: call her first.")
    maria.sees("? more:")
    maria.types("s\n")
    maria.sees("Reason")
    maria.types("sam is right\n")
    maria.sees("Run closed by")
    assert maria.ends() == 0
    assert tenant.writes == []


def test_the_requester_alone_gets_nowhere(rig: Rig) -> None:
    """The same name in a second terminal is turned away, on record and on the first screen."""
    tenant, maria = waiting(rig)
    again = second(rig, who="maria")
    assert again.ends() == 1
    assert "approves" in again.words
    maria.sees("An attempt to approve was turned away (entry")
    maria.types("\x03")
    assert maria.ends() == 3
    assert tenant.writes == []
