"""kill -9 at every moment of a live run over real sockets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_a_killed_live_run_loses_nothing_and_repeats_nothing() -> None:
    """After each entry, and between each answer and its record: resume goes on, verifies, and repeats no write unseen."""
    run = subprocess.run([sys.executable, "-m", "tests.live.killing", "--small"], capture_output=True, text=True, check=False,
                         cwd=Path(__file__).resolve().parents[2])
    assert run.stdout, run.stderr[-3000:]
    found = json.loads(run.stdout)
    assert found["wrong"] == []
    assert 30 <= found["kills"] <= 50
