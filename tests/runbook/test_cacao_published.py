"""Exports, and the playbook written by hand, against the JSON schemas that OASIS publishes, which are no part of irkit.

CACAO_SCHEMAS names a folder that holds them: a clone of oasis-open/cacao-json-schemas. They are read twice. As published, under
draft-07, which does not know `unevaluatedProperties` and so lets any property pass. And as they are meant, under 2020-12, but
for a slip: `command-data` closes itself before the commands that build on it add their own, so that none of them could say
anything; it is left open, and each command held to the file of its type.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012

from irkit.runbook import load, load_bytes
from tests.runbook.cacao_schema import COMMAND, COMMANDS, FAMILIES, PARTS, SCHEMA, facts, whole
from tests.runbook.playbooks import Json, every_construct, two
from tests.runbook.test_cacao_export import ALL_KEYS, SHIPPED, exported

if "CACAO_SCHEMAS" not in os.environ:
    pytest.skip("CACAO_SCHEMAS names no folder with OASIS's JSON schemas", allow_module_level=True)

Files = dict[str, Json]                     # by their path below schemas/
LINES = {
    "playbook": PARTS["playbook"], "data-types/civic-location": PARTS["location"], "data-types/contact": PARTS["contact"],
    "data-types/external-reference": PARTS["reference"], "data-types/playbook-processing-summary": PARTS["summary"],
    "data-types/signature": PARTS["signature"], "data-types/variable": PARTS["variable"],
    **{f"commands/{kind}": f"type! text  {COMMAND}  {line}" for kind, line in COMMANDS.items()},
    **{f"{folder}/{kind}": whole(family, kind) for folder, family in (
        ("agent-target", "agents"), ("authentication-info", "credentials"), ("data-markings", "markings"),
        ("extension-definition", "definitions"), ("workflows", "steps")) for kind in FAMILIES[family][1]}}
BASES = {"agent-target/agent-target", "authentication-info/authentication-info", "commands/command-data",
         "data-markings/data-marking", "data-types/identifier", "data-types/timestamp", "workflows/workflow-step"}
OURS = Draft7Validator(SCHEMA)


@pytest.fixture(scope="module")
def files() -> Files:
    """The published files, each under the name that its $id gives it."""
    found = [json.loads(path.read_bytes()) for path in Path(os.environ["CACAO_SCHEMAS"]).rglob("*.json")]
    named = ((one.get("$id", "").partition("/schemas/")[2].removesuffix(".json"), one) for one in found)
    return {name: one for name, one in named if name}


@pytest.fixture(scope="module")
def published(files: Files) -> Draft7Validator:
    """As they are."""
    registry: Registry[Any] = Registry().with_resources((one["$id"], DRAFT7.create_resource(one)) for one in files.values())
    return Draft7Validator(files["playbook"], registry=registry, format_checker=Draft7Validator.FORMAT_CHECKER)


@pytest.fixture(scope="module")
def meant(files: Files) -> Draft202012Validator:
    """As they are meant."""
    made = copy.deepcopy(files)
    for one in made.values():
        one["$schema"] = Draft202012Validator.META_SCHEMA["$id"]
    del made["commands/command-data"]["unevaluatedProperties"]
    (own,) = (part["properties"] for part in made["workflows/action"]["allOf"] if "properties" in part)
    own["commands"]["items"]["allOf"] = [{"if": {"properties": {"type": {"const": kind}}},
                                          "then": {"$ref": made[f"commands/{kind}"]["$id"]}} for kind in COMMANDS]
    resources: list[tuple[str, Resource[Any]]] = [(one["$id"], DRAFT202012.create_resource(one)) for one in made.values()]
    return Draft202012Validator(made["playbook"], registry=Registry[Any]().with_resources(resources),
                                format_checker=Draft202012Validator.FORMAT_CHECKER)


def said(checked: Any, made: Json) -> list[str]:
    return [f"/{'/'.join(map(str, error.path))}: {error.message}" for error in checked.iter_errors(made)]


def holds(checked: Any, made: Json) -> bool:
    return next(checked.iter_errors(made), None) is None


def by_hand() -> Json:
    """The playbook with every construct, but for the marking that the published files let nothing be."""
    made = every_construct()
    for name in [name for name in made["markings"] if name.startswith("marking-iep")]:
        made["markings"].remove(name)
        made["data_marking_definitions"].pop(name)
    return made


# -- the files ---------------------------------------------------------------------------------------------------

def nodes(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


def test_the_files_are_whole(files: Files) -> None:
    """Schemas all of them, and every reference leads to one that is there."""
    ids = {one["$id"] for one in files.values()}
    for one in files.values():
        Draft7Validator.check_schema(one)
        Draft202012Validator.check_schema({**one, "$schema": Draft202012Validator.META_SCHEMA["$id"]})
        aims = {urljoin(one["$id"], node["$ref"]).partition("#")[0]
                for node in nodes(one) if isinstance(node, dict) and isinstance(node.get("$ref"), str)}
        assert aims <= ids
    assert set(files) == {*LINES, *BASES}


def own(files: Files, schema: Json, at: str) -> tuple[set[str], set[str]]:
    """Properties and required ones, with those of the bases and without those that a `not` takes away."""
    properties, required = set(schema.get("properties", {})), set(schema.get("required", []))
    for part in schema.get("allOf", []):
        base = files[urljoin(f"/{at}", part["$ref"])[1:].removesuffix(".json")] if "$ref" in part else part
        more, must = own(files, base, at)
        properties, required = properties | more, required | must
        properties -= {name for one in part.get("not", {}).get("anyOf", []) for name in one["required"]}
    return properties, required


def test_the_table_has_their_properties(files: Files) -> None:
    """Of every file: none more, none less, and the same that must be there."""
    for name, line in LINES.items():
        named = facts(line)
        assert (name, *own(files, files[name], name)) == (
            name, {key.rstrip("!") for key in named}, {key[:-1] for key in named if key.endswith("!")})


# -- what fits them ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_fits_the_published_schemas(path: Path, published: Any, meant: Any) -> None:
    """As they are, and as they are meant."""
    made = exported(load(path), {"a_drill": "text"})
    assert (said(published, made), said(meant, made)) == ([], [])


def test_every_key_of_the_language_fits(published: Any, meant: Any) -> None:
    """Also those that no shipped runbook uses."""
    made = exported(load_bytes(ALL_KEYS.encode(), "all_keys.yaml"), {"a_drill": "text"})
    assert (said(published, made), said(meant, made)) == ([], [])


@pytest.mark.parametrize("made", [two(), by_hand()], ids=["two", "every construct"])
def test_a_playbook_by_hand_fits(made: Json, published: Any, meant: Any) -> None:
    """What the import is tested with is what others may write."""
    assert (said(published, made), said(meant, made)) == ([], [])


def test_no_iep_marking_can_fit(published: Any) -> None:
    """Its references are texts by its own file and objects by the one it builds on; the import reads them nevertheless."""
    (line,) = said(published, every_construct())
    assert line.endswith("/external_references/0: 'https://iep.example.org' is not of type 'object'")


# -- what does not -----------------------------------------------------------------------------------------------

def an_action(made: Json) -> Json:
    return next(step for step in made["workflow"].values() if step["type"] == "action")


@pytest.mark.parametrize("harm", [
    lambda made: made.pop("workflow_start"),
    lambda made: made.pop("created_by"),
    lambda made: made.update(spec_version="cacao-3.0"),
    lambda made: made.update(id=made["id"].replace("playbook--", "Playbook--")),
    lambda made: made.update(created_by="identity--aa7caf3a-d55a-6e9a-b34e-056215fba56a"),
    lambda made: made.update(modified="2026-03-07T23:40:00+00:00"),
    lambda made: an_action(made).update(type="acton"),
    lambda made: an_action(made).update(type="end"),
    lambda made: an_action(made).pop("agent"),
    lambda made: an_action(made).update(commands=[]),
    lambda made: an_action(made)["commands"][0].pop("type"),
    lambda made: next(iter(made["agent_definitions"].values())).pop("name"),
    lambda made: next(iter(made["extension_definitions"].values())).pop("version"),
    lambda made: made["external_references"][0].pop("name"),
    lambda made: made["playbook_processing_summary"].update(manual_playbook="yes"),
])
def test_the_published_schemas_refuse(harm: Callable[[Json], Any], published: Any) -> None:
    """What an export passes is no matter of course."""
    made = exported(load_bytes(ALL_KEYS.encode(), "all_keys.yaml"))
    assert holds(published, made)
    harm(made)
    assert not holds(published, made)


# -- ours and theirs ---------------------------------------------------------------------------------------------

UUID, TIME = re.compile("--[0-9a-f]{8}-[0-9a-f-]{27}$"), re.compile(r"\d{4}-\d\d-\d\dT")
VALUES: tuple[Any, ...] = (None, True, 0, -1, 1.5, 101, "", "x", [], ["x"], {}, {"x": 1})
Way = tuple[str | int, ...]


def pieces(made: Json) -> Iterator[tuple[Json, Way]]:
    """Small playbooks that hold one thing of it each, and where it stands: the whole is slow to read again for each change."""
    small = {**{key[:-1]: made[key[:-1]] for key in facts(PARTS["playbook"]) if key.endswith("!")}, "workflow": {}}
    for key, value in made.items():
        yield {**small, key: value}, (key,)
        for name, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            yield ({**small, key: {name: one}}, (key, name)) if isinstance(value, dict) else ({**small, key: [one]}, (key, 0))


def places(value: Any, at: Way = ()) -> Iterator[Way]:
    """Every place in a value."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def reach(made: Any, way: Way) -> Any:
    for key in way:
        made = made[key]
    return made


def others(value: Any) -> Iterator[Any]:
    """What may stand in the place of a value, right or wrong."""
    yield from (other for other in VALUES if (type(other), other) != (type(value), value))
    if isinstance(value, str):
        yield value + "-x"
    if isinstance(value, str) and UUID.search(value):
        kind, _, digits = value.partition("--")
        yield from (value[:-1], value.upper(), digits, f"a_b--{digits}", f"x-own--{digits}", f"end--{digits}",
                    f"{kind}--{digits[:14]}6{digits[15:]}", f"{kind}--{digits[:19]}7{digits[20:]}")
    if isinstance(value, str) and TIME.match(value):
        yield from (f"2024-01-01{rest}" for rest in ("T00:00:00Z", "T00:00:00.Z", "T00:00:00.000+00:00", " 00:00:00.000Z",
                                                     "T24:00:00.000Z", "T23:59:60.5Z"))
        yield "2024-13-01T00:00:00.000Z"
    if isinstance(value, list) and value:
        yield from (value * 2, value[:1])


def changed(small: Json, way: Way) -> Iterator[tuple[str, Json]]:
    """A playbook with one place left out, with another value, or under another name; or with a property more."""
    key, value = way[-1], reach(small, way)

    def copied() -> tuple[Json, Any]:
        made = copy.deepcopy(small)
        return made, reach(made, way[:-1])
    made, holder = copied()
    del holder[key]
    yield "left out", made
    for other in (*others(value), *([{**value, "extra": 1}] if isinstance(value, dict) else [])):
        made, holder = copied()
        holder[key] = other
        yield repr(other), made
    if isinstance(key, str):
        for name in (f"{key}x", UUID.sub("--x", key), key.replace("-4", "-6", 1), f"end--{key.partition('--')[2]}"):
            made, holder = copied()
            if name not in holder:
                holder[name] = holder.pop(key)
                yield f"called {name}", made


def _part(made: Json, way: Way) -> str:
    """A key without its UUID, or for an element of a list its type."""
    if isinstance(way[-1], str):
        return UUID.sub("", way[-1])
    found = reach(made, way)
    return str(found.get("type", "#")) if isinstance(found, dict) else "#"


def mutants(made: Json) -> Iterator[tuple[str, Json]]:
    """Every change at every kind of place; ids and positions make no kind of their own, types do."""
    seen: set[tuple[str, ...]] = set()
    for small, way in pieces(made):
        yield f"/{'/'.join(map(str, way))}: as it is", small
        below = places(reach(small, way), way) if len(way) > 1 or not isinstance(reach(small, way), dict | list) else [way]
        for at in below:
            kind = tuple(_part(small, at[:length]) for length in range(1, len(at) + 1))
            if kind not in seen:
                seen.add(kind)
                yield from ((f"/{'/'.join(kind)}: {what}", one) for what, one in changed(small, at))
    yield "/: a property more", {**made, "extra": 1}


@pytest.mark.parametrize("made", [exported(load_bytes(ALL_KEYS.encode(), "all_keys.yaml"), {"a_drill": "text"}), by_hand()],
                         ids=["export", "every construct"])
def test_ours_and_theirs_refuse_the_same(made: Json, published: Any, meant: Any) -> None:
    """Our table and the files as they are meant, change by change; what the files refuse as they are, the table refuses too."""
    counts: Counter[tuple[bool, bool]] = Counter()
    differing, missed = [], []
    for what, one in mutants(made):
        ours, theirs = holds(OURS, one), holds(meant, one)
        counts[ours, theirs] += 1
        if ours != theirs:
            differing.append(f"{what}: {'accepted' if ours else 'refused'} by ours alone")
        if ours and not holds(published, one):
            missed.append(what)
    print(f"{counts.total()} changes: {counts[False, False]} refused, {counts[True, True]} accepted by both")
    assert (differing, missed) == ([], [])
    assert min(counts[False, False], counts[True, True]) > 400
