"""Entra: the traps of Microsoft Graph, each by name, against the simulated tenant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from irkit import connectors
from irkit.action import ActionError, BadAnswer, Driven, NotConfirmed, Refused, Request, Response, Unavailable
from irkit.runbook import check_bytes, load
from tests.worlds.helpers import START, Asked, Clock, arguments, call, make, play

RUNBOOK = Path(__file__).parents[2] / "runbooks" / "entra_account_compromise.yaml"


def run(name: str, asked: Asked | None = None, given: dict[str, Any] | None = None, **options: object) -> Driven:
    asked = asked or Asked(make("entra", clock=Clock(), **options))      # type: ignore[arg-type]
    action = connectors.find_action(f"entra.{name}")
    full = {name: (given or {}).get(name, value) for name, value in arguments(action, asked.world).items()}
    return play(action(**full), asked)


def test_a_privileged_person_is_refused_to_an_app_without_a_role_and_doctor_knows_before() -> None:
    """The 403 names the role and the portal, and check_may_disable says it in advance."""
    driven = run("disable_user", app_role=False)
    assert isinstance(driven.error, Refused)
    assert "User Administrator" in str(driven.error)
    assert "Entra admin center" in driven.error.next
    assert run("check_may_disable", app_role=False).result.may_disable is False
    assert run("check_may_disable").result.may_disable is True
    assert run("disable_user", app_role=False, privileged="no").error is None


@pytest.mark.parametrize(("privileged", "may"), [("no", True), ("helpdesk", True), ("by_group", True), ("global", False)])
def test_the_look_in_advance_agrees_with_what_disabling_then_gets(privileged: str, may: bool) -> None:
    """With User Administrator: yes for nobody's role and a Helpdesk Administrator, by group too; no for a Global one."""
    told = run("check_may_disable", privileged=privileged).result
    assert told.may_disable is may
    assert (run("disable_user", privileged=privileged).error is None) is may
    assert bool(told.privileged) is (privileged != "no")


def test_doctor_proves_the_role_of_the_app() -> None:
    """The proof of the directory role is refused as unavailable, with what is needed."""
    proof = next(one for one in connectors.find("entra").proofs if "User Administrator" in one.scope)
    assert isinstance(play(proof.function(), Asked(make("entra", app_role=False))).error, Unavailable)
    assert play(proof.function(), Asked(make("entra"))).error is None


def test_an_empty_page_is_no_end() -> None:
    """Sign-ins go on behind an empty page; none is missed, duplicates are counted once and told."""
    found = run("collect_sign_ins", given={"since": START - timedelta(days=40)}).result
    assert found.complete
    assert found.rows == 12 + 2
    assert found.pages == 6
    assert found.duplicates == 1


def test_the_window_says_what_can_no_longer_be_had() -> None:
    """30 days on P1 and P2, 7 for the audit on Free: the floor is recorded."""
    given = {"since": START - timedelta(days=40)}
    assert run("collect_sign_ins", given=given).result.floor == "2026-02-05T23:40:00Z"
    assert run("collect_audits_by", given=given, plan="free").result.floor == "2026-02-28T23:40:00Z"


def test_sign_ins_on_free_are_a_gap() -> None:
    """Without a premium licence both lists are unavailable, never empty."""
    for name in ("collect_sign_ins", "collect_token_sign_ins"):
        error = run(name, plan="free").error
        assert isinstance(error, Unavailable)
        assert "P1" in error.needs


def test_token_theft_shows_in_the_beta_alone() -> None:
    """v1.0 holds one sign-in from the far address; the replayed tokens are in the beta's list."""
    assert run("collect_token_sign_ins").result.addresses == ("203.0.113.66: 9",)
    assert "203.0.113.66: 1" in run("collect_sign_ins").result.addresses


def test_a_filter_that_is_ignored_is_told_by_the_rows() -> None:
    """Rows of others are kept and named, and counted for nobody."""
    found = run("collect_sign_ins", ignore_filters=True).result
    assert any("filter did not ask for" in note for note in found.notes)


def test_the_watermark_moves_late_and_is_waited_for() -> None:
    """Revoking is done when signInSessionsValidFromDateTime has moved, not at the 200."""
    result = run("revoke_sessions", lag=170).result
    assert result.after > result.before
    assert run("revoke_sessions", lag=3600).error is not None


def test_a_guest_is_not_revoked_here() -> None:
    """For guests Graph says true and does nothing: the step ends before, and says who can."""
    driven = run("revoke_sessions", kind="guest")
    assert not driven.writes
    assert "home tenant" in str(driven.error)


@pytest.mark.parametrize("kind", ["cloud", "hybrid", "guest"])
def test_where_a_person_comes_from_is_known(kind: str) -> None:
    """Hybrid people need a step in Active Directory; guests belong elsewhere. A guest's principal name holds #EXT#."""
    assert run("find_user", kind=kind).result.kind == kind


def test_a_federated_domain_is_named() -> None:
    """A federated person signs in elsewhere."""
    assert run("check_domain", federated=True).result.federated is True


def test_the_default_method_goes_last() -> None:
    """Deleted first it is refused with what to do; after the others it goes."""
    asked = Asked(make("entra", clock=Clock()))
    methods = run("collect_methods", asked, {"since": START - timedelta(days=2000)}).result.suspects
    default = next(item for item in methods if item.detail == "mobile")
    assert methods[-1] == default
    assert "only when no other is left" in str(run("delete_method", asked, {"method_id": default.id}).error)
    for item in methods:
        assert run("delete_method", asked, {"method_id": item.id}).error is None


def test_nobody_and_several_are_never_guessed() -> None:
    """An unknown address ends the step, and so do two people of one address."""
    assert "no users" in str(run("find_user", given={"email": "nobody@example.org"}).error)
    asked = Asked(make("entra"))
    first, second = list(asked.world.tenant.shelves["users"].values())[:2]  # type: ignore[attr-defined]
    second["mail"] = first["mail"]
    assert "2 users" in str(run("find_user", asked).error)


def test_a_user_without_account_enabled_is_not_taken_for_disabled() -> None:
    """accountEnabled comes only when selected: its absence decides nothing."""
    asked = Asked(make("entra"))
    asked.instead = lambda number, request: Response.of({"id": asked.world.samples()["user_id"]})
    assert isinstance(run("disable_user", asked).error, BadAnswer)


def test_an_id_that_is_no_guid_reaches_no_filter() -> None:
    """Text with a quote is refused before anything is sent."""
    driven = run("collect_grants", given={"user_id": "x' or 'a' eq 'a"})
    assert isinstance(driven.error, ActionError)
    assert not driven.requests


def test_irkits_own_secret_is_never_removed() -> None:
    """The app that irkit signs in as keeps its secret."""
    asked = Asked(make("entra"))
    app = next(a for a in asked.world.tenant.shelves["applications"].values()  # type: ignore[attr-defined]
               if a["displayName"].startswith("irkit"))
    driven = run("remove_app_secret", asked, {"app_id": app["id"], "key_id": app["passwordCredentials"][0]["keyId"]})
    assert not driven.writes
    assert "irkit's own" in str(driven.error)


# -- who it is ---------------------------------------------------------------------------------------------------

def test_somebody_deleted_meanwhile_is_told_as_such() -> None:
    """The id was found before; now Graph knows it no more: not a missing permission, and where a deleted account is."""
    for name in ("disable_user", "collect_methods", "revoke_sessions"):
        error = run(name, given={"user_id": "0f8e5a40-2c11-4b6e-9f6b-00000000dead"}).error
        assert isinstance(error, Refused)
        assert "was deleted" in str(error)
        assert "Deleted users" in error.next


def test_a_guests_principal_name_with_its_hashes_reaches_a_filter_whole() -> None:
    """#EXT# is a part of the name, and no fragment of an address."""
    asked = Asked(make("entra", kind="guest"))
    wanted = str(asked.world.samples()["principal"])
    assert "#EXT#" in wanted
    driven = run("find_user", asked, {"email": wanted})
    assert driven.result.principal == wanted
    assert "%23EXT%23" in driven.requests[0].target


def test_a_hybrid_person_is_disabled_here_and_named_as_hybrid() -> None:
    """The gate shows that Active Directory is the master."""
    driven = run("disable_user", kind="hybrid")
    assert driven.writes[0].seen.kind == "hybrid"               # type: ignore[union-attr]


# -- what Graph says, and does not -------------------------------------------------------------------------------

def test_any_2xx_of_a_revocation_does_and_only_the_watermark_counts() -> None:
    """The documentation is at odds about the status. 204 without a body, and a watermark that moves: done."""
    asked = Asked(make("entra", clock=Clock()))
    def quiet(number: int, request: Request) -> Response | None:
        if not request.is_write:
            return None
        asked.world.handle(call(asked.world, request))
        return Response(204)
    asked.instead = quiet
    assert run("revoke_sessions", asked).result.proof == "the watermark has moved"
    asked = Asked(make("entra", clock=Clock()))
    asked.instead = lambda number, request: Response.of({"value": True}) if request.is_write else None
    assert isinstance(run("revoke_sessions", asked).error, NotConfirmed)


def test_nothing_promises_a_list_of_sessions() -> None:
    """Entra has none: no action is about sessions but the one that revokes them, and it counts none."""
    actions = connectors.find("entra").actions
    assert [name for name in actions if "session" in name] == ["revoke_sessions"]
    assert "no sessions" in (actions["revoke_sessions"].function.__doc__ or "")


def test_the_beta_is_asked_for_sign_ins_by_token_alone() -> None:
    """Beta-only calls, such as invalidateAllRefreshTokens, are not used; the one that must be is marked as unverified."""
    beta = set()
    for action in connectors.find("entra").actions.values():
        if any("/beta/" in request.target for request in run(action.name).requests):
            beta.add(action.name)
    assert beta == {"collect_token_sign_ins"}
    assert "beta" in connectors.find_action("entra.collect_token_sign_ins").unverified


def test_sign_ins_are_asked_for_by_id() -> None:
    """Principal names are stored in lower case there, so that a filter on one as it is written finds nothing."""
    asked = Asked(make("entra"))
    target = unquote_plus(run("collect_sign_ins", asked).requests[-1].target)
    assert f"userId eq '{asked.world.samples()['user_id']}'" in target
    assert "userPrincipalName" not in target


def test_graphs_request_id_stays_in_the_sentence() -> None:
    """Microsoft asks for it when one asks Microsoft."""
    assert "request-id" in str(run("disable_user", app_role=False).error)


def test_licences_say_which_plan_there_is() -> None:
    """Free, P1 or P2 decides which logs exist; what may not be read is a gap, and 30 days are then assumed and told."""
    assert {plan: run("collect_licences", plan=plan).result.plan for plan in ("free", "p1", "p2")} == {
        "free": "free", "p1": "p1", "p2": "p2"}
    assert isinstance(run("collect_licences", missing="Organization.Read.All").error, Unavailable)
    assert any("30 days are assumed" in note for note in run("collect_audits_by", missing="Organization.Read.All").result.notes)


@pytest.mark.parametrize("name", ["collect_risk", "collect_pim", "confirm_compromised"])
def test_what_takes_p2_is_a_gap_without_it(name: str) -> None:
    """Risk and PIM on P1: unavailable, never "no risk" and never "no roles"."""
    error = run(name, plan="p1").error
    assert isinstance(error, Unavailable)
    assert "P2" in error.needs


def test_a_search_of_the_audit_log_that_does_not_end_is_a_gap() -> None:
    """It runs at Microsoft: half an hour of waiting without an end is no empty log."""
    asked = Asked(make("entra", clock=Clock()))
    asked.instead = lambda number, request: Response.of({"status": "running"}) if request.target.count("/") == 5 else None
    error = run("collect_unified_audit", asked).error
    assert isinstance(error, Unavailable)
    assert "half an hour" in str(error)


# -- grants ------------------------------------------------------------------------------------------------------

def test_an_app_with_a_grant_is_shown_by_its_name() -> None:
    """In the list and on the gate; an app that is gone, or may not be read, by its id."""
    assert [grant.app for grant in run("collect_grants").result.own] == ["Teams rooms", "Mail archiver"]
    assert run("delete_grant").writes[0].affects == ("Teams rooms: User.Read Calendars.Read",)
    hidden = run("delete_grant", missing="Application.Read.All,Application.ReadWrite.All")
    assert hidden.error is None
    assert hidden.writes[0].affects[0].startswith("client ")


def test_a_grant_for_everybody_is_listed_apart_and_never_deleted_with_the_persons() -> None:
    """A second grant, AllPrincipals, may let the same app go on."""
    found = run("collect_tenant_grants").result
    assert found.count == 1
    assert run("collect_tenant_grants", ignore_filters=True).result.count == 1
    assert not {item.id for item in found.items} & {grant.id for grant in run("collect_grants").result.own}


# -- the order, as the shipped runbook has it ------------------------------------------------------------------------

def test_the_shipped_runbook_keeps_the_order_that_entra_forces() -> None:
    """Disable, revoke at once, then grants, then devices; the password before methods, the main phone last, then enabling."""
    steps = [step.id for step in load(RUNBOOK).steps]
    for order in (["disable", "revoke", "active_directory", "delete_grants", "disable_devices"],
                  ["new_password", "delete_methods", "delete_main_phone", "enable"], ["disable_devices", "enable"],
                  ["keep_methods", "disable"], ["tell_legal", "disable"], ["may", "disable"]):
        assert sorted(order, key=steps.index) == order
    assert steps.index("revoke") == steps.index("disable") + 1       # nobody is waited for, in the directory or elsewhere


def test_the_shipped_runbook_watches_and_collects_again() -> None:
    """An hour after disabling, for tokens that live on; the logs once more two hours later, since they lag."""
    after = {step.id: step.after for step in load(RUNBOOK).steps}
    assert after["watch"] is not None
    assert after["watch"].wait == timedelta(minutes=60)
    assert {after[one].wait for one in ("sign_ins_again", "token_sign_ins_again", "audits_again")} == {  # type: ignore[union-attr]
        timedelta(hours=2)}


@pytest.mark.parametrize(("step", "when"), [
    ("active_directory", 'steps.person.kind == "hybrid"'), ("home_tenant", 'steps.person.kind == "guest"'),
    ("other_provider", "steps.home.federated"), ("by_portal", 'steps.licences.plan == "free"')])
def test_what_no_app_can_do_is_a_step_by_hand_for_those_it_concerns(step: str, when: str) -> None:
    """Hybrid, guest and federated people, and a plan without the log: by hand, with evidence."""
    found = next(one for one in load(RUNBOOK).steps if one.id == step)
    assert found.when is not None
    assert (found.when.source, found.evidence) == (when, "required")
    assert found.do


def test_a_runbook_that_deletes_before_it_keeps_is_refused() -> None:
    """Grants, app roles and methods are gone once they are deleted: lint names what nobody kept."""
    text = RUNBOOK.read_text()
    for kept, following in (("grants", "tenant_grants"), ("app_roles", "devices"), ("methods", "grants")):
        wrong = text[:text.index(f"  - id: keep_{kept}\n")] + text[text.index(f"  - id: keep_{following}\n"):]
        told = [mistake.message for mistake in check_bytes(wrong.encode(), "wrong.yaml").sorted()]
        assert any(f"destroys {kept.replace('_', ' ')}" in message for message in told), told
