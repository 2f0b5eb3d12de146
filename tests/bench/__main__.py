"""`python -m tests.bench [startup|fanout|preserve|export|ledger|upload]… [--quick]`: the table. Default: all.

It is no test and never fails for being slow; it does fail when what it measures went wrong. `--quick` is a smoke run.
"""

from __future__ import annotations

import argparse
import importlib
import os

from tests.bench.figures import machine, table

GROUPS = {
    "startup": "Start-up",
    "fanout": "A fan-out",
    "preserve": "Preserving an audit log",
    "export": "A search's export",
    "ledger": "The ledger",
    "upload": "Copying an artefact to S3",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Ratios measured side by side.")
    parser.add_argument("group", nargs="*", choices=[*GROUPS, []], help="what to measure (default: all)")
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it runs, and little else")
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)      # what is installed is compiled, and what is measured is compiled once
    print(machine(), flush=True)
    for name in asked.group or GROUPS:
        figures = importlib.import_module(f"tests.bench.{name}").figures(asked.quick)
        print(f"\n{table(GROUPS[name], figures)}", flush=True)


if __name__ == "__main__":
    main()
