"""The runbook language: YAML with positions, typed models, templates, lint."""

from irkit.runbook.convert import convert_args, default_input, parse_input, parse_typed, result_fields
from irkit.runbook.expression import Missing
from irkit.runbook.find import available, find, search_path
from irkit.runbook.lint import check, check_bytes, lint, linted
from irkit.runbook.lint.traces import uncovered
from irkit.runbook.load import load, load_bytes
from irkit.runbook.model import After, Approve, Clock, Input, Runbook, Step
from irkit.runbook.schema import schema
from irkit.runbook.skeleton import skeleton
from irkit.runbook.source import Mistake, Mistakes
from irkit.runbook.template import Expr, Template
from irkit.runbook.values import duration, rfc3339, timestamp

__all__ = [
    "After", "Approve", "Clock", "Expr", "Input", "Missing", "Mistake", "Mistakes", "Runbook", "Step", "Template",
    "available", "check", "check_bytes", "convert_args", "default_input", "duration", "find", "lint", "linted", "load",
    "load_bytes", "parse_input", "parse_typed", "result_fields", "rfc3339", "schema", "search_path", "skeleton",
    "timestamp", "uncovered",
]
