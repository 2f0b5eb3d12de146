"""A notice by mail in a live run: to a served relay over SMTP, through the same gate and ledger as any write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from irkit.worlds import Fault, find
from irkit.worlds.mail import MailRelay
from irkit.worlds.serve import serve
from tests.live.rig import Rig, ended

HEAD = "schema: irkit/v1\nrunbook: mine\ntitle: A runbook of a test\nversion: 1\nsteps:\n"
TELL = """\
  - {id: tell_legal, phase: notify, title: Tell legal, why: They decide., action: mail.notify_legal,
     with: {to: [ortiz@example.org, dpo@example.org], text: "An account of the helpdesk was taken over at 02:10Z."}}
"""
PHRASE = "NOTIFY 2 PEOPLE"


@contextmanager
def relay(rig: Rig, *faults: Fault, **options: object) -> Iterator[MailRelay]:
    """A served relay, and an irkit.toml that leads to it."""
    world = find("mail")(options, people=(), now=lambda: datetime.now(UTC))
    assert isinstance(world, MailRelay)
    with serve(world, faults=faults) as server:
        (rig.folder / "irkit.toml").write_text(
            f'[connections.mail]\nconnector = "mail"\nsign_in = "relay"\nbase_url = "{server.url}"\n'
            '[connections.mail.settings]\nsender = "incident@example.org"\n')
        (rig.folder / "irkit.toml").chmod(0o600)
        yield world


def played(rig: Rig, *answers: object) -> None:
    rig.key()
    rig.runbook(TELL, head=HEAD)
    rig.answers(inputs={}, tell_legal=list(answers))


ANSWERED: Mapping[str, object] = {"by_hand": "J. Ortiz rang back at 02:31Z", "who": "maria", "when": "now"}


def test_a_notice_is_accepted_by_the_relay_and_done_by_a_persons_answer(rig: Rig) -> None:
    """The typed phrase, the message, "queued" as no more than that; then who answered, by hand."""
    with relay(rig) as world:
        played(rig, PHRASE, ANSWERED)
        ran = rig.run()
    ended(ran, 0, "Taken, not confirmed", "queued it for 2 of 2", "Nobody has confirmed that it was read")
    assert [one.subject for one in world.taken] == ["Please call me when you read this"]
    assert [kind for kind in rig.kinds() if kind.startswith(("request.send", "step."))] == [
        "step.started", "step.asked", "request.sending", "step.accepted", "step.by_hand"]
    body = rig.entries(kind="request.sending")[0].disclosed["request.body"]
    assert body.startswith("From: incident@example.org\nTo: ortiz@example.org, dpo@example.org\n")
    assert "PRIVILEGED AND CONFIDENTIAL" in body


def test_a_refused_recipient_is_on_the_screen_and_in_the_ledger(rig: Rig) -> None:
    """The receipt names each; the others were told."""
    with relay(rig, refuse="dpo@example.org") as world:
        played(rig, PHRASE, ANSWERED)
        ran = rig.run()
    ended(ran, 0, "queued it for 1 of 2", "REFUSED for dpo@example.org: 550 5.1.1")
    assert world.taken[0].to == ("ortiz@example.org",)
    receipt = rig.entries(kind="request.body")[0].disclosed["response.body"]
    assert "no such user" in receipt


def test_a_notice_whose_receipt_was_lost_is_never_sent_again_by_itself(rig: Rig) -> None:
    """Unknown, settled by hand alone; a resume asks a person, and the relay has one message."""
    with relay(rig, Fault("mail", "SEND *", lost="after")) as world:
        played(rig, PHRASE)
        ended(rig.run(), 3, "It may have worked.")
        rig.answers(inputs={}, tell_legal=[ANSWERED])
        ended(rig.resume(), 0, "no look can tell whether it took")
    assert len(world.taken) == 1
    assert rig.kinds().count("request.sending") == 1


def test_a_relay_that_takes_nothing_now_is_a_failure_that_can_be_tried_again(rig: Rig) -> None:
    """Greylisting: refused, nothing sent, and the menu offers to retry."""
    with relay(rig, busy=True) as world:
        played(rig, PHRASE, {"skip": "told by phone"})
        ended(rig.run(), 0, "Greylisted", "Nothing was changed.")
    assert not world.taken
