"""A million rows of an audit log, preserved: in how much memory, and how fast beside `curl | sha256sum` of the same bytes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from irkit.ledger import Ledger
from tests.bench.figures import Figure, alternate, ratio
from tests.bench.tenant import Tenant, served

PER_PAGE = 100
SPAN = 400           # days over which the served log spreads its rows
LATENCY = 20         # milliseconds; on loopback nothing but the processor counts, over a network almost nothing else does
SLICE = 40           # days of it that are preserved in turns with curl


def figures(quick: bool) -> list[Figure]:
    rows = 50_000 if quick else 1_000_000
    with served("--set", f"audit_rows={rows}") as tenant, tempfile.TemporaryDirectory() as temporary:
        turns = _Turns(tenant, Path(temporary))
        kept, fetched = alternate(1 if quick else 3, lambda: turns.keep(SLICE), turns.fetch)
        whole = turns.keep(SPAN + 1), turns.fetch()
        last = turns.last
    with served("--set", "audit_rows=10000", "--latency", str(LATENCY)) as tenant, tempfile.TemporaryDirectory() as temporary:
        turns = _Turns(tenant, Path(temporary))
        far = turns.keep(SPAN + 1), turns.fetch()
    found = [Figure(f"{last['rows']:,} rows, peak RSS above idle", f"{last['above'] / 2**20:.1f} MiB", "<= 60 MB",
                    f"idle {last['idle'] / 2**20:.0f} MiB; {last['pages']:,} pages, {last['bytes'] / 1e6:.0f} MB"),
             Figure("preserve, its CPU a page", f"{last['cpu'] / last['pages'] * 1000:.2f} ms", "",
                    f"{whole[0] / last['pages'] * 1000:.2f} ms of wall, {last['bytes'] / whole[0] / 1e6:.1f} MB/s")]
    if shutil.which("curl") is None:
        return [*found, Figure("preserve : curl | sha256sum, rate", "not shown", ">= 0.5 x", "curl is not installed here")]
    return [*found,
            Figure("preserve : curl | sha256sum, rate", ratio(fetched, kept), ">= 0.5 x",
                   f"{kept:.2f} s : {fetched:.2f} s, {SLICE} of {SPAN} days, in turns"),
            Figure("the same over all of it", ratio(whole[1], whole[0]), ">= 0.5 x",
                   f"{whole[0]:.1f} s : {whole[1]:.1f} s, once"),
            Figure(f"100 pages from a vendor {LATENCY} ms away", ratio(far[1], far[0]), "",
                   f"{far[0]:.2f} s : {far[1]:.2f} s, once")]


class _Turns:
    """irkit preserves, and curl fetches the pages that irkit's ledger names."""

    def __init__(self, tenant: Tenant, folder: Path) -> None:
        self.tenant, self.folder, self.number = tenant, folder, 0
        self.last: Mapping[str, Any] = {}

    def keep(self, days: int) -> float:
        self.number += 1
        command = [sys.executable, "-m", "tests.bench.keeping", self.tenant.url, self.tenant.token, str(self._incident),
                   str(days)]
        self.last = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        return float(self.last["wall"])

    def fetch(self) -> float:
        """Raises RuntimeError when the bytes are not those that irkit preserved."""
        if shutil.which("curl") is None:
            return 0.0
        with Ledger.open(self._incident, write=False) as ledger:
            urls = [e.disclosed["request.url"] for e in ledger.entries() if "response.kept" in e.disclosed]
        config = self.folder / "curl"
        config.write_text("".join(f'header = "{line}"\n' for line in self.tenant.headers)
                          + "".join(f'url = "{url}"\n' for url in urls))
        began = time.perf_counter()
        with subprocess.Popen(["curl", "--silent", "--globoff", "--config", str(config)], stdout=subprocess.PIPE) as curl:
            digest = subprocess.run(["sha256sum"], check=True, stdin=curl.stdout, stdout=subprocess.PIPE).stdout
        spent = time.perf_counter() - began
        if digest.split()[0].decode() != self.last["sha256"]:
            raise RuntimeError("curl fetched other bytes than irkit preserved")
        shutil.rmtree(self._incident)
        return spent

    @property
    def _incident(self) -> Path:
        return self.folder / f"i{self.number}"
