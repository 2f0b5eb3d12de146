"""The ledger: an incident's append-only list of entries, its artefacts, and the checks over both.

`Ledger` is the only way to write; `irkit.ledger.verify` looks at a folder or a bag with fresh eyes, and is not loaded before
somebody does; `irkit.ledger.export` gives views.
"""

from irkit.ledger.artefacts import Artefact, Page
from irkit.ledger.collect import Arriving, Collector
from irkit.ledger.entry import GENESIS, KINDS, Entry, leaf_hash
from irkit.ledger.finding import Finding
from irkit.ledger.store import Ledger

__all__ = ["GENESIS", "KINDS", "Arriving", "Artefact", "Collector", "Entry", "Finding", "Ledger", "Page", "leaf_hash"]
