"""Freshdesk: the traps of its API, each by name, against the simulated account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import GET, ActionError, BadAnswer, Cut, Driven, NotConfirmed, Refused, Request, Response, Unavailable
from irkit.connectors.freshdesk.base import describe, judge, limit
from irkit.worlds import World
from tests.worlds.helpers import START, Asked, Clock, arguments, make, play, seen_by

FAR = "archive@mailbox.attacker.example"


def run(name: str, asked: Asked | None = None, given: dict[str, Any] | None = None, **options: object) -> Driven:
    asked = asked or Asked(make("freshdesk", clock=Clock(), **options))      # type: ignore[arg-type]
    action = connectors.find_action(f"freshdesk.{name}")
    full = {name: (given or {}).get(name, value) for name, value in arguments(action, asked.world).items()}
    return play(action(**{**full, **(given or {})}), asked)


def shelf(world: World, name: str) -> dict[str, Any]:
    found: dict[str, Any] = world.tenant.shelves[name]      # type: ignore[attr-defined]
    return found


def tickets(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.tenant.tickets      # type: ignore[attr-defined]
    return found


def named(driven: Driven) -> list[str]:
    """The paths that were asked."""
    return [f"{request.method} {request.target.partition('?')[0]}" for request in driven.requests]


# -- whom irkit acts as, and on whom -------------------------------------------------------------------------------

def test_the_role_and_the_plan_of_irkits_own_agent_are_known() -> None:
    """Names of roles, whether they suffice, and the plan."""
    me = run("whoami").result
    assert (me.role, me.admin, me.plan) == ("Account Administrator", True, "Enterprise")
    assert run("whoami", admin=False).result.admin is False
    assert run("collect_account", plan="growth").result.plan == "Growth"


def test_a_plan_without_an_audit_log_is_a_gap() -> None:
    """Below Enterprise administrative changes cannot be established, and nothing is called clean."""
    assert run("check_audit_log").error is None
    error = run("check_audit_log", plan="pro").error
    assert isinstance(error, Unavailable)
    assert "cannot be established" in str(error)


def test_an_address_without_a_freshdesk_is_told_from_a_missing_right() -> None:
    """The page there is HTML with 404, or a redirect: the sentence names the subdomain, and how to set it."""
    elsewhere = Asked(make("freshdesk"), lambda number, request: Response(302, {"location": "https://www.freshworks.com/"}))
    for error in (run("whoami", domain=False).error, run("whoami", elsewhere).error):
        assert isinstance(error, Refused)
        assert "wrong subdomain" in str(error)
        assert error.next == "irkit connect freshdesk"


def test_the_free_plan_is_a_gap_and_no_time_to_wait() -> None:
    """Its limit is 0, so that a 429 would come for ever: it is unavailable, with what to do."""
    error = run("collect_tickets", plan="free").error
    assert isinstance(error, Unavailable)
    assert "Growth" in error.needs
    assert "by hand" in error.next


def test_an_address_matches_exactly_though_the_filter_is_ignored() -> None:
    """All agents come; the one with this very address is taken, in whatever case."""
    asked = Asked(make("freshdesk", ignore_filters=True))
    found = run("find_agent", asked, {"email": "DANA@example.org"})
    assert found.result.email == "dana@example.org"
    assert "no agents have exactly the address" in str(run("find_agent", asked, {"email": "dana@example.or"}).error)


def test_two_agents_of_one_address_end_the_step() -> None:
    """Nothing is guessed; both ids are told."""
    asked = Asked(make("freshdesk"))
    first, second = list(shelf(asked.world, "agents").values())[1:3]
    second["contact"]["email"] = first["contact"]["email"]
    error = str(run("find_agent", asked).error)
    assert "2 agents" in error
    assert str(second["id"]) in error


def test_somebody_who_was_made_a_contact_is_named_as_one() -> None:
    """An agent who was removed is no agent, and not nobody either."""
    error = str(run("find_agent", given={"email": "returned@example.org"}).error)
    assert "it is a contact, id" in error


def test_a_list_of_agents_says_nothing_of_roles_so_one_is_read_by_id() -> None:
    """Roles, groups and skills are in the single view alone: an undo made from a row of the list would empty them."""
    asked = Asked(make("freshdesk"))
    found = run("find_agent", asked).result
    assert len(found.role_ids) == 1
    assert len(found.group_ids) == 2
    asked.instead = lambda number, request: Response.of({"id": int(found.id), "ticket_scope": 1, "contact": {}})
    assert isinstance(run("collect_agent", asked).error, BadAnswer)


def test_a_planted_agent_is_a_suspect_and_irkits_own_is_none() -> None:
    """Created since the first sign; a list without irkit's own agent is not taken for whole."""
    given = {"since": START - timedelta(days=3)}
    asked = Asked(make("freshdesk", page=100))
    listing = run("collect_agents", asked, given).result
    assert [item.title for item in listing.suspects] == ["svc-sync@mailbox.attacker.example"]
    asked.instead = lambda number, request: Response.of([]) if request.target.startswith("/api/v2/agents?") else None
    assert isinstance(run("collect_agents", asked, given).error, BadAnswer)


def test_the_groups_of_an_agent_come_from_the_agent() -> None:
    """Lists of groups may not name their members: that is no agent without groups. One that is missing makes it incomplete."""
    asked = Asked(make("freshdesk"))
    rows = [{"id": one["id"], "name": one["name"]} for one in list(shelf(asked.world, "groups").values())[:1]]
    asked.instead = lambda number, request: Response.of(rows) if "/groups" in request.target else None
    found = run("collect_groups", asked).result
    assert found.suspect_ids == (str(rows[0]["id"]),)
    assert not found.complete
    assert any("not in the list" in note for note in found.notes)


def test_deactivated_is_read_and_never_assumed() -> None:
    """The manual step is proved by the field; an agent who is not deactivated does not pass."""
    asked = Asked(make("freshdesk"))
    assert run("check_deactivated", asked).result.deactivated is True
    assert isinstance(run("check_deactivated", asked, {"agent_id": asked.world.samples()["agent_id"]}).error, NotConfirmed)


# -- standing ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["restrict_agent", "convert_to_contact"])
def test_irkits_own_agent_is_never_changed(name: str) -> None:
    """Freshdesk lets nobody change their own roles: with the subject's own key nothing is sent, and the way out is told."""
    driven = run(name, key_of_subject=True)
    assert not driven.writes
    assert "key of this very agent" in str(driven.error)
    assert "another account administrator" in driven.error.next      # type: ignore[union-attr]


def test_restricting_leaves_the_smallest_role_and_says_what_is_taken() -> None:
    """Scope 3, the role "Agent", no group: all of it re-read, and all of it in the line at the gate."""
    driven = run("restrict_agent")
    assert (driven.result.ticket_scope, driven.result.scope, driven.result.group_ids) == (3, "restricted", ())
    assert len(driven.result.role_ids) == 1
    assert driven.writes[0].affects[0].endswith(
        "ticket scope global to restricted, Administrator to Agent, 2 groups to 0 groups")
    assert driven.writes[0].json["group_ids"] == []


def test_an_agent_without_a_role_is_refused_before_freshdesk_refuses_it() -> None:
    """At least one role has to remain."""
    driven = run("restrict_agent", given={"role_ids": []})
    assert not driven.writes
    assert "at least one role" in str(driven.error)


def test_where_no_role_is_called_agent_the_roles_are_told() -> None:
    """Roles may have other names: one is to be named, and all are listed."""
    asked = Asked(make("freshdesk"))
    for role in shelf(asked.world, "roles").values():
        role["name"] = "Zespół"
    driven = run("restrict_agent", asked)
    assert not driven.writes
    assert "Zespół" in str(driven.error)


def test_a_collaborator_keeps_roles_of_its_own_kind() -> None:
    """A support agent's role does not suit a collaborator: scope and groups are taken, the role stays."""
    asked = Asked(make("freshdesk"))
    agent = shelf(asked.world, "agents")[str(asked.world.samples()["agent_id"])]
    agent["type"] = "collaborator"
    driven = run("restrict_agent", asked)
    assert driven.result.role_ids == tuple(map(str, agent["role_ids"]))
    assert driven.result.ticket_scope == 3


def test_becoming_a_contact_says_what_no_undo_brings_back() -> None:
    """Tickets become unassigned, and stay so after the undo; roles, scope and groups are as they were."""
    asked = Asked(make("freshdesk"))
    subject = str(asked.world.samples()["agent_id"])
    before = run("collect_agent", asked).result
    mine = [one for one in tickets(asked.world).values() if one["responder_id"] == int(subject)]
    done = run("convert_to_contact", asked)
    assert "which no undo brings back" in done.writes[0].affects[0]
    seen = seen_by(done.writes[0])
    back = run("make_agent", asked, {"agent_id": subject, **{
        name: seen[name] for name in ("ticket_scope", "role_ids", "group_ids", "skill_ids", "occasional", "kind")}})
    assert (back.result.role_ids, back.result.group_ids) == (before.role_ids, before.group_ids)
    assert {one["responder_id"] for one in mine} == {None}


def test_without_a_free_seat_nobody_becomes_an_agent_again() -> None:
    """403 with Freshdesk's own words: the seat was taken meanwhile."""
    error = run("make_agent", seats=False).error
    assert "maximum number of agents" in str(error)


def test_further_addresses_are_told_before_they_are_deleted() -> None:
    """Making an agent deletes a contact's other e-mail addresses."""
    asked = Asked(make("freshdesk"))
    given = arguments(connectors.find_action("freshdesk.make_agent"), asked.world)
    shelf(asked.world, "contacts")[given["agent_id"]]["other_emails"] = ["private@example.org"]
    assert "private@example.org will be deleted" in run("make_agent", asked).writes[0].affects[0]


# -- tickets -------------------------------------------------------------------------------------------------------

def test_updated_since_is_always_sent() -> None:
    """Without it the tickets of the last 30 days come, as if there were no others."""
    for name in ("collect_tickets", "collect_deleted_tickets", "collect_conversations"):
        lists = [request for request in run(name).requests if request.target.startswith("/api/v2/tickets?")]
        assert lists
        assert all("updated_since=2026-" in request.target for request in lists)


def test_a_window_longer_than_thirty_days_is_whole() -> None:
    """Tickets that were made long ago and changed in the window are there, each once."""
    asked = Asked(make("freshdesk", tickets=40))
    since = START - timedelta(days=80)
    want = [one for one in tickets(asked.world).values() if not one["deleted"] and one["updated_at"] >= f"{since:%Y-%m-%dT%H}"]
    found = run("collect_tickets", asked, {"since": since}).result
    assert found.complete
    assert found.tickets == len(want)
    assert not any("outside" in note for note in found.notes)


def test_a_filter_that_is_ignored_is_told_by_the_rows() -> None:
    """Rows from before the window are counted as such, kept, and named; what came is not called whole."""
    given = {"since": START - timedelta(days=2)}
    found = run("collect_tickets", ignore_filters=True, given=given).result
    assert any("outside the window asked for" in note for note in found.notes)
    assert not found.complete
    written = run("collect_conversations", ignore_filters=True, given=given).result
    assert not written.complete
    assert any("tickets: updated_since was ignored" in note for note in written.notes)


def test_tickets_that_move_while_they_are_listed_are_not_skipped() -> None:
    """Each page moves a ticket to the end: by page numbers its neighbours would be missed."""
    asked = Asked(make("freshdesk", tickets=40, busy=True))
    want = {key for key, one in tickets(asked.world).items() if not one["deleted"]}
    found = run("collect_tickets", asked, {"since": START - timedelta(days=100)}).result
    assert found.tickets == len(want)
    assert found.complete


def test_more_than_three_hundred_pages_are_read_to_the_end() -> None:
    """Freshdesk refuses page 301; the list is begun anew at the last change seen, and never asks for it."""
    asked = Asked(make("freshdesk", tickets=320, page=2))
    want = {key for key, one in tickets(asked.world).items() if not one["deleted"]}
    driven = run("collect_tickets", asked, {"since": START - timedelta(days=100)})
    assert driven.result.complete
    assert driven.result.pages > 300
    assert driven.result.tickets == len(want)


def test_too_many_changes_of_one_second_are_incomplete_not_endless() -> None:
    """A bulk change of more tickets than 300 pages hold, all in one second, cannot be listed whole, and it says so."""
    asked = Asked(make("freshdesk", tickets=320, page=1))
    for one in tickets(asked.world).values():
        one["updated_at"] = "2026-03-07T20:00:00Z"
    found = run("collect_tickets", asked, {"since": START - timedelta(days=1)}).result
    assert not found.complete
    assert any("cannot be listed" in note for note in found.notes)


@pytest.mark.parametrize("name", ["collect_tickets", "collect_deleted_tickets", "collect_conversations"])
def test_a_list_that_irkits_own_scope_would_shorten_is_a_gap(name: str) -> None:
    """With a smaller ticket scope Freshdesk answers 200 with a part; it is never taken for all."""
    driven = run(name, global_scope=False)
    assert isinstance(driven.error, Unavailable)
    assert driven.error.needs == "global ticket scope"
    assert not any("/tickets" in path for path in named(driven))


def test_the_agents_lures_are_counted_and_their_recipients_told() -> None:
    """What the agent wrote, publicly, to whom, on which tickets; blind copies included."""
    found = run("collect_conversations", given={"since": START - timedelta(days=1)}).result
    assert found.public == found.by_agent == len(found.touched) == 12
    assert found.recipients[0] == f"{FAR}: 12"


def test_a_conversation_that_moved_to_the_archive_is_read_there() -> None:
    """404 for a ticket's conversation: the archive is asked before it is called gone."""
    driven = run("collect_conversations", given={"since": START - timedelta(days=100)})
    assert any("/tickets/archived/" in path for path in named(driven))
    assert not any("gone" in note for note in driven.result.notes)


def test_a_conversation_longer_than_ten_entries_is_read_whole() -> None:
    """A ticket shows its ten oldest alone: each is asked for all of them, page by page."""
    asked = Asked(make("freshdesk"))
    entries = asked.world.tenant.written["1"]      # type: ignore[attr-defined]
    entries += [{**entries[-1], "id": 10**12 + number} for number in range(20)]
    given = {"since": START - timedelta(hours=8)}
    before = run("collect_conversations", Asked(make("freshdesk")), given).result
    assert run("collect_conversations", asked, given).result.by_agent == before.by_agent + 20


def test_stopped_by_hand_it_is_incomplete() -> None:
    """A Cut in the middle of the conversations keeps what came, and says so."""
    asked = Asked(make("freshdesk"))

    def answers(request: Request) -> Response:
        if "/conversations" in request.target and len(asked.answered) > 8:
            return Cut()      # type: ignore[return-value]   # drive() throws what is an error
        return asked(request)
    action = connectors.find_action("freshdesk.collect_conversations")
    driven = play(action(**arguments(action, asked.world)), answers)
    assert driven.error is None
    assert driven.result.complete is False
    assert any("stopped by hand" in note for note in driven.result.notes)


def test_deleted_tickets_of_a_filter_that_is_ignored_are_not_believed() -> None:
    """Tickets that are not deleted among the deleted: an error, not a list of what was lost."""
    asked = Asked(make("freshdesk"))
    kept = Response.of([{"id": 1, "deleted": False}])
    asked.instead = lambda number, request: kept if "filter=deleted" in request.target else None
    assert isinstance(run("collect_deleted_tickets", asked).error, BadAnswer)


def test_a_restored_ticket_is_there_again_and_a_purged_one_is_said_to_be_gone() -> None:
    """The second look decides; 404 is not "restored already"."""
    assert run("restore_ticket").result.deleted is False
    assert "deleted for good" in str(run("restore_ticket", given={"ticket_id": "99999"}).error)


def test_contacts_of_the_window_alone_are_suspects() -> None:
    """`_updated_since` may be ignored: older rows are kept and named, and none of them is a suspect."""
    given = {"since": START - timedelta(days=1), "state": "deleted"}
    found = run("collect_contacts", given=given).result
    assert len(found.suspects) == 1
    ignored = run("collect_contacts", given=given, ignore_filters=True).result
    assert ignored.suspects == ()
    assert any("filter did not ask for" in note for note in ignored.notes)


# -- what acts by itself -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("bare", [False, True])
def test_rules_of_all_types_are_read_in_either_shape(bare: bool) -> None:
    """Sources differ about type 2 and about the shape: a type that is not there is a note, not an end."""
    rules = run("collect_automations", bare_rules=bare, given={"since": START - timedelta(days=1)}).result
    assert rules.count == 5
    assert {rule.type for rule in rules.items} == {"1", "3", "4"}
    assert rules.notes == ("Freshdesk knows no automations of type 2",)
    assert [rule.sends for rule in rules.suspects] == ["calls https://hooks.attacker.example/in", f"forwards to {FAR}"]
    assert any("warehouse.northwind.example" in told for told in rules.senders)


def test_a_type_that_everybody_knows_may_not_be_missing() -> None:
    """Without the rules on new tickets the list is not whole: the step fails instead of looking clean."""
    asked = Asked(make("freshdesk"))
    asked.instead = lambda number, request: Response(404) if "/automations/1/" in request.target else None
    assert isinstance(run("collect_automations", asked).error, Refused)


def test_rules_that_may_not_be_seen_are_a_gap() -> None:
    """403 is unavailable, with the right that is missing."""
    error = run("collect_automations", missing="automations").error
    assert isinstance(error, Unavailable)
    assert error.needs == "right to manage automations"


def test_a_rule_that_loses_its_conditions_with_its_switch_is_noticed() -> None:
    """If sending the switch alone cleared the rest, the look afterwards says what changed."""
    error = run("disable_automation", rules_clear=True).error
    assert isinstance(error, NotConfirmed)
    assert "conditions" in str(error)


def test_a_rules_address_is_shown_without_its_query() -> None:
    """A key in a webhook's address does not get into the summary; one that no parser takes is no crash."""
    asked = Asked(make("freshdesk"))
    rule = next(one for one in shelf(asked.world, "rules").values() if "attacker" in str(one["actions"][0].get("url")))
    rule["actions"][0]["url"] = "https://[bad/hook?key=s3cr3t"
    senders = run("collect_automations", asked).result.senders
    assert not any("s3cr3t" in told for told in senders)
    assert any("bad/hook" in told for told in senders)


def test_a_blind_copy_is_removed_and_the_archive_stays() -> None:
    """The list is replaced as a whole: all other addresses are sent back, and the undo adds the one again."""
    driven = run("remove_bcc")
    assert driven.writes[0].json == {"emails": ["journal@northwind.example"]}
    found = run("collect_mail_routing", given={"since": START - timedelta(days=1)}).result
    assert found.bcc == ("journal@northwind.example", FAR)
    assert found.outside == (FAR,)


def test_several_blind_copies_are_removed_by_one_request() -> None:
    """The list is replaced as a whole: two requests that were both looked up before would bring the first address back."""
    asked = Asked(make("freshdesk"))
    driven = run("remove_bcc", asked, {"addresses": [FAR.upper(), "journal@northwind.example"]})
    assert len(driven.writes) == 1
    assert len(driven.writes[0].affects) == 2
    assert driven.result.emails == ()
    assert not run("remove_bcc", asked, {"addresses": []}).writes


def test_two_addresses_at_once_are_refused() -> None:
    """One address is one address."""
    assert not run("add_bcc", given={"addresses": ["a@example.org, b@example.org"]}).requests


def test_mailboxes_made_since_are_suspects() -> None:
    """A mailbox that sends through an outside server is told with it."""
    found = run("collect_mail_routing", given={"since": START - timedelta(days=1)}).result
    assert [item.title for item in found.suspects] == ["returns@attacker.example"]
    assert "smtp.attacker.example" in found.named[0]


def test_an_export_is_checked_by_its_id_and_its_link_stays_secret() -> None:
    """Only a known id can be asked for; whoever had the link would have the data."""
    driven = run("check_contact_export")
    assert (driven.result.status, driven.result.link) == ("completed", True)
    assert "https" not in repr(driven.result)
    assert "kept 15 days" in str(run("check_contact_export", given={"export_id": "abc"}).error)
    assert not run("check_job", given={"job_id": "../agents"}).requests


def test_ids_are_numbers_before_anything_is_asked() -> None:
    """"me" would be another agent: irkit's own."""
    for name, given in (("restrict_agent", {"agent_id": "me"}), ("disable_automation", {"id": "../1"}),
                        ("restore_ticket", {"ticket_id": "1?x"}), ("delete_contact", {"contact_id": "autocomplete"})):
        driven = run(name, given=given)
        assert isinstance(driven.error, ActionError)
        assert not driven.requests


# -- signals -------------------------------------------------------------------------------------------------------

def test_both_error_bodies_are_told_in_freshdesks_own_words() -> None:
    """Validation names the field; anything else has a code and a sentence; HTML has nothing to say."""
    validation = {"description": "Validation failed", "errors": [
        {"field": "role_ids", "message": "Agent must have at least one role", "code": "invalid_value"}]}
    assert describe(Response.of(validation, 400)) == (
        "Validation failed; role_ids: Agent must have at least one role (invalid_value)")
    assert describe(Response.of({"code": "access_denied", "message": "No."}, 403)) == "No. (access_denied)"
    assert describe(Response(404, {}, b"<html>")) == ""


def test_limit_headers_say_the_budget_and_how_long_to_wait() -> None:
    """X-RateLimit-Total and -Remaining a minute, Retry-After in seconds; nonsense says nothing."""
    now = datetime(2026, 3, 7, tzinfo=UTC)
    told = limit(Response(429, {"retry-after": "34", "x-ratelimit-total": "200", "x-ratelimit-remaining": "0"}), now)
    assert (told.wait, told.per_minute, told.remaining) == (34.0, 200, 0)
    assert limit(Response(200, {"x-ratelimit-total": "many"}), now).per_minute is None


def test_an_ordinary_429_is_left_to_be_waited_for() -> None:
    """Only a limit of 0 is a plan without an API."""
    assert judge(GET("/api/v2/agents/me"), Response(429, {"x-ratelimit-total": "200"})) is None


def test_lists_of_tickets_and_contacts_have_limits_of_their_own() -> None:
    """20 a minute on the smallest plan, however much the account may ask; the account's total tells the plan."""
    now, url = datetime(2026, 3, 7, tzinfo=UTC), "https://acme.freshdesk.com/api/v2/tickets?page=1"
    for total, own in (("200", 20), ("700", 200), ("50", 20), ("5000", 20)):
        told = limit(Response(200, {"x-ratelimit-total": total, "x-ratelimit-remaining": "3"}, url=url), now)
        assert (told.per_minute, told.remaining) == (own, None)
    bucket = connectors.find("freshdesk").bucket
    assert bucket(GET("/api/v2/tickets", params={"page": 1})).per_minute == 20      # type: ignore[union-attr]
    assert bucket(GET("/api/v2/contacts")).name == "contacts list"                  # type: ignore[union-attr]
    assert bucket(GET("/api/v2/tickets/{}", 1)) is None


def test_doctor_names_each_right_that_is_missing() -> None:
    """Every proof passes with irkit's own agent; without a right its own proof is refused, and says which."""
    proofs = {proof.scope: proof for proof in connectors.find("freshdesk").proofs}
    asked = Asked(make("freshdesk"))
    assert [scope for scope, proof in proofs.items() if play(proof.function(), asked).error] == []
    for scope, options in (("role Account Administrator", {"admin": False}), ("ticket scope Global", {"global_scope": False}),
                           ("right to manage automations", {"missing": "automations"}),
                           ("right to manage email settings", {"missing": "email"}),
                           ("right to see contacts", {"missing": "contacts"}),
                           ("right to manage the account", {"missing": "account"})):
        assert isinstance(play(proofs[scope].function(), Asked(make("freshdesk", **options))).error, Unavailable)
