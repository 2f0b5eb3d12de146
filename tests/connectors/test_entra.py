"""Entra: the traps of Microsoft Graph, each by name, against the simulated tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import ActionError, BadAnswer, Driven, Refused, Response, Unavailable
from tests.worlds.helpers import START, Asked, Clock, arguments, make, play


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
