"""`python -m irkit`."""

from irkit.cli import entry_point

entry_point()
