"""The identity provider first: one decision of the Zendesk runbook, and what comes of it with and without a connection."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from irkit.engine.gate import ByHand
from irkit.runbook import Runbook
from tests.drill.test_shipped import Played, runbook, shipped

SMALL = {"agents": 6, "tickets": 60}
WORLDS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "okta": ("okta", {}), "google": ("google_workspace", {}), "entra": ("entra", {"rows": 40, "kind": "cloud"}),
    "zendesk": ("", {}), "by_hand": ("", {})}
ENDS = {"okta": {"okta_end_sessions": {"type": "phrase"}}, "entra": {"entra_revoke": {"type": "phrase"}},
        "google": {"google_sign_out": {"type": "phrase"}, "google_codes": {"type": "phrase"}}}


@functools.cache
def book() -> Runbook:
    return runbook("zendesk_agent_compromise")


def play(folder: Path, choice: str, connected: bool = True, **answers: object) -> Played:
    """The weekend, with that decision, in a small tenant, and one of the provider where irkit is connected to it."""
    scenario = shipped("weekend_export")
    connector, options = WORLDS[choice]
    worlds = {"zendesk": {**scenario.worlds["zendesk"], **SMALL}, **({connector: options} if connector and connected else {})}
    quick = {step.id: "yes" for step in book().steps if step.id.startswith(choice) and step.action}
    said = {**scenario.answers, **quick, **ENDS.get(choice, {}), "sign_in_at": {"choice": choice, "reason": "They say so."}}
    return Played("weekend_export", folder, replace(scenario, worlds=worlds, answers={**said, **answers}))


def states(game: Played, prefix: str) -> set[str]:
    return {step.state for step in game.session.run.steps.values() if step.id.startswith(prefix)}


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Played]]:
    found = {choice: play(tmp_path_factory.mktemp(choice), choice) for choice in WORLDS}
    yield found
    for game in found.values():
        game.close()


@pytest.mark.parametrize("choice", ["okta", "google", "entra"])
def test_the_provider_that_was_chosen_is_contained_before_zendesk(choice: str, games: Mapping[str, Played]) -> None:
    """The same person is found there, kept, suspended and signed out, before Zendesk's own sessions end; then it is watched."""
    game = games[choice]
    assert states(game, f"{choice}_") - {"not_needed"} == {"done"}
    assert game.session.run.step("entra_directory").state == "not_needed"          # a cloud account
    sent = [entry.step for entry in game.ledger.entries() if entry.kind == "request.sending"]
    there = [step for step in sent if step and step.startswith(f"{choice}_") and not step.endswith(("unsuspend", "enable"))]
    assert 2 <= len(there) <= 3
    assert max(map(sent.index, there)) < sent.index("suspend") < sent.index("end_sessions")
    person = game.session.run.step(f"{choice}_person").result
    assert person["email"] == game.session.run.step("agent").result["email"] == "dana@example.org"


@pytest.mark.parametrize(("choice", "shown"), [("okta", "told"), ("google", "rows"), ("entra", "rows")])
def test_whether_anybody_is_left_is_asked_with_every_look(choice: str, shown: str, games: Mapping[str, Played]) -> None:
    """The watch at the provider, and all lists of Zendesk, are read an hour after the last door, before the lead decides."""
    game = games[choice]
    step = game.session.run.step
    looks = [step(f"{choice}_watch"), *(step(f"{what}_again") for what in ("sessions", "tokens", "admins", "changes", "reads"))]
    assert {look.state for look in looks} == {"done"}
    assert max(look.entry for look in looks) < step("quiet").entry < step("give_back").entry
    shut = step("other_doors").at
    assert shut
    assert [look.id for look in looks[1:] if not look.at or look.at - shut < timedelta(hours=1)] == []
    asked, = (said.text for said in game.said if isinstance(said, ByHand) and said.text.startswith("Sessions of the account"))
    assert f": {step(f'{choice}_watch').result[shown]}\n" in asked


@pytest.mark.parametrize("choice", WORLDS)
def test_the_others_are_not_needed_and_the_reason_names_the_decision(choice: str, games: Mapping[str, Played]) -> None:
    """Nothing is skipped in silence: each of the others' steps ends with what was decided."""
    game = games[choice]
    others = {name for name in ("okta", "google", "entra") if name != choice}
    for name in others:
        assert states(game, f"{name}_") == {"not_needed"}
    reasons = {entry.disclosed.get("reason") for entry in game.ledger.entries()
               if entry.kind == "step.not_needed" and entry.step and entry.step.partition("_")[0] in others}
    assert reasons == {f"`when` is false: sign_in_at.choice is {choice}"}
    assert game.session.run.step("identity_provider").state == ("by_hand" if choice == "by_hand" else "not_needed")


def test_a_provider_that_nothing_leads_to_is_put_to_a_person(tmp_path: Path) -> None:
    """Okta is chosen and irkit is not connected to it: each step is done by hand, or left out with a reason."""
    by_hand = {"by_hand": "In the console", "attach": "text:a screenshot", "who": "Tomas"}
    left, watched = {"skip": "The console shows no such list"}, {**by_hand, "fields": {"told": "nothing since then"}}
    hands: dict[str, object] = {step.id: by_hand for step in book().steps if step.id.startswith("okta_") and step.action}
    hands |= {"okta_person": {**by_hand, "fields": {"id": "00u1"}}, "okta_tokens": left, "okta_watch": watched}
    game = play(tmp_path, "okta", False, **hands)
    assert game.session.run.step("okta_tokens").state == "skipped"
    assert states(game, "okta_") == {"by_hand", "skipped"}
    assert game.session.run.step("suspend").state == game.session.run.step("unsuspend").state == "done"
    told = [said.text for said in game.said if isinstance(said, ByHand) and "irkit cannot do this step" in said.text]
    assert len(told) == len(hands)
    assert any("Suspend an account so that new sign-ins fail" in text for text in told)
