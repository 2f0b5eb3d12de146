"""What `irkit doctor` looks at: each check is one line of its screen, with the command that mends it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from irkit.action import (
    Connector,
    Driven,
    Identity,
    Limit,
    NotSent,
    Proof,
    Refused,
    Request,
    Response,
    Steps,
    Unavailable,
    drive,
    http_when,
)
from irkit.errors import CredentialError
from irkit.ui.layout import size
from irkit.ui.reading import Check

if TYPE_CHECKING:
    from irkit.config import Connection
    from irkit.wire.http import Wire

CLOSE = 2.0              # seconds a clock may be off; a Date header counts whole ones (RFC 9110 6.6.1)
PATIENCE, LONGEST = 3, 20.0      # times and seconds for a vendor that asks to slow down
LEAST = 10**9            # bytes free: a busy tenant's logs of 90 days take about as much


class Clock(Struct, frozen=True):
    """How far this machine's clock is ahead of a vendor's, in seconds, and whose that was."""

    ahead: float
    whose: str


def connection(wire: Wire, found: Connection, clocks: list[Clock]) -> list[Check]:
    """Whether a connection works, whom it acts as, and which scopes it has.

    Adds what its answers' Date headers say of the clock to `clocks`. Without a working credential no scope is asked for; with
    one that may not see whom it acts as, all are: that is a scope that is missing. What several proofs read is read once.
    """
    connector = wire.connector(found.name)
    mend = f"irkit connect {found.connector}" + ("" if found.name == found.connector else f" --name {found.name}")
    last: list[Response] = []
    read: dict[tuple[str, str], Response] = {}

    def answer(request: Request) -> Response:
        what = (request.host, request.target)
        if request.method == "GET" and what in read:
            return read[what]
        outgoing = wire.prepare(found.name, request)
        bucket = connector.bucket(request)
        for _ in range(PATIENCE):
            wire.turn(found.name, bucket)
            asked = datetime.now(UTC)
            response = wire.send(outgoing, answered=lambda *_: None)
            limit = connector.limit(response, asked) if response.status == 429 else Limit()
            wire.learn(found.name, limit, bucket)
            if limit.wait is None or limit.wait > LONGEST:
                break
        last[:] = [response]
        if request.method == "GET" and response.status == 200:
            read[what] = response
        if not clocks and (ahead := _ahead(response, asked, datetime.now(UTC))) is not None:
            clocks.append(Clock(ahead, found.name))
        return response

    def run(steps: Steps[Any]) -> Driven:
        last.clear()
        return drive(steps, answer, connector, {("setting", k): v for k, v in wire.settings(found.name).items()})

    try:
        if connector.check is None:
            first = Check(found.name, "ok", f"{connector.title} offers no check")
        else:
            driven = run(connector.check())
            if isinstance(driven.error, Unavailable) and driven.error.status == 403 and driven.error.needs:
                first = Check(found.name, "FAIL", f"whom it acts as cannot be seen without {driven.error.needs}", mend)
            elif driven.error is not None:
                said = connector.describe(last[0]) if last and last[0].status >= 400 else ""
                return [Check(found.name, "FAIL", _why(driven, said), _command(getattr(driven.error, "next", ""), mend))]
            else:
                first = _identified(found, driven.result, mend)
        notice = connector.notice(wire.settings(found.name))
        noted = [Check(found.name, "note", notice)] if notice else []
        return [first, *noted, *(_proved(found, proof, run(proof.function()), mend) for proof in connector.proofs)]
    except CredentialError as error:
        return [Check(found.name, "FAIL", error.what, _command(error.next, mend)), *_refused(wire, found, connector, mend)]


def _refused(wire: Wire, found: Connection, connector: Connector, mend: str) -> list[Check]:
    """A line for each scope that the token endpoint refuses alone; none where it refuses them all, or none."""
    try:
        refused, asked = wire.refused_scopes(found.name)
    except (CredentialError, NotSent):
        return []
    why = {proof.scope: f": cannot {proof.why}" for proof in connector.proofs}
    return [Check(found.name, "FAIL", f"{scope} is missing{why.get(scope.rpartition('/')[2], '')}", mend)
            for scope in refused if len(refused) < asked]


def _proved(found: Connection, proof: Proof, driven: Driven, mend: str) -> Check:
    """Whether a scope is there. It is only missing where the vendor refused; all else is not known."""
    error = driven.error
    if error is None:
        told = driven.result if isinstance(driven.result, str) else f"can {proof.why}"
        return Check(found.name, "ok", f"{proof.scope}: {told}")
    if isinstance(error, Unavailable | Refused) and getattr(error, "status", 0) in (200, 400, 401, 402, 403, 404):
        return Check(found.name, "FAIL", f"{proof.scope} is missing: cannot {proof.why} ({error.status})", mend)
    return Check(found.name, "FAIL", f"{proof.scope} is not known: {getattr(error, 'what', error)}", mend)


def _identified(found: Connection, who: Identity, mend: str) -> Check:
    text = ", ".join(part for part in (who.name or who.email or who.id, who.role, who.plan) if part)
    if not who.admin:
        return Check(found.name, "FAIL", f"{text}: not an administrator, so that most actions will be refused", mend)
    return Check(found.name, "ok", text + ("; this machine itself, so a run is a test" if found.loopback else ""))


def _why(driven: Driven, said: str) -> str:
    status = getattr(driven.error, "status", None)
    what = getattr(driven.error, "what", "") or str(driven.error)
    if status in (401, 403):
        what = f"the credential is refused ({status})"
    return what + (f': "{said}"' if said else "")


def _command(next: str, mend: str) -> str:
    """The next command of an error, unless it is the one that is running."""
    return next if next and not next.startswith("irkit doctor") else mend


# -- the clock ---------------------------------------------------------------------------------------------------

def _ahead(response: Response, asked: datetime, answered: datetime) -> float | None:
    """Seconds this machine's clock is ahead of the Date header: the middle of what it leaves open."""
    from irkit.ledger.adjtime import offset_of_date
    date = http_when(response.headers.get("date", ""))
    if date is None or answered < asked:           # the clock was set meanwhile
        return None
    found = offset_of_date(date, asked, answered)
    return ((found[0] + found[1]) / 2).total_seconds()


def clock(seen: Clock) -> Check:
    """Whether this machine's clock agrees with a vendor's: the ledger's times are read beside the vendor's logs."""
    off = abs(seen.ahead)
    if off <= CLOSE:
        return Check("clock", "ok", f"within {max(off, 0.5):.1f} s of {seen.whose}'s Date header")
    command = "sudo sntp -sS time.apple.com" if sys.platform == "darwin" else "sudo timedatectl set-ntp true"
    side = "ahead of" if seen.ahead > 0 else "behind"
    return Check("clock", "FAIL", f"{off:.0f} s {side} {seen.whose}'s Date header", command)


# -- the evidence folder -----------------------------------------------------------------------------------------

def evidence(root: Path) -> Check:
    """Whether the folder of incidents can be written, durably, and has room. A folder that is not there yet is not made."""
    folder = next((path for path in (root, *root.absolute().parents) if path.exists()), Path("/"))
    try:
        free = shutil.disk_usage(folder).free
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"irkit doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Check("evidence", "FAIL", f"{folder} cannot be written: {error.strerror}", "irkit doctor --evidence DIR")
    if free < LEAST:
        return Check("evidence", "FAIL", f"{size(free)} free in {folder}; {size(LEAST)} at least", f"df -h {folder}")
    new = "" if root.exists() else f"; {root} will be made"
    return Check("evidence", "ok", f"{size(free)} free, writable, fsync works{new}")


# -- the key and the time ----------------------------------------------------------------------------------------

def key(reference: str, *, live: bool) -> Check:
    """Whether the responder's key can be found. Nothing is signed: that may ask for a touch or a passphrase."""
    from irkit.ledger import keys
    if not reference and live:
        return Check("key", "FAIL", "none is configured, and a live run is refused without one", "irkit key new")
    if not reference:
        return Check("key", "ok", "none is configured; a test needs none, a live run does", "irkit key new")
    try:
        held = keys.signer(reference)
    except CredentialError as error:
        return Check("key", "FAIL", error.what, error.next)
    return Check("key", "ok", f"{held.fingerprint} ({held.where})")


def timestamps(authorities: Sequence[str], certificates: Path | None) -> Check:
    """Who puts a time on the ledger. None is a choice: asking one reveals that something happened."""
    if not authorities:
        return Check("timestamps", "ok", "none configured: time is not proven; two authorities are advised")
    if certificates is not None and not certificates.is_file():
        return Check("timestamps", "FAIL", f"their certificates are not in {certificates}", f"ls -l {certificates}")
    hosts = ", ".join(dict.fromkeys(urlsplit(url).hostname or "" for url in authorities))
    return Check("timestamps", "ok", f"{hosts}; two authorities are advised" if len(authorities) == 1 else hosts)
