"""Views of a ledger. A view is for reading and for other tools; what is hashed, and later signed, are the lines themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from irkit.ledger.disclose import nested
from irkit.ledger.store import Ledger


def export_jsonl(source: Path | Ledger, out: TextIO) -> int:
    """One JSON object a line: the fields of the entry, and "disclosed" with dotted names nested. Returns how many.

    Raises LedgerError at the first entry that does not verify; of a folder, before anything is written.
    """
    if isinstance(source, Path):
        with Ledger.open(source, write=False) as ledger:
            return export_jsonl(ledger, out)
    count = 0
    for entry in source.entries():
        view = json.loads(entry.line)
        if entry.disclosed:
            view["disclosed"] = nested(entry.disclosed)
        out.write(json.dumps(view, ensure_ascii=False, sort_keys=True) + "\n")
        count += 1
    return count
