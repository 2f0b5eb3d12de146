"""What a forked `irkit` would load and compute for itself, each time anew; done before the fork it costs nothing."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import tempfile
from pathlib import Path

from irkit.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
LOADED = ("irkit.cli.run", "irkit.cli.resume", "irkit.cli.drill", "irkit.cli.walks", "irkit.cli.incident", "irkit.cli.ledger",
          "irkit.cli.doctor", "irkit.cli.clock", "irkit.cli.undo", "irkit.config", "irkit.connectors.zendesk",
          "irkit.drill.perform", "irkit.drill.score", "irkit.drill.autoplay", "irkit.drill.seal", "irkit.drill.injects",
          "irkit.engine.run", "irkit.engine.fanout", "irkit.engine.handover", "irkit.engine.undo", "irkit.runbook",
          "irkit.runbook.grammar", "irkit.runbook.lint", "irkit.ui.prompt", "irkit.ui.answers", "irkit.ui.reading",
          "irkit.wire.http", "irkit.worlds.zendesk", "httpcore", "httpcore._sync.connection_pool", "h11", "idna", "csv", "pwd",
          "sqlite_utils", "tomllib", "encodings.idna", "encodings.unicode_escape", "encodings.utf_8_sig", "certifi",
          "cryptography.hazmat.primitives.asymmetric.ed25519", "tests.live.killing")


def warm_up() -> None:
    """For a process without threads that is about to fork."""
    from irkit.cli import main, walks
    for name in LOADED:
        importlib.import_module(name)
    walks.code_hash()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        main(["runbook", "lint", str(ROOT / "runbooks" / "zendesk_agent_compromise.yaml")])
        Ledger.create(Path(folder) / "I", mode="test", version="", code_hash="").close()
    gc.freeze()
