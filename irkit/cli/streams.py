"""The three standard streams: there when irkit begins, whoever started it, and said plainly when one cannot be written."""

from __future__ import annotations

import os
import sys

_MODES = {"stdin": ("r", os.O_RDONLY), "stdout": ("w", os.O_RDONLY), "stderr": ("w", os.O_WRONLY)}


def hold_open() -> None:
    """Fill the places of streams that the caller closed, so that no file that is opened later takes one of their numbers.

    Standard input is at its end then, and standard error goes nowhere: neither is a terminal, so nothing is asked. What is
    written to standard output fails, for whoever wanted it does not get it.
    """
    for number, (name, (mode, flags)) in enumerate(_MODES.items()):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, flags), True)         # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115


def let_go() -> None:
    """Nothing more can be written to standard output; what is still held back for it must not fail at the end, too."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
