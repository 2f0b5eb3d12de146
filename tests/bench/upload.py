"""An artefact of a gibibyte, copied to a bucket with Object Lock: in how much memory, and how fast."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.tenant import served


def figures(quick: bool) -> list[Figure]:
    mib = 64 if quick else 1024
    with served(name="s3") as tenant, tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "tests.bench.uploading", tenant.url, tenant.token, str(Path(temporary, "i1")),
                   str(mib)]
        took = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return [Figure(f"{mib:,} MiB, peak RSS above idle", f"{took['above'] / 2**20:.1f} MiB", "<= 80 MB",
                   f"idle {took['idle'] / 2**20:.0f} MiB; {took['bytes'] / 1e6 / took['wall']:.0f} MB/s, hashed before it "
                   "leaves and where it arrives")]
