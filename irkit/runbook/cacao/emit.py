"""A runbook's keys as the YAML that a person would have written: block style, a blank line between steps, no aliases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

WIDTH = 120


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):       # type: ignore[misc]  # the quicker one where it is built
    """Texts of several lines as blocks, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, words: str) -> Any:
    """A block cannot hold blank lines at its end: those between steps would be taken for its own."""
    block = "\n" in words and not words.endswith("\n\n") and words != "\n"
    return dumper.represent_scalar("tag:yaml.org,2002:str", words, style="|" if block else '"' if "\n" in words else None)


_Dumper.add_representer(str, _text)


def emit(head: Mapping[str, Any], steps: Iterable[Mapping[str, Any]], comments: Iterable[str]) -> str:
    """The text of the file."""
    lines = [f"# {' '.join(comment.split())}" for comment in comments]
    lines += [_dumped(dict(head)).rstrip("\n"), "steps:"]
    for step in steps:
        lines += ["  " + line if line else "" for line in _dumped([dict(step)]).rstrip("\n").split("\n")]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _dumped(value: Any) -> str:
    made: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=False)
    return made
