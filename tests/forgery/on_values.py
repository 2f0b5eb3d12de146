"""Forgeries on values, artefacts and what is withheld."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from tests.forgery.family import BAG, EVERY, MANY, Forge, Holds, Where, family, refused
from tests.forgery.forger import SIGNATURE, Copy, One, digest_of, jcs, shown, value_of

WITHHELD = "data/withheld.jsonl"


def _valued(copy: Copy) -> int:
    """An entry with a value, in the middle."""
    return next(seq for seq, one in enumerate(copy.entries) if one.values and one.kind in ("request.answer", "note"))


# -- values ------------------------------------------------------------------------------------------------------

@family(Holds.NOTHING, over=EVERY, trials=[refused("disclosure", level="CONTRADICTED")])
def a_value_is_changed(forge: Forge) -> Where:
    """Another text in the place of a stored value, filed under the old digest."""
    at = _valued(forge.copy)
    digest, body = forge.copy.entries[at].values[0]
    salt, name, _ = shown(body)
    forge.copy.entries[at].values[0] = (digest, value_of(name, "We were told on Monday.", salt)[1])
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("disclosure")])
def a_value_is_exchanged_with_its_digest(forge: Forge) -> Where:
    """Another value, filed under its own digest, for which the line does not ask."""
    at = _valued(forge.copy)
    salt, name, _ = shown(forge.copy.entries[at].values[0][1])
    forge.copy.entries[at].values[0] = value_of(name, "We were told on Monday.", salt)
    forge.copy.entries[at].values.sort()
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("disclosure")])
def a_value_is_added(forge: Forge) -> Where:
    """One more value than the line asks for."""
    at = _valued(forge.copy)
    forge.copy.entries[at].values.append(value_of("request.comment", "approved by Ada"))
    return at


@family(Holds.NOTHING, over=("live", "drill", "bag of live"), trials=[refused("disclosure")])
def an_empty_value_is_added(forge: Forge) -> Where:
    """To an entry that has none: nothing under no digest, and still something that nobody asked for."""
    at = next(seq for seq, one in enumerate(forge.copy) if not one.values and seq > 1)
    forge.copy.entries[at].values.append(("", ""))
    return at


@family(Holds.NOTHING, over=EVERY, trials=[refused("disclosure", level="MISSING")])
def a_value_is_taken_out(forge: Forge) -> Where:
    """A value is gone, and nothing says why."""
    at = _valued(forge.copy)
    forge.copy.entries[at].values.pop()
    return at


@family(Holds.NOTHING, over=MANY, trials=[refused("disclosure")])
def two_values_change_places(forge: Forge) -> Where:
    """Two values of two entries are each stored with the other one."""
    at = _valued(forge.copy)
    other = next(seq for seq, one in enumerate(forge.copy.entries) if one.values and seq > at)
    one, two = forge.copy.entries[at].values, forge.copy.entries[other].values
    one[0], two[0] = two[0], one[0]
    return at


@family(Holds.NOTHING, over=("live", "tested", "drill", "bag of live", "redacted"), trials=[refused("disclosure")])
def two_values_of_an_entry_are_filed_crosswise(forge: Forge) -> Where:
    """Both bodies are there, each under the digest of the other one."""
    at = next(seq for seq, one in enumerate(forge.copy.entries) if len(one.values) > 1)
    (a, x), (b, y), *_ = values = forge.copy.entries[at].values
    values[:2] = [(a, y), (b, x)]
    return at


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_value_with_the_name_of_another(forge: Forge) -> Where:
    """An entry has two values of one name, both asked for; every key signs."""
    return _asked(forge, value_of("text", "one", "A" * 22), value_of("text", "two", "B" * 22))


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_value_whose_name_is_the_stem_of_another(forge: Forge) -> Where:
    """`request` beside `request.url`; every key signs."""
    return _asked(forge, value_of("request", "one", "A" * 22), value_of("request.url", "two", "B" * 22))


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_value_with_a_short_salt(forge: Forge) -> Where:
    """A salt of 4 characters, so that the value can be guessed; every key signs."""
    return _asked(forge, value_of("text", "one", "AAAA"))


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_value_that_does_not_re_serialise(forge: Forge) -> Where:
    """A disclosure with spaces in it; every key signs."""
    body = base64.urlsafe_b64encode(b'["AAAAAAAAAAAAAAAAAAAAAA", "text", "x"]').decode().rstrip("=")
    return _asked(forge, (digest_of(body), body))


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_value_nested_deep(forge: Forge) -> Where:
    """A value of nine hundred levels; every key signs."""
    return _asked(forge, _nested(900))


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_value_nested_without_end(forge: Forge) -> Where:
    """A value of twenty thousand levels; every key signs."""
    return _asked(forge, _nested(20_000))


def _nested(levels: int) -> tuple[str, str]:
    text = b'["AAAAAAAAAAAAAAAAAAAAAA","text",' + b"[" * levels + b"]" * levels + b"]"
    body = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return digest_of(body), body


@family(Holds.ALL, over=("live", "bag of live"), trials=[refused("disclosure")])
def a_digest_that_stands_twice(forge: Forge) -> Where:
    """`sd` holds one digest two times; every key signs."""
    at = _valued(forge.copy)
    sd = forge.copy.entries[at].fields["sd"]
    sd.append(sd[-1])
    forge.copy.remake(forge.keys())
    return at


def _asked(forge: Forge, *values: tuple[str, str]) -> int:
    at = forge.copy.first("note")
    forge.copy.entries[at].values = sorted(values)
    forge.copy.entries[at].fields["sd"] = sorted(digest for digest, _ in values)
    forge.copy.remake(forge.keys())
    return at


@family(Holds.NOTHING, over=("live", "held"), trials=[refused("policy")])
def values_erased_by_a_stranger(forge: Forge) -> Where:
    """A session of the forger's own, endorsed by nobody, releases the hold and says that it erased what is gone."""
    copy, loot = forge.copy, forge.keys()
    start = copy.session(len(copy.entries), loot)
    like = {"session": start, "who": start.fields["who"]}
    for hold in copy.all("hold.placed"):
        copy.insert(len(copy.entries), "hold.released", ref=copy.entries[hold].fields["seq"], **like)
        copy.note(len(copy.entries) - 1, start, loot)
    at = _valued(copy)
    copy.insert(len(copy.entries), "erased", {"of": at, "digests": list(copy.entries[at].fields["sd"])}, **like)
    copy.entries[at].values = []
    end = len(copy.entries) - 1
    copy.note(end, start, loot)
    copy.remake(loot)
    return range(at, end + 1)


# -- artefacts ---------------------------------------------------------------------------------------------------

def _listed(copy: Copy) -> tuple[int, str]:
    """The entry that first names an artefact, and its file."""
    for seq, one in enumerate(copy.entries):
        for _, body in one.values:
            _, name, value = shown(body)
            sha256 = value.get("artefact") if isinstance(value, dict) else value if name == "artefact.sha256" else None
            if isinstance(sha256, str):
                return seq, copy.artefact(sha256)
    raise AssertionError("no entry names an artefact")


@family(Holds.NOTHING, over=("live", "crash", "weekend_export", "bag of live"), trials=[refused("artefact")])
def an_artefact_is_changed(forge: Forge) -> Where:
    """One byte of it, and the manifest of a bag is made good."""
    at, name = _listed(forge.copy)
    raw = forge.copy.files[name]
    forge.copy.files[name] = bytes([raw[0] ^ 1]) + raw[1:]
    return at


@family(Holds.NOTHING, over=("live", "crash", "bag of live"), trials=[refused("artefact", level="MISSING")])
def an_artefact_is_gone(forge: Forge) -> Where:
    """Its file is deleted, and so is its line in the manifest of a bag."""
    at, name = _listed(forge.copy)
    del forge.copy.files[name]
    return at


@family(Holds.NOTHING, over=("live", "crash", "bag of live"), trials=[refused("artefact")])
def an_artefact_is_longer(forge: Forge) -> Where:
    """Bytes behind its end."""
    at, name = _listed(forge.copy)
    forge.copy.files[name] += b"x"
    return at


@family(Holds.NOTHING, over=("live", "bag of live"), trials=[refused("artefact", "refused", "bag", "export")],
        agree="nothing of a bag with a link in it is read")
def an_artefact_is_a_link(forge: Forge) -> Where:
    """The file is a symbolic link to a file elsewhere that holds the very same bytes."""
    at, name = _listed(forge.copy)
    elsewhere = forge.scratch / "elsewhere"
    elsewhere.write_bytes(forge.copy.files[name])

    def link(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(elsewhere)
    forge.after.append(link)
    return None if forge.copy.is_bag else at


# -- withholding -------------------------------------------------------------------------------------------------

def _withhold(copy: Copy, at: int) -> One:
    """The leaf in the place of the line."""
    one = copy.entries[at]
    copy.entries[at] = hidden = One(jcs({"withheld": {"leaf": one.hash().hex(), "seq": at}}), notes=one.notes)
    return hidden


@family(Holds.NOTHING, over=BAG, trials=[refused("withheld")])
def an_entry_withheld_by_a_stranger(forge: Forge) -> Where:
    """A line is exchanged for its leaf; the manifests are made good, the signed list of what is withheld is not."""
    at = forge.copy.first("note", "step.done", "request.answer")
    _withhold(forge.copy, at)
    return at


@family(Holds.NOTHING, over=BAG, trials=[refused("withheld")])
def an_entry_withheld_and_listed_by_a_stranger(forge: Forge) -> Where:
    """The same, with a row of its own in the list."""
    at = next(seq for seq in forge.copy.all("step.done") if not forge.copy.entries[seq].values)
    hidden = _withhold(forge.copy, at)
    _list(forge.copy, {"seq": at, "leaf": hidden.fields["withheld"]["leaf"]})
    return len(forge.copy.entries) - 1


@family(Holds.NOTHING, over=BAG, trials=[refused("withheld")])
def a_value_withheld_and_listed_by_a_stranger(forge: Forge) -> Where:
    """A value is gone, with a row in the list."""
    at = _valued(forge.copy)
    digest, _ = forge.copy.entries[at].values.pop()
    _list(forge.copy, {"seq": at, "digest": digest})
    return len(forge.copy.entries) - 1


def _list(copy: Copy, row: dict[str, object]) -> None:
    rows = [json.loads(line) for line in copy.files[WITHHELD].splitlines()]
    rows.append(row | {"at": "2026-11-20T18:00:00Z", "basis": "GDPR art. 15(4)", "by": "Ada Counsel"})
    rows.sort(key=lambda one: (one["seq"], one.get("digest", "")))
    copy.files[WITHHELD] = b"".join(jcs(one) + b"\n" for one in rows)


@family(Holds.NOTHING, over=("redacted",), trials=[refused("withheld", "disclosure")])
def the_list_of_what_is_withheld_is_emptied(forge: Forge) -> Where:
    """withheld.jsonl is empty: the redaction gives no ground any more."""
    forge.copy.files[WITHHELD] = b""
    return range(len(forge.copy.entries))


@family(Holds.NOTHING, over=("redacted",), trials=[refused("withheld")])
def a_ground_for_withholding_is_changed(forge: Forge) -> Where:
    """Another basis in the list."""
    forge.copy.files[WITHHELD] = forge.copy.files[WITHHELD].replace(b"attorney-client", b"trade secret xx")
    return len(forge.copy.entries) - 1


@family(Holds.ALL, over=("bag of live",), trials=[refused("withheld", "genesis")])
def genesis_is_withheld(forge: Forge) -> Where:
    """By the exporter, with every key: listed, signed and never allowed."""
    return _exporter(forge, 0)


@family(Holds.ALL, over=("bag of live", "bag of interleaved"), trials=[refused("session", "note", "withheld")])
def a_session_is_withheld(forge: Forge) -> Where:
    """The same with a session.start, whose key and endorsement nobody can look at then."""
    at = forge.copy.first("session.start")
    _exporter(forge, at)
    return range(at, at + 3)


def _exporter(forge: Forge, at: int) -> int:
    hidden = _withhold(forge.copy, at)
    hidden.fields["withheld"]["leaf"] = hidden.hash().hex()
    _list(forge.copy, {"seq": at, "leaf": hidden.hash().hex()})
    _recorded(forge.copy)
    log = forge.copy.entries[1 if at == 0 else 0].fields["log"]
    assert log
    forge.copy.remake(forge.keys())
    return at


def _recorded(copy: Copy) -> None:
    """The `exported` entry at the end names the list as it is now."""
    copy.entries[-1].data["withheld_sha256"] = hashlib.sha256(copy.files[WITHHELD]).hexdigest()


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("policy")])
def a_redaction_exported_anew_by_a_stranger(forge: Forge) -> Where:
    """Behind the honest export stand a session of the forger's own and its export, which withholds a decision."""
    copy, loot = forge.copy, forge.keys()
    start = copy.session(len(copy.entries), loot)
    at = copy.first("decision")
    hidden = _withhold(copy, at)
    _list(copy, {"seq": at, "leaf": hidden.hash().hex()})
    copy.insert(len(copy.entries), "exported", {"as": "bag", "lines": 0, "signed": False, "withheld_sha256": ""}, session=start,
                who=start.fields["who"])
    _recorded(copy)
    copy.note(len(copy.entries) - 1, start, loot)
    del copy.files[SIGNATURE]
    copy.remake(loot)
    return range(-1, len(copy.entries))
