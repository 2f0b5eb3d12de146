"""The connectors, one module or package each, found by name: there is no registry to edit.

How to write one (a package when it outgrows 400 lines; `irkit.action` is all of irkit that it imports):

1.  `okta = Connector("okta", title="Okta", base_url="https://{org}", settings=[Setting("org", …, pattern)], sign_in=[…], …)`,
    named as the module. Sign-ins: `Token(form="SSWS {}")`, `Basic`, `ClientCredentials` (secret or `Assertion`),
    `ServiceAccount`, `AwsSignature`, `Placed` (the key stands in body or address), `StandardWebhook`, `Anonymous`. The first is
    the default.
2.  Another address, or another credential at the same address, is a `Host`: `hosts={"events": Host(url, sign_in)}`, asked by
    `POST("/v2/enqueue", host="events", …)`. Flavours and regions are a `Setting` with `values`; an action that must know
    one says `flavour = yield from setting("flavour")`.
3.  `describe` gives the vendor's own sentence; `judge(request, response)` says what an answer means where its status does
    not: `Refused`, `NoAnswer` for a write that may have happened, `Throttled(wait=…)` for "slow down" in whatever words,
    `Unavailable(needs=…)` for a plan or scope; None leaves it to the status. It must let pass `request.accepts`.
4.  `limit` reads what is left and how long to wait (`retry_after`, `until_reset`); `bucket` names a rate limit of its own.
5.  `@okta.identity` returns whom the connection acts as (`admin`: may do what the actions need); `@okta.proof(scope, why)`
    is one harmless read a scope, which `irkit doctor` runs; `setup` is what `irkit connect` tells people to prepare.
6.  `@okta.action(Effect.…)` on a generator function: look, write at most once with `seen=`, `affects=` and `noun=`, look
    again, `require()` what was asked for. Already so: return without writing. The docstring has a title and `Source: …`.
    What no look can tell is `settle="human"` and ends with NotConfirmed; what tells people something is `tells=True`. A name
    or id that must be the same at every attempt comes from `now = yield from occasion()`.
7.  Bodies: `json=`, `form=`, `content=` with `content_type=`, `upload=(yield from artefact(which))`. `secret=` names the keys
    whose values nobody may see, in the answer and in what is sent.
8.  Lists: `walk(GET(…, keep="log"), "items", tally.add, after=by_token("nextPageToken", "pageToken"))`, or
    `by_link_header`, `by_field("@odata.nextLink")`; `Tally(name, "id.time", since, until, asked=…)` counts, checks each row
    against window and filter, and its `collection(done, days=180)` is the recorded window that the action returns.
9.  An answer in XML is `response.xml("Root", many=(names that are lists))`, dicts and texts; `walk(…, read=…)` pages it.
10. Values of the vendor's are read by `ident`, `words`, `flag`, `when`, `at`, `one`, `row`, never by bare indexing; whoever has
    an address is `the_one` of those a search found.

tests/connectors/test_actions.py covers it as soon as a world of that name is there.

`zendesk` is `irkit.connectors.zendesk`, which holds one `Connector` of the same name. Third parties add theirs through the
entry-point group `irkit.connectors`; only those that `irkit.toml` allows by name are ever imported.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence

from irkit.action import Action, Connector
from irkit.errors import UsageError


def names(allowed: Sequence[str] = ()) -> list[str]:
    """Names of all connectors, the built-in ones and the `allowed` third-party ones; nothing is imported."""
    return sorted(_built_in() | set(allowed))


@functools.cache
def _built_in() -> frozenset[str]:
    """Names of those in this folder, which is looked at once: every request asks for its connector."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str, allowed: Sequence[str] = ()) -> Connector:
    """The connector of that name. Raises UsageError when there is none."""
    if name in _built_in():
        found = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    elif name in allowed:
        found = _third_party(name)
    else:
        raise UsageError(f"no connector is called {name!r}", next="irkit action list")
    if not isinstance(found, Connector):
        raise UsageError(f"the connector module {name!r} holds no Connector called {name}")
    return found


def _third_party(name: str) -> object:
    from importlib.metadata import entry_points
    for point in entry_points(group="irkit.connectors", name=name):
        return point.load()
    raise UsageError(f"irkit.toml allows the connector {name!r}, but no installed package provides it",
                     next="install the package that provides it, or take it off the list in irkit.toml")


def find_action(full_name: str, allowed: Sequence[str] = ()) -> Action:
    """The action called "connector.action". Raises UsageError when either is unknown."""
    connector, _, action = full_name.partition(".")
    actions = find(connector, allowed).actions
    if action not in actions:
        raise UsageError(f"{connector} has no action {action!r}", next="irkit action list")
    return actions[action]
