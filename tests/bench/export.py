"""One answer of a gigabyte, preserved and counted: a search's export, in how much memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.tenant import served

PAD = 10_000          # bytes of padding a row
APART = 7             # minutes between two rows of the served log


def figures(quick: bool) -> list[Figure]:
    rows = 5_000 if quick else 106_000
    with (served("--set", f"rows={rows}", "--set", f"bytes={PAD}", name="splunk") as tenant,
          tempfile.TemporaryDirectory() as temporary):
        days = rows * APART // (24 * 60) + 2
        command = [sys.executable, "-m", "tests.bench.keeping", tenant.url, tenant.token, str(Path(temporary, "i")), str(days),
                   "splunk"]
        told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if told["rows"] != rows:
        raise RuntimeError(f"{told['rows']} of {rows} rows were counted")
    return [Figure(f"an export of {told['bytes'] / 2**30:.2f} GiB, peak RSS above idle", f"{told['above'] / 2**20:.1f} MiB",
                   "<= 80 MB", f"idle {told['idle'] / 2**20:.0f} MiB; {rows:,} rows, all of them counted"),
            Figure("the same, its time", f"{told['wall']:.1f} s", "",
                   f"{told['cpu']:.1f} s of CPU, {told['bytes'] / told['wall'] / 1e6:.0f} MB/s")]
