"""CACAO 2.0 playbooks: out of runbooks, and into them.

    text(playbook(runbook, scenarios, now))      the file of a runbook; `lost` says what other tools do not see of it
    read(raw, path)                              the runbook that a playbook makes, with what was lost on the way

out: `write`, with the extension of `extension`
in:  bytes > `parse` > `shape` (its parts) > `flow` (one straight list) > `translate` (steps) > `emit` (YAML), by `importing`,
     which says with `report` what became of the rest
"""

from irkit.runbook.cacao.importing import Imported, read
from irkit.runbook.cacao.translate import Loss
from irkit.runbook.cacao.write import lost, playbook, text

__all__ = ["Imported", "Loss", "lost", "playbook", "read", "text"]
