"""Every action of every connector, driven both ways against its world: the promise that declarations are honest.

Nothing here names a connector: a new one is covered by having a world whose `samples()` suit its actions, and whose `small`
makes it quick. tests/connectors/NAME_tenant.py, where there is one, may add a mapping JUNK of answers in that vendor's shapes.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import itertools
import typing
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from irkit import connectors
from irkit.action import Action, ActionError, Driven, Effect, Email, NotConfirmed, Record, Request, Response, UserId
from irkit.engine import redact
from irkit.worlds import World
from tests.rows import each
from tests.worlds.helpers import Asked, Clock, arguments, body, make, play, seen_by

ACTIONS = [action for name in connectors.names() for action in connectors.find(name).actions.values()]


def _each(*effects: Effect) -> Callable[[Callable[..., None]], pytest.MarkDecorator]:
    return each("action", [a for a in ACTIONS if a.effect in effects], group=lambda a: a.connector, named=lambda a: a.full_name)


every, reading, undoable = _each(*Effect), _each(Effect.READ), _each(Effect.REVERSIBLE)
writing = _each(Effect.REVERSIBLE, Effect.IRREVERSIBLE)

HTML = b"<!DOCTYPE html><title>Sign in</title>"
JUNK = {
    "403": Response.of({"error": {"title": "Forbidden", "message": "no"}}, 403),
    "404": Response.of({"error": "RecordNotFound"}, 404), "500": Response(500, {}, b"oops"),
    "429": Response(429, {"retry-after": "1"}),
    "empty": Response(200), "{}": Response.of({}), "[]": Response.of([]), "null": Response.of(None),
    "html": Response(200, {"content-type": "text/html"}, HTML), "cut": Response(200, {}, b'{"user": {"id": 1, "na'),
    "scalars": Response.of({"user": 7, "users": 7, "meta": 7, "links": 7}),
}


def _junk(action: Action) -> dict[str, Response]:
    """The junk for one action: what suits every vendor, and what its own tests add."""
    name = f"tests.connectors.{action.connector}_tenant"
    more = getattr(importlib.import_module(name), "JUNK", {}) if importlib.util.find_spec(name) else {}
    return {**JUNK, **more}


PLAIN: tuple[Any, ...] = (str, int, bool, datetime, timedelta, UserId, Email, list[str], list[UserId])


def fresh(action: Action, *, hostile: bool = False) -> Asked:
    return Asked(make(action.connector, clock=Clock(), hostile=hostile))


@functools.cache
def untouched(connector: str) -> World:
    """A world that is never asked: of those whose every answer is junk, one will do."""
    return make(connector, clock=Clock())


def run(action: Action, asked: Asked) -> Driven:
    return play(action(**arguments(action, asked.world)), asked)


@every
def test_an_action_says_what_it_does_and_where_that_is_documented(action: Action) -> None:
    """The docstring has a title that fits on a screen, and a source."""
    assert 0 < len(action.title) <= 72
    assert action.source


@every
def test_parameters_and_result_are_typed(action: Action) -> None:
    """Parameters have types that YAML can be converted to, and the result is a frozen record of fields."""
    for param in action.params.values():
        kinds = [kind for kind in typing.get_args(param.type) or (param.type,) if kind is not type(None)]
        optional = type(None) in typing.get_args(param.type)
        assert all(kind in PLAIN for kind in (kinds if optional else [param.type])), param
        assert param.required or optional or param.default is not None
    assert issubclass(action.returns, Record)
    assert action.returns.__struct_config__.frozen


@reading
def test_a_read_reads_and_changes_nothing(action: Action) -> None:
    """A READ action sends no write, the tenant is afterwards what it was, and it has a result."""
    asked = fresh(action)
    before = asked.world.digest()
    driven = run(action, asked)
    assert driven.error is None
    assert isinstance(driven.result, action.returns)
    assert driven.requests
    assert not driven.writes
    assert asked.world.digest() == before


@every
def test_what_claims_to_read_leaves_the_tenant_alone(action: Action) -> None:
    """A request that says reads=True, and every GET that does not say writes=True, changes nothing."""
    asked = fresh(action)
    digests: list[tuple[bool, str]] = []

    def watch(number: int, request: Request) -> None:
        digests.append((request.is_write, asked.world.digest()))
    asked.instead = watch                        # looks on before each request, and leaves the answer to the world
    run(action, asked)
    digests.append((False, asked.world.digest()))
    assert all(write or before == after for (write, before), (_, after) in itertools.pairwise(digests))


@writing
def test_a_write_writes_once_and_looks_again(action: Action) -> None:
    """One write, after a look that it carries as `seen`; the tenant changes; a look follows; there is a result.

    What no look can settle is irreversible, and never confirmed by itself.
    """
    asked = fresh(action)
    before = asked.world.digest()
    driven = run(action, asked)
    assert len(driven.writes) == 1
    sent = [request for request in driven.requests if not request.cleanup]
    assert not sent[0].is_write or sent[0].settle == "human"
    assert isinstance(driven.writes[0].seen, Record)
    assert asked.world.digest() != before
    if driven.writes[0].settle == "human":
        assert action.effect is Effect.IRREVERSIBLE
        assert isinstance(driven.error, NotConfirmed)
    else:
        assert driven.error is None
        assert isinstance(driven.result, action.returns)
        assert not sent[-1].is_write


@writing
def test_what_is_already_so_is_not_sent_again(action: Action) -> None:
    """The same again: the look shows that it is done, and nothing is sent. Where no look can, the same bytes are (the engine
    sends no second time before a person has said how the first ended)."""
    asked = fresh(action)
    args = arguments(action, asked.world)
    first = play(action(**args), asked)
    before = asked.world.digest()
    again = play(action(**args), asked)
    if first.writes[0].settle == "human":
        assert again.writes == first.writes
        return
    assert not again.writes
    assert again.error is None or isinstance(again.error, ActionError)
    assert asked.world.digest() == before


@undoable
def test_undo_undoes(action: Action) -> None:
    """The undo of a reversible action exists, writes, and with what was `seen` restores the tenant's configuration."""
    asked = fresh(action)
    before = asked.world.digest()
    args = arguments(action, asked.world)
    done = play(action(**args), asked)
    undo = connectors.find_action(action.undo)
    assert undo.effect is Effect.REVERSIBLE
    seen = seen_by(done.writes[0])
    back = {name: seen.get(name, args.get(name)) for name in undo.params}
    undone = play(undo(**{k: v for k, v in back.items() if v is not None}), asked)
    assert undone.error is None
    assert len(undone.writes) == 1
    assert asked.world.digest() == before


def _from(first: int, junk: Response) -> Callable[[int, Request], Response | None]:
    return lambda number, request: junk if number >= first else None


@every
def test_a_refusal_is_told_and_never_taken_for_a_success(action: Action) -> None:
    """Whatever is answered to everything, the action ends with an ActionError, not with a result and not with a KeyError.

    Of a host that irkit does not know any 2xx may be right; what no look can settle may be sent without one, and is not done.
    """
    for name, junk in _junk(action).items():
        asked = Asked(untouched(action.connector), _from(0, junk))
        driven = run(action, asked)
        assert isinstance(driven.error, ActionError) or (action.opaque and junk.status == 200), name
        assert all(write.settle == "human" for write in driven.writes) or action.opaque, name


@every
def test_an_answer_that_goes_bad_on_the_way_breaks_nothing(action: Action) -> None:
    """From each request on, junk: a result or an ActionError, and at most one write."""
    length = len(run(action, fresh(action)).requests)
    for number in range(1, length):
        for name in ("404", "500", "{}", "cut", "scalars"):
            asked = fresh(action)
            asked.instead = _from(number, JUNK[name])
            driven = run(action, asked)
            assert driven.error is None or isinstance(driven.error, ActionError)
            assert len(driven.writes) <= 1


class Dated(Asked):
    """Every answer bears that Date."""

    date = ""

    def __call__(self, request: Request) -> Response:
        answer = super().__call__(request)
        with answer.open() as file:
            return Response(answer.status, {**answer.headers, "date": self.date}, file.read())


@every
def test_an_odd_date_breaks_nothing(action: Action) -> None:
    """No Date, one of no zone, one that no calendar holds, one that is none: a result or an ActionError."""
    for odd in ("", "Fri, 20 Nov 2026 17:36:09", "Fri, 31 Dec 9999 23:59:59 -2359", "yesterday"):
        asked = Dated(fresh(action).world)
        asked.date = odd
        driven = run(action, asked)
        assert driven.error is None or isinstance(driven.error, ActionError), odd
        assert len(driven.writes) <= 1


@writing
def test_a_write_that_is_refused_is_no_success(action: Action) -> None:
    """A write answered 403, and a tenant that stays as it was, end in an ActionError."""
    asked = fresh(action)
    asked.instead = lambda number, request: JUNK["403"] if request.is_write else None
    assert isinstance(run(action, asked).error, ActionError)


@writing
def test_a_write_that_is_taken_and_has_no_effect_is_no_success(action: Action) -> None:
    """200 is no proof: when the tenant stays as it was, the second look says so."""
    asked = fresh(action)
    asked.instead = lambda number, request: Response.of({}) if request.is_write else None
    driven = run(action, asked)
    assert len(driven.writes) == 1
    assert isinstance(driven.error, ActionError)


@every
def test_live_secrets_in_answers_are_named(action: Action) -> None:
    """What an answer bears in live secrets is removed by the keys that the request names."""
    asked = fresh(action)
    run(action, asked)
    for request, answer in asked.answered:
        raw = body(answer)
        left = (redact.body(raw, request.secret) if request.secret and raw else raw).decode()
        assert not [secret for secret in asked.world.secrets() if secret in left], request.target


@every
def test_hostile_text_in_every_field_does_no_harm(action: Action) -> None:
    """Escapes, formulas, templates, surrogates and very long names go through an action as text."""
    asked = fresh(action, hostile=True)
    driven = run(action, asked)
    if isinstance(driven.error, NotConfirmed) and driven.writes[0].settle == "human":
        return
    assert driven.error is None
    assert isinstance(driven.result, action.returns)
