"""The ledger: an incident's append-only list of entries, its artefacts, and the checks over both.

`Ledger` is the only way to write; `verify` looks at a folder with fresh eyes; `export_jsonl` is a view.
"""

from irkit.ledger.artefacts import Artefact, Page
from irkit.ledger.collect import Arriving, Collector
from irkit.ledger.entry import GENESIS, KINDS, Entry, leaf_hash
from irkit.ledger.export import export_jsonl
from irkit.ledger.finding import Finding
from irkit.ledger.store import Ledger
from irkit.ledger.verify import Report, verify

__all__ = ["GENESIS", "KINDS", "Arriving", "Artefact", "Collector", "Entry", "Finding", "Ledger", "Page", "Report",
           "export_jsonl", "leaf_hash", "verify"]
