"""An incident as one file, to move it to another machine: a tar of `ledger.db` and every artefact, and nothing else.

The file is strict so that reading it is simple: plain ustar, no compression, no extensions; first the store, then the artefacts
by name; owner 0, time 0, mode 0600 for the store and 0400 for artefacts. A header is accepted only if it is, byte for byte,
the one that this module writes for that name and size. So a path that leads elsewhere, a link, a device, another mode, a name
that comes twice and a size that the file does not have are all refused before anything of them is written, and reading takes
no more memory than a block and no more disk than the file is long.

Unpacking writes below a temporary name, verifies everything as `irkit ledger verify` does, and only then renames.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from irkit.errors import IrkitError, LedgerError
from irkit.ledger import database
from irkit.ledger.artefacts import FOLDER, Artefacts, appear, must_be_free, sync_file, sync_folder
from irkit.ledger.store import Ledger
from irkit.ledger.trouble import explained

BLOCK = tarfile.BLOCKSIZE
MOST = 8**11 - 1               # bytes of a member that a ustar header can say
_CHUNK = 1 << 20
_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_STORE = re.compile(rf"({_ID})/{re.escape(database.NAME)}")
_ARTEFACT = re.compile(rf"({_ID})/{FOLDER}/([0-9a-f]{{64}})")


def header(name: str, size: int) -> bytes:
    """The one header that a member of that name and size has."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600 if name.endswith(f"/{database.NAME}") else 0o400
    return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")


# -- packing -----------------------------------------------------------------------------------------------------

def pack(ledger: Ledger, output: Path) -> int:
    """Write the incident as it stands to a new file, which appears whole or not at all. Returns its size.

    The same entries give the same bytes. Raises LedgerError when an artefact is missing or was changed.
    """
    if output.exists() or output.is_symlink():
        raise IrkitError(f"there is already something at {output}", where=str(output), next="choose another --output")
    part = output.with_name(f".{output.name}.{secrets.token_hex(4)}")
    name = ledger.folder.name
    with explained(output.parent), tempfile.TemporaryDirectory(prefix="irkit-") as scratch:
        copy = Path(scratch, database.NAME)
        listed = _copied(ledger, copy)
        try:
            with open(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                with copy.open("rb") as store:
                    _put(file, f"{name}/{database.NAME}", store)
                for sha256 in listed:
                    with ledger.open_artefact(sha256) as artefact:
                        _put(file, f"{name}/{FOLDER}/{sha256}", artefact)
                file.write(bytes(2 * BLOCK))
                file.flush()
                sync_file(file.fileno())
            os.link(part, output)             # unlike a rename it never replaces what came there meanwhile
            sync_folder(output.parent)
        finally:
            part.unlink(missing_ok=True)
    return output.stat().st_size


def _put(file: BinaryIO, name: str, content: BinaryIO) -> None:
    size = os.fstat(content.fileno()).st_size
    if size > MOST:
        raise IrkitError(f"{name} has {size:,} bytes; {MOST:,} are the most that a pack takes",
                         next=f"irkit ledger export {name.partition('/')[0]} --as bag")
    file.write(header(name, size))
    shutil.copyfileobj(content, file, _CHUNK)
    file.write(bytes(-size % BLOCK))


def _copied(ledger: Ledger, copy: Path) -> list[str]:
    """Copy the store as it stands at one moment. Returns the artefacts that it lists and that are there."""
    while True:
        size = ledger.last()
        ledger.copy_store(copy)
        if ledger.last() == size:
            break
        copy.unlink()
    for _ in ledger.entries(after=ledger.size - 1):
        pass                                   # take up what others appended since the ledger was opened
    return sorted(sha256 for sha256 in ledger.artefact_names() if Artefacts(ledger.folder).path(sha256).exists())


# -- unpacking ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def unpacked(pack_file: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """The incident's id and a folder below `root` that holds it, verified; gone afterwards, unless it was renamed.

    Raises LedgerError, with the reason, for a pack that is anything else than one that `pack` writes of a sound incident.
    """
    root.mkdir(parents=True, exist_ok=True)
    making = root / f".unpack.{secrets.token_hex(8)}"
    making.mkdir(mode=0o700)
    try:
        with explained(root):
            incident = _extract(pack_file, making)
            _same_schema(making / database.NAME, pack_file)
        _verify(making, pack_file)
        yield incident, making
    finally:
        shutil.rmtree(making, ignore_errors=True)


def place(making: Path, folder: Path) -> None:
    """Have a verified incident appear under its name. Raises IrkitError when something is there."""
    with explained(folder):
        must_be_free(folder)
        appear(making, folder)


def update(making: Path, folder: Path) -> int:
    """Add to the incident what its verified continuation has more, in one transaction. Returns how many entries.

    Nothing is replaced: entries that are not the same in both refuse it all. Values that the continuation erased go here too.
    """
    before = Artefacts(folder)
    for one in sorted((making / FOLDER).iterdir()):
        before.add(one)
    with explained(folder):
        return database.continued(folder / database.NAME, making / database.NAME)


def _refuse(pack_file: Path, why: str) -> LedgerError:
    return LedgerError(f"the pack is refused: {why}. Nothing was unpacked", where=str(pack_file),
                       next="ask for it again from whoever packed it")


def _extract(pack_file: Path, making: Path) -> str:
    """Write the members. Returns the incident's id."""
    try:
        descriptor = os.open(pack_file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise IrkitError(f"{pack_file} cannot be read: {error.strerror}", where=str(pack_file)) from None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise _refuse(pack_file, "it is no plain file")
        if about.st_size > shutil.disk_usage(making).free:
            raise IrkitError(f"the pack has {about.st_size:,} bytes, and there is less room", where=str(making))
        (making / FOLDER).mkdir(mode=0o700)
        incident, before = "", ""
        while (block := file.read(BLOCK)) != bytes(BLOCK):
            try:
                incident, before = _member(file, block, about.st_size, incident, before, making)
            except ValueError as wrong:
                raise _refuse(pack_file, str(wrong)) from None
        if not incident or file.read(BLOCK + 1) != bytes(BLOCK):
            raise _refuse(pack_file, "it does not end as a pack does")
    sync_folder(making / FOLDER)
    sync_folder(making)
    return incident


def _member(file: BinaryIO, block: bytes, end: int, incident: str, before: str, making: Path) -> tuple[str, str]:
    """Check a header against what may come, and write what follows it. Raises ValueError, saying what is wrong."""
    name, size = _read(block)
    store, artefact = _STORE.fullmatch(name), _ARTEFACT.fullmatch(name)
    found = store or artefact
    if found is None:
        raise ValueError(f"it holds {name[:200]!r}, which no incident does")
    if bool(store) != (incident == "") or (incident and found[1] != incident) or (artefact and artefact[2] <= before):
        raise ValueError(f"{name} comes twice, out of order, or belongs to another incident")
    if size > end - file.tell():
        raise ValueError(f"{name} is said to have {size:,} bytes, and fewer follow")
    path = making / (FOLDER if artefact else "") / name.rpartition("/")[2]
    digest = _write(file, path, size, 0o400 if artefact else 0o600)
    if artefact and digest != artefact[2]:
        raise ValueError(f"{name} hashes to {digest}")
    return found[1], artefact[2] if artefact else ""


def _read(block: bytes) -> tuple[str, int]:
    """Name and size of a header that is exactly as `pack` writes it. Raises ValueError."""
    if len(block) < BLOCK:
        raise ValueError("it ends too early")
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise ValueError(f"it is no pack ({error})") from None
    name = info.name.encode("ascii", "backslashreplace").decode()
    if info.type != tarfile.REGTYPE:
        raise ValueError(f"{name[:200]!r} is no plain file (type {info.type!r})")
    if info.name.startswith("/") or ".." in info.name.split("/"):
        raise ValueError(f"{name[:200]!r} leads out of the incident")
    with contextlib.suppress(ValueError, UnicodeError):
        if header(info.name, info.size) == block:
            return info.name, info.size
    raise ValueError(f"{name[:200]!r} has another mode, owner, time or form than a pack's files")


def _write(file: BinaryIO, path: Path, size: int, mode: int) -> str:
    """Write `size` bytes to a new file. Returns their SHA-256. Raises ValueError where they or their padding are not there."""
    digest, left = hashlib.sha256(), size
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as out:
        while left:
            chunk = file.read(min(left, _CHUNK))
            if not chunk:
                raise ValueError(f"it ends within {path.name}")
            digest.update(chunk)
            out.write(chunk)
            left -= len(chunk)
        out.flush()
        os.fchmod(out.fileno(), mode)
        sync_file(out.fileno())
    if file.read(-size % BLOCK) != bytes(-size % BLOCK):
        raise ValueError(f"something hides behind {path.name}")
    return digest.hexdigest()


def _same_schema(path: Path, pack_file: Path) -> None:
    """The store has the tables and triggers that irkit lays out and no others, and each of its pages belongs to one of them."""
    with tempfile.TemporaryDirectory(prefix="irkit-") as scratch:
        fresh = Path(scratch, database.NAME)
        database.create(fresh)
        try:
            if database.layout(path) != database.layout(fresh):
                raise _refuse(pack_file, "its store is laid out in another way than irkit does")
        except (sqlite3.Error, ValueError) as error:
            raise _refuse(pack_file, f"its store cannot be read ({error})") from None


def _verify(making: Path, pack_file: Path) -> None:
    from irkit.ledger.verify import verify
    try:
        with Ledger.open(making, write=False) as ledger:          # ends at the first problem, however large the store is
            listed = ledger.artefact_names()
    except LedgerError as error:
        raise _refuse(pack_file, error.what) from None
    unknown = sorted({one.name for one in (making / FOLDER).iterdir()} - listed)
    if unknown:
        raise _refuse(pack_file, f"no entry lists the artefact {unknown[0]}")
    report = verify(making)
    if report.exit_code:
        raise _refuse(pack_file, report.findings[0].what)
