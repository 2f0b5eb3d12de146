"""Forgeries on the bytes of a line and on the rows of a store: every key is held, or none needed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.forgery.family import BOTH, FAMILIES, Family, Forge, Holds, Where, answer, refused
from tests.forgery.forger import jcs

# -- bytes: every key is held, and the line alone is not as version 1 has it --------------------------------------------

def _spoiled(name: str, docs: str, spoil: Callable[[bytes], bytes]) -> None:
    def forge_it(forge: Forge) -> Where:
        at = answer(forge.copy)
        forge.copy.entries[at].spoil = spoil
        forge.copy.remake(forge.keys())
        return at
    FAMILIES[name] = Family(name, docs, Holds.ALL, BOTH, (refused("bytes"),), forge_it)


def _with(**fields: object) -> Callable[[bytes], bytes]:
    return lambda line: jcs(json.loads(line) | fields)


def _in_data(text: str) -> Callable[[bytes], bytes]:
    return lambda line: line.replace(b'"data":{', b'"data":{"aa":' + text.encode() + b',', 1)


_SPOILED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a number with a leading zero": ("01 in a line.", _in_data("01")),
    "not a number": ("NaN in a line.", _in_data("NaN")),
    "an infinity": ("-Infinity in a line.", _in_data("-Infinity")),
    "a fraction": ("1.5 in a line.", _in_data("1.5")),
    "an exponent": ("1e3 in a line.", _in_data("1e3")),
    "a number beyond 2^53": ("An integer that not every reader of JSON reads alike.", _in_data("9007199254740993")),
    "a number of ten thousand digits": ("An integer that takes long to read.", _in_data("9" * 10_000)),
    "a null": ("null in a line.", _in_data("null")),
    "a repeated key": ("A key stands twice in an object: readers differ on which one counts.",
                       lambda line: line.replace(b'"data":{', b'"data":{"aa":1,"aa":2,', 1)),
    "a repeated key at the top": ("`kind` stands twice.", lambda line: line.replace(b'"kind":', b'"kind":"note","kind":', 1)),
    "a space": ("A space after a comma.", lambda line: line.replace(b',"', b', "', 1)),
    "a needless escape": ("A letter is written as its escape.",
                          lambda line: line.replace(b'"kind":"r', b'"kind":"\\u0072', 1)),
    "a lone surrogate": ("Half of a pair, as an escape.", _in_data('"\\ud800"')),
    "a byte order mark": ("Three bytes before the object.", lambda line: b"\xef\xbb\xbf" + line),
    "bytes that are no UTF-8": ("A byte that is none.", lambda line: line.replace(b'"data":{', b'"data":{"aa":"\xff",', 1)),
    "keys out of order": ("`v` stands first.", lambda line: b'{"v":1,' + line[1:].replace(b',"v":1', b"", 1)),
    "an unknown version": ("`v` is 2.", _with(v=2)),
    "a version that is true": ("`v` is true, which many a language takes for 1.", _with(v=True)),
    "a version as text": ("`v` is \"1\".", _with(v="1")),
    "an unknown field": ("A field that version 1 does not have.", _with(zz=1)),
    "a key in capitals": ("A key outside [a-z0-9_].", _in_data('{"Aa":1}')),
    "a number that is true": ("`item` is true.", _with(item=True)),
    "no nonce": ("A line without `nonce`.", lambda line: jcs({k: v for k, v in json.loads(line).items() if k != "nonce"})),
    "an unknown hand": ("`by` is nobody of the three.", _with(by="oracle")),
    "a line nested too deep": ("Forty levels.", _in_data("[" * 40 + "]" * 40)),
    "a line nested without end": ("Twenty thousand levels, which overrun a careless reader's stack.",
                                  _in_data("[" * 20_000 + "]" * 20_000)),
    "a line that is too long": ("Seventy thousand bytes.", _in_data('"' + "x" * 70_000 + '"')),
    "a line that is a list": ("No object at all.", lambda line: b"[" + line + b"]"),
    "a line with another behind it": ("Two objects in one line.", lambda line: line + b"{}"),
}
for _name, (_docs, _spoil) in _SPOILED.items():
    _spoiled(_name, _docs, _spoil)


# -- the store ---------------------------------------------------------------------------------------------------

def _sql(name: str, docs: str, mechanisms: tuple[str, ...], *statements: str) -> None:
    def forge_it(forge: Forge) -> Where:
        def change(folder: Path) -> None:
            db = sqlite3.connect(folder / "ledger.db", isolation_level=None)
            for statement in statements:
                db.execute(statement)
            db.close()
        forge.after.append(change)
        return range(-1, 7001)
    FAMILIES[name] = Family(name, docs, Holds.NOTHING, ("live",), (refused(*mechanisms),), forge_it,
                            "a store built anew is named by the entry where reading ends, or by none")


_REBUILT = "CREATE TABLE e2(seq, line, leaf)", "INSERT INTO e2 SELECT {}, line, leaf FROM entries", "DROP TABLE entries", \
    "ALTER TABLE e2 RENAME TO entries"
_ANY = ("store", "numbering", "bytes", "hash", "chain", "note", "disclosure")
_sql("numbers stored as text", "Entries are numbered with texts.", _ANY, *(s.format("CAST(seq AS TEXT)") for s in _REBUILT))
_sql("an entry without a number", "The number of one entry is NULL.", _ANY,
     *(s.format("CASE seq WHEN 5 THEN NULL ELSE seq END") for s in _REBUILT))
_sql("numbers stored as bytes", "The number of one entry is a blob.", _ANY,
     *(s.format("CASE seq WHEN 5 THEN x'05' ELSE seq END") for s in _REBUILT))
_sql("a number with a fraction", "The number of one entry is 5.5.", _ANY,
     *(s.format("CASE seq WHEN 5 THEN 5.5 ELSE seq END") for s in _REBUILT))
_sql("a line stored as null", "One line is NULL.", _ANY, *(s.format("seq") for s in _REBUILT),
     "UPDATE entries SET line = NULL WHERE seq = 5")
_sql("a leaf stored as text", "A stored hash is text.", _ANY, "UPDATE entries SET leaf = hex(leaf) WHERE seq = 5")
_sql("a note of another size", "A note is filed under a text.", _ANY,
     "CREATE TABLE c2(size, key_id, note)", "INSERT INTO c2 SELECT 'x' || size, key_id, note FROM checkpoints",
     "DROP TABLE checkpoints", "ALTER TABLE c2 RENAME TO checkpoints")
_sql("a value stored as a number", "The body of a disclosure is an integer.", _ANY,
     "UPDATE disclosures SET body = 7 WHERE seq = 2")
_sql("a value of no entry", "A disclosure stands beside an entry that there is not.", _ANY,
     "INSERT INTO disclosures VALUES (7000, 'x', 'y')")
_sql("the notes' table is gone", "A table is missing.", _ANY, "DROP TABLE checkpoints")
_sql("a view in place of a table", "Entries come out of a view.", _ANY, "ALTER TABLE entries RENAME TO kept",
     "CREATE VIEW entries AS SELECT seq, line, leaf FROM kept")
_sql("an empty store", "Every entry is deleted.", (*_ANY, "genesis"), "DELETE FROM entries")
