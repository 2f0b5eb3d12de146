"""What erasing leaves in the files of a store: nothing, where `secure_delete` alone would."""

from __future__ import annotations

import random
import re
from pathlib import Path

from irkit.ledger import database

Row = tuple[int, str, str]


def test_rewriting_leaves_no_copy_in_any_page(tmp_path: Path) -> None:
    """Pages that SQLite split before the deletion keep copies, which `secure_delete` overlooks; none survives `rewrite`."""
    path, chance = tmp_path / "ledger.db", random.Random(1)
    database.create(path)
    db = database.open_writer(path)
    rows: list[Row] = []
    for seq in range(1000):
        for _ in range(chance.choice((1, 2, 3, 5, 9))):
            body = chance.randbytes(chance.choice((60, 150, 350, 800, 1500, 2500))).hex()
            rows.append((seq, chance.randbytes(16).hex(), f"@{len(rows):06}@{body}"))
    db.conn.execute("BEGIN")
    db.conn.executemany("INSERT INTO disclosures VALUES (?, ?, ?)", rows)
    db.conn.execute("COMMIT")
    gone = {seq: [row[1] for row in rows if row[0] == seq] for seq in range(0, 1000, 2)}
    db.conn.execute("BEGIN")
    for seq, digests in gone.items():
        database.forget(db.conn, seq, digests)
    db.conn.execute("COMMIT")
    db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    kept = {number for number, row in enumerate(rows) if row[0] % 2}
    assert stored(tmp_path) > kept, "without rewriting something is left: else this test shows nothing"
    assert database.rewrite(db)
    assert stored(tmp_path) == kept
    db.close()


def stored(folder: Path) -> set[int]:
    """The rows of which some file holds the beginning."""
    return {int(found) for path in folder.iterdir() for found in re.findall(rb"@(\d{6})@", path.read_bytes())}
