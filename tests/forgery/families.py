"""All families of forgeries, by name."""

from __future__ import annotations

from tests.forgery import on_approvals, on_bags, on_bytes, on_collections, on_lines, on_notes, on_signatures, on_time, on_values
from tests.forgery.family import FAMILIES, Family, Trial

__all__ = ["FAMILIES", "Family", "Trial", "on_approvals", "on_bags", "on_bytes", "on_collections", "on_lines", "on_notes",
           "on_signatures", "on_time", "on_values"]
