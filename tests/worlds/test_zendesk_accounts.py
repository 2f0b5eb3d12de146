"""Changing people and what is connected: what takes, what is refused, what lags, what it leaves in the audit log."""

from __future__ import annotations

from typing import Any

import pytest

from irkit import connectors
from irkit.action import NotConfirmed, Steps
from irkit.worlds import Person, World
from tests.worlds.helpers import PEOPLE, Asked, Clock, ask, get, make, play, read, user


def act(name: str, **args: object) -> Steps[Any]:
    return connectors.find_action(f"zendesk.{name}")(**args)


def put(world: World, thing: dict[str, Any], **changes: object) -> Any:
    return ask(world, "PUT", f"/api/v2/users/{thing['id']}", {"user": changes})


def test_the_people_of_the_scenario_are_there() -> None:
    """With their names, addresses and roles; a search finds others too, whose address contains theirs."""
    world = make(people=(*PEOPLE, Person("Ana Customer", "ana@example.org", "end-user")))
    for email, role in (("dana@example.org", "agent"), ("wei@example.org", "admin"), ("ana@example.org", "end-user")):
        assert user(world, email)["role"] == role
    assert len(get(world, "/users/search?query=dana@example.org")["users"]) == 2


def test_the_subjects_of_a_dry_run_exist() -> None:
    """An address that only the inputs name is somebody in the tenant, and the one attacked."""
    world = make(subjects={"agent_email": "New.Agent@acme.example", "since": "2026-01-01T00:00:00Z"}, attack="bulk_export")
    subject = user(world, "new.agent@acme.example")
    assert (subject["role"], subject["name"]) == ("agent", "New Agent")
    assert get(world, f"/audit_logs?filter[action]=exported&filter[actor_id]={subject['id']}")["audit_logs"]


def test_suspension_leaves_sessions_and_role_alone_and_an_audit_row() -> None:
    """`suspended` changes that and nothing else; open sessions live on."""
    world = make()
    dana = user(world, "dana@example.org")
    sessions = get(world, f"/users/{dana['id']}/sessions")["sessions"]
    assert read(put(world, dana, suspended=True))["user"]["suspended"] is True
    after = user(world, "dana@example.org")
    assert {**after, "updated_at": ""} == {**dana, "suspended": True, "updated_at": ""}
    assert get(world, f"/users/{dana['id']}/sessions")["sessions"] == sessions
    row = get(world, "/audit_logs?page[size]=1")["audit_logs"][0]
    assert (row["source_id"], row["action"], row["actor_name"]) == (dana["id"], "update", "ir-break-glass")


@pytest.mark.parametrize(("email", "change"), [
    ("ir-break-glass@northwind.example", {"suspended": True}), ("owner@northwind.example", {"suspended": True}),
    ("owner@northwind.example", {"role": "end-user"}), ("dana@example.org", {"suspended": "yes"}),
    ("dana@example.org", {"role": "boss"}), ("dana@example.org", {"role": "agent", "custom_role_id": 7})])
def test_some_changes_are_refused(email: str, change: dict[str, object]) -> None:
    """Oneself, the owner, and values that make no sense: 422 with details, and nothing has changed."""
    world = make()
    before = world.digest()
    answer = put(world, user(world, email), **change)
    assert answer.status == 422
    assert read(answer)["details"]
    assert world.digest() == before


@pytest.mark.parametrize("data", [None, [], {"user": 3}, {"person": {}}])
def test_a_body_that_is_no_change_is_400(data: object) -> None:
    """Missing, of another type, or under another key."""
    world = make()
    assert ask(world, "PUT", f"/api/v2/users/{world.samples()['user_id']}", data).status == 400


def test_a_change_can_lag() -> None:
    """With `lag` a 200 shows the change and the next look does not yet: the action does not take it for done."""
    clock = Clock()
    world = make(clock=clock, lag=90)
    dana = str(user(world, "dana@example.org")["id"])
    assert isinstance(play(act("suspend_user", user_id=dana), Asked(world)).error, NotConfirmed)
    clock.move(90)
    assert user(world, "dana@example.org")["suspended"] is True


def test_bulk_logout_is_asynchronous() -> None:
    """202 at once, the sessions go when the job gets there; the action waits for it."""
    clock = Clock()
    world = make(clock=clock, lag=90)
    ids = [str(user(world, person.email)["id"]) for person in PEOPLE]
    answer = ask(world, "POST", f"/api/v2/users/logout_many?ids={','.join(ids)}")
    assert answer.status == 202
    assert get(world, f"/users/{ids[0]}/sessions")["sessions"]
    assert get(world, "/job_statuses")["job_statuses"][0]["status"] == "queued"
    clock.move(90)
    assert not get(world, f"/users/{ids[0]}/sessions")["sessions"]
    assert get(world, "/job_statuses")["job_statuses"][0]["status"] == "completed"
    done = play(act("logout_many", user_ids=[str(world.samples()["user_id"])]), Asked(world))
    assert done.error is None
    assert done.waits


def test_bulk_suspension_is_a_job() -> None:
    """update_many answers with a job, which can be asked for, and changes everybody named."""
    world = make()
    ids = [str(user(world, person.email)["id"]) for person in PEOPLE]
    job = read(ask(world, "PUT", f"/api/v2/users/update_many?ids={','.join(ids)}", {"user": {"suspended": True}}))["job_status"]
    assert get(world, f"/job_statuses/{job['id']}")["job_status"]["status"] == "completed"
    assert all(user(world, person.email)["suspended"] for person in PEOPLE)


@pytest.mark.parametrize("query", ["", "?ids=", "?ids=" + ",".join("7" * 101)])
def test_bulk_operations_want_one_to_a_hundred_ids(query: str) -> None:
    """None and too many are refused."""
    assert ask(make(), "POST", f"/api/v2/users/logout_many{query}").status == 400


def test_single_sign_on_brings_sessions_back_until_somebody_is_suspended() -> None:
    """With `sso` a session that is ended is back half a minute later; suspend first, and it stays away."""
    world = make(clock=Clock(), sso=True)
    dana = str(user(world, "dana@example.org")["id"])
    assert isinstance(play(act("end_sessions", user_id=dana), Asked(world)).error, NotConfirmed)
    assert play(act("suspend_user", user_id=dana), Asked(world)).error is None
    assert play(act("end_sessions", user_id=dana), Asked(world)).error is None


def test_one_session_is_ended_by_its_owner_s_address_only() -> None:
    """Under another user's id it is not found."""
    world = make()
    session = get(world, "/sessions?page[size]=1")["sessions"][0]
    other = world.samples()["user_id"]
    assert ask(world, "GET", f"/api/v2/users/{other}/sessions/{session['id']}").status == 404
    own = f"/api/v2/users/{session['user_id']}/sessions/{session['id']}"
    assert ask(world, "GET", own).status == 200
    assert ask(world, "DELETE", own).status == 204
    assert ask(world, "GET", own).status == 404


def test_signing_irkit_out_has_no_effect() -> None:
    """The vendor's log-out answers 204 to a token and does nothing."""
    world = make()
    before = world.digest()
    assert ask(world, "DELETE", "/api/v2/users/me/logout").status == 204
    assert world.digest() == before


def test_touching_one_array_of_an_automation_clears_the_other() -> None:
    """The trap of the vendor's update: conditions sent alone take the actions along."""
    world = make()
    rule = world.samples()["automation_id"]
    conditions = {"all": [{"field": "status", "operator": "is", "value": "open"}], "any": []}
    ask(world, "PUT", f"/api/v2/automations/{rule}", {"automation": {"conditions": conditions}})
    after = get(world, f"/automations/{rule}")["automation"]
    assert (after["conditions"], after["actions"]) == (conditions, [])


def test_restored_tickets_are_back() -> None:
    """They leave the list of deleted ones and can be read; an id that is not there stops all of them."""
    world = make()
    first, second, *_ = get(world, "/deleted_tickets")["deleted_tickets"]
    assert ask(world, "GET", f"/api/v2/tickets/{first['id']}").status == 404
    assert ask(world, "PUT", f"/api/v2/deleted_tickets/restore_many?ids={first['id']},777").status == 404
    assert ask(world, "PUT", f"/api/v2/deleted_tickets/restore_many?ids={first['id']}").status == 200
    assert ask(world, "PUT", f"/api/v2/deleted_tickets/{second['id']}/restore").status == 200
    assert get(world, f"/tickets/{first['id']}")["ticket"]["subject"] == first["subject"]
    assert len(get(world, f"/tickets/show_many?ids={first['id']},{second['id']},777")["tickets"]) == 2


def test_a_webhook_s_status_is_one_of_two() -> None:
    """Another word is refused in the newer dialect."""
    world = make()
    hook = world.samples()["webhook_id"]
    answer = ask(world, "PATCH", f"/api/v2/webhooks/{hook}", {"webhook": {"status": "off"}})
    assert answer.status == 400
    assert read(answer)["errors"]


def test_values_of_secrets_are_listed_by_nobody() -> None:
    """Tokens show ten characters, API tokens none."""
    world = make()
    listed = str(get(world, "/oauth/tokens?all=true")) + str(get(world, "/api_tokens?include_users=true"))
    assert world.ready_token not in listed
    assert world.credentials()["api_token"] not in listed
