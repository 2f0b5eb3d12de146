"""A supplier's people are found by group and by mail domain, and a raised account by the log of changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from irkit.action import ActionError, drive
from irkit.connectors.zendesk import teams
from tests.connectors.zendesk_tenant import ME, Desk, cursor, query

SINCE = datetime(2026, 3, 7, tzinfo=UTC)
GROUPS, USERS, AUDIT = "GET /api/v2/groups", "GET /api/v2/users", "GET /api/v2/audit_logs"
MEMBERS = "GET /api/v2/groups/7/memberships"


def agent(number: int, email: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "name": f"Agent {number}", "email": email, "role": "agent", "suspended": False, **more}


TEAM = (agent(1, "ir@acme.example", role="admin"), agent(2, "ada@partner.example"), agent(3, "gus@emea.partner.example"),
        agent(4, "finn@mail.example"), agent(5, "eve@partner.example", role="admin", suspended=True),
        agent(6, "sam@notpartner.example"), agent(7, "kim@acme.example"))


NAMED = ({"id": 7, "name": "Partner tier 1"}, {"id": 8, "name": "Partner tier 10"}, {"id": 9, "name": "Twice"},
         {"id": 10, "name": "Twice"})


def found(*, members: tuple[int, ...] = (), **args: str) -> teams.Agents:
    rows = [{"id": 90 + user, "user_id": user, "group_id": 7} for user in members]
    desk = Desk(ME, {USERS: [cursor("users", list(TEAM))], MEMBERS: [cursor("group_memberships", rows)],
                     GROUPS: [cursor("groups", list(NAMED))]})
    driven = drive(teams.collect_agents(**args), desk)
    assert driven.error is None, driven.error
    if args.get("group", "none") == "none":
        assert GROUPS not in desk.asked
    result: teams.Agents = driven.result
    return result


@pytest.mark.parametrize("domain", ["partner.example", "@Partner.Example "])
def test_a_domain_takes_those_below_it_and_none_that_only_ends_alike(domain: str) -> None:
    """emea.partner.example is of partner.example, notpartner.example is not; a suspended administrator counts."""
    team = found(domain=domain)
    assert team.suspect_ids == ("2", "3", "5")
    assert team.domains == ("partner.example: 2", "emea.partner.example: 1")
    assert team.admins == ("Agent 5 <eve@partner.example>",)
    assert (team.count, team.outside) == (7, ())


def test_group_and_domain_together_find_who_is_in_one_alone() -> None:
    """Either is enough; who is in one alone is named, since one question would have missed them."""
    team = found(domain="partner.example", group="partner TIER 1 ", members=(1, 2, 4))
    assert team.suspect_ids == ("2", "3", "4", "5")
    assert team.outside == ("Agent 3 <gus@emea.partner.example>: of the domain alone",
                            "Agent 4 <finn@mail.example>: in the group alone",
                            "Agent 5 <eve@partner.example>: of the domain alone")


def test_irkits_own_user_is_never_of_the_team() -> None:
    """irkit's own administrator may sit in the group; it is not signed out with it."""
    assert found(group="partner TIER 1 ", members=(1, 2)).suspect_ids == ("2",)


def test_a_large_team_comes_in_batches_of_one_logout() -> None:
    """As many as Zendesk signs out at once."""
    rows = [agent(number, f"a{number}@partner.example") for number in range(10, 260)]
    driven = drive(teams.collect_agents(domain="partner.example"), Desk(ME, {USERS: [cursor("users", rows)]}))
    assert [len(batch) for batch in driven.result.batches] == [100, 100, 50]
    assert query(driven.requests[-1])["role[]"] == ["agent", "admin"]


def test_a_team_without_a_group_says_none() -> None:
    """A runbook's input cannot be empty: "none" asks for no group, and neither does it for a domain."""
    assert found(domain="partner.example", group="None").suspect_ids == ("2", "3", "5")
    assert found(domain="none", group="Partner tier 1", members=(4,)).suspect_ids == ("4",)


def test_new_agents_are_those_made_since() -> None:
    """Administrators and suspended ones too, never irkit's own, however new that is."""
    new = [agent(n, f"a{n}@acme.example", created_at="2026-03-07T22:00:00Z") for n in (1, 8)] + [
        agent(9, "b@acme.example", role="admin", suspended=True, created_at="2026-03-07T23:00:00Z"),
        agent(10, "c@acme.example", created_at="2026-03-01T00:00:00Z")]
    driven = drive(teams.collect_agents(since=SINCE), Desk(ME, {USERS: [cursor("users", new)]}))
    assert driven.result.suspect_ids == ("8", "9")
    assert driven.result.batches == (("8", "9"),)
    assert driven.result.admins == ("Agent 9 <b@acme.example>",)


def test_a_team_is_not_its_new_people() -> None:
    """Of a team, `since` says who is new, and adds nobody to it; where the team is nobody's, nothing is asked."""
    rows = [agent(2, "ada@partner.example"), agent(8, "kim@acme.example", created_at="2026-03-07T22:00:00Z")]
    desk = Desk(ME, {USERS: [cursor("users", rows)]})
    team = drive(teams.collect_agents(domain="partner.example", since=SINCE), desk).result
    assert (team.suspect_ids, team.recent_ids) == (("2",), ("8",))
    nobody = drive(teams.collect_agents(domain="none", group="none", since=SINCE), Desk())
    assert isinstance(nobody.error, ActionError)
    assert nobody.requests == []


@pytest.mark.parametrize("domain", [None, "", "none", " @ "])
def test_a_team_of_nobody_is_not_everybody(domain: str | None) -> None:
    """Without a domain and a group nothing is asked: an empty text must never choose all agents."""
    driven = drive(teams.collect_agents(domain=domain and domain.replace(" @ ", "@")), Desk())
    assert isinstance(driven.error, ActionError)
    assert driven.requests == []


@pytest.mark.parametrize("name", ["Partner", "Twice"])
def test_a_group_that_is_not_one_is_refused_with_the_names(name: str) -> None:
    """Part of a name, or a name that two bear, chooses nobody; the message says which there are."""
    driven = drive(teams.collect_agents(group=name), Desk(ME, {GROUPS: [cursor("groups", list(NAMED))]}))
    assert isinstance(driven.error, ActionError)
    assert "Partner tier 10" in str(driven.error)


def change(user: int, words: str, at: str = "2026-03-07T22:00:00Z", source: str = "user") -> dict[str, Any]:
    return {"id": user, "action": "update", "source_type": source, "source_id": user, "source_label": f"User: Agent {user}",
            "change_description": words, "actor_id": 3971, "actor_name": "Dana", "created_at": at}


def test_whose_role_was_raised_stands_in_the_audit_log() -> None:
    """The last change of each user in the window counts; taking a role away makes nobody a suspect."""
    rows = [change(2, "role changed from agent to admin"), change(3, "Role changed from Agent to End-user"),
            change(4, "suspended changed from False to True"), change(5, "role changed from admin to agent"),
            change(3, "role changed from agent to admin", "2026-03-07T20:00:00Z"), change(6, "role changed", source="rule"),
            change(8, "role changed from agent to admin", "2026-01-01T00:00:00Z")]
    driven = drive(teams.collect_role_changes(since=SINCE), Desk({AUDIT: [cursor("audit_logs", rows)]}))
    assert driven.result.suspect_ids == ("2", "5")
    assert [item.id for item in driven.result.items] == ["2", "3", "5"]
    assert "by Dana, user 3971" in driven.result.named[0]


@pytest.mark.parametrize(("changes", "wanted"), [
    (["custom_role_id changed from 5 to 6", "Role changed from End User to Administrator"], ("2",)),
    (["Custom role removed", "role changed from agent to admin"], ("2",)),
    (["Role changed from Administrator to End User", "Role changed from Agent to Administrator"], ()),
    (["role changed from admin to end-user; name changed from A to B"], ()),
    (["name changed from A to B; role changed from end-user to agent"], ("2",))])
def test_a_raised_role_is_not_hidden_by_what_came_after(changes: list[str], wanted: tuple[str, ...]) -> None:
    """A later word on a custom role hides no promotion, and a demotion that says something else as well is none."""
    rows = [change(2, said, f"2026-03-07T2{3 - number}:00:00Z") for number, said in enumerate(changes)]
    driven = drive(teams.collect_role_changes(since=SINCE), Desk({AUDIT: [cursor("audit_logs", rows)]}))
    assert driven.result.suspect_ids == wanted
