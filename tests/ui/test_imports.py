"""What the screens and the prompt cost before they are needed."""

from __future__ import annotations

import subprocess
import sys


def test_screens_and_prompt_load_no_library() -> None:
    """questionary comes with the first picker; click and httpx belong to others."""
    code = (
        "import sys, irkit.ui.answers, irkit.ui.prompt, irkit.ui.reading, irkit.ui.screen\n"
        "print([m for m in ('questionary', 'prompt_toolkit', 'asyncio', 'click', 'httpx') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
