"""`irkit attach INCIDENT -`: evidence from standard input."""

from __future__ import annotations

import hashlib
import io
import sys
import tracemalloc

import pytest

from tests.cli.people import NAME, entries, incident, verified
from tests.cli.rig import Capsys, irkit

MIB = 1 << 20


class Pipe(io.RawIOBase):
    """Standard input that brings so many bytes, and never holds them."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:          # type: ignore[override]
        some = min(len(buffer), self.left)
        buffer[:some] = bytes(some)
        self.left -= some
        return some


def piped(patch: pytest.MonkeyPatch, size: int) -> None:
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(size))))  # type: ignore[type-var]


def test_what_is_piped_is_kept_whatever_its_size(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name that is given, by a person, hashed on the way; a long stream does not lie in memory."""
    folder = incident("test")
    piped(monkeypatch, 48 * MIB)
    tracemalloc.start()
    ran = irkit(capsys, "attach", NAME, "-", "--name", "sshd.log", "--step", "call")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ran.code == 0, ran.err
    assert peak < 8 * MIB
    entry = entries(folder, "artefact.added")[-1]
    assert (entry.disclosed["artefact.name"], entry.step, entry.by) == ("sshd.log", "call", "human")
    assert entry.disclosed["artefact.sha256"] == hashlib.sha256(bytes(48 * MIB)).hexdigest()
    verified(folder)


def test_what_is_piped_needs_a_name(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2 with the flag, before anything is read or recorded."""
    folder = incident("test")
    before = len(entries(folder))
    piped(monkeypatch, 5)
    ran = irkit(capsys, "attach", NAME, "-")
    assert ran.code == 2
    assert f"irkit attach {NAME} - --name NAME" in ran.err
    assert len(entries(folder)) == before
    assert sys.stdin.buffer.read() == bytes(5)
