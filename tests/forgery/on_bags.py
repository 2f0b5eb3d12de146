"""Forgeries on the bag around a ledger: its manifests, its signature, its files and where they lead."""

from __future__ import annotations

import os
from pathlib import Path

from irkit.ledger.sshsig import Throwaway
from tests.forgery.family import BAG, Forge, Holds, Where, family, refused
from tests.forgery.forger import MANIFEST, SIGNATURE, jcs


@family(Holds.NOTHING, over=BAG, trials=[refused("export", level="MISSING")])
def the_bags_signature_is_taken_out(forge: Forge) -> Where:
    """export.sig is gone, though `exported` says that the bag is signed."""
    del forge.copy.files[SIGNATURE]
    return len(forge.copy.entries) - 1


@family(Holds.NOTHING, over=BAG, trials=[refused("export")])
def a_document_is_changed_and_the_manifests_with_it(forge: Forge) -> Where:
    """The draft certification says something else; the manifests are made anew, the signature cannot be."""
    forge.copy.files["data/certification_902.md"] += b"\nNothing was exported.\n"
    return len(forge.copy.entries) - 1


@family(Holds.NOTHING, over=BAG, trials=[refused("export")])
def the_bag_is_signed_by_another_key(forge: Forge) -> Where:
    """A document is changed, and the forger's own key signs the bag."""
    forge.copy.files["data/certification_902.md"] += b"\nNothing was exported.\n"
    forge.copy.loot.people = {str(forge.copy.entries[-1].fields["who"]): Throwaway()}
    return len(forge.copy.entries) - 1


@family(Holds.NOTHING, over=BAG, trials=[refused("bag", "export")])
def a_document_is_changed(forge: Forge) -> Where:
    """The draft certification alone: the manifests are what they were."""
    def change(folder: Path) -> None:
        with (folder / "data/certification_902.md").open("ab") as file:
            file.write(b"\n")
    forge.after.append(change)
    return None


@family(Holds.NOTHING, over=BAG, trials=[refused("bag")])
def a_file_is_added(forge: Forge) -> Where:
    """A file that no manifest lists."""
    forge.after.append(lambda folder: _written(folder / "data/approval.md", b"Approved."))
    return None


@family(Holds.NOTHING, over=BAG, trials=[refused("bag", level="MISSING")])
def a_file_is_gone(forge: Forge) -> Where:
    """A table that the manifest lists."""
    forge.after.append(lambda folder: (folder / "data/custody.csv").unlink())
    return None


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _in_manifest(line: bytes) -> None:
    name = line.decode("utf-8", "replace").split("  ")[1].strip()

    def forge_it(forge: Forge) -> Where:
        forge.after.append(lambda folder: _written(folder / MANIFEST, (folder / MANIFEST).read_bytes() + line))
        return None
    forge_it.__name__ = f"a_manifest_that_names {name}"
    forge_it.__doc__ = "One more line in the manifest, which leads out of the bag or is no line of one."
    family(Holds.NOTHING, over=("bag of live",), trials=[refused("bag")])(forge_it)


for _path in (b"../elsewhere", b"/etc/passwd", b"data/../../elsewhere", b"data/./custody.csv", b"data\\custody.csv",
              b"data/\xff", b"~/x"):
    _in_manifest(b"0" * 64 + b"  " + _path + b"\n")


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("refused", "bag")])
def a_folder_that_is_a_link(forge: Forge) -> Where:
    """data/artifacts leads to a folder elsewhere that holds the very same files."""
    def link(folder: Path) -> None:
        (folder / "data/artifacts").rename(folder.parent / "elsewhere")
        (folder / "data/artifacts").symlink_to(folder.parent / "elsewhere")
    forge.after.append(link)
    return None


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("refused", "bag")])
def the_ledger_is_a_link(forge: Forge) -> Where:
    """data/ledger.jsonl leads to a file elsewhere."""
    def link(folder: Path) -> None:
        (folder / "data/ledger.jsonl").rename(folder.parent / "elsewhere")
        (folder / "data/ledger.jsonl").symlink_to(folder.parent / "elsewhere")
    forge.after.append(link)
    return None


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("refused", "bag")])
def a_pipe_among_the_files(forge: Forge) -> Where:
    """A named pipe, which would have a reader wait for ever."""
    forge.after.append(lambda folder: os.mkfifo(folder / "data/pipe"))
    return None


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("refused", "bag")])
def a_pipe_in_the_place_of_the_ledger(forge: Forge) -> Where:
    """data/ledger.jsonl is a named pipe."""
    def pipe(folder: Path) -> None:
        (folder / "data/ledger.jsonl").unlink()
        os.mkfifo(folder / "data/ledger.jsonl")
    forge.after.append(pipe)
    return None


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("bag")])
def a_name_that_is_no_text(forge: Forge) -> Where:
    """A file whose name is no UTF-8."""
    forge.after.append(lambda folder: _written(Path(os.fsdecode(bytes(folder / "data") + b"/\xff\xfe")), b""))
    return None


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("bag", "refused")])
def a_bag_of_another_make(forge: Forge) -> Where:
    """bagit.txt speaks of version 2.0."""
    forge.copy.files["bagit.txt"] = b"BagIt-Version: 2.0\nTag-File-Character-Encoding: UTF-8\n"
    return None


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("bytes")])
def a_line_without_end(forge: Forge) -> Where:
    """A line of two million bytes stands in the place of the ledger; the manifests are made good."""
    forge.copy.entries = forge.copy.entries[:1]
    forge.copy.entries[0].line = jcs({"a": "x" * 2_000_000})
    forge.copy.entries[0].values = []
    return 0


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("bytes")])
def lines_that_end_as_windows_has_it(forge: Forge) -> Where:
    """A carriage return at the end of each line; the manifests are made good."""
    for one in forge.copy:
        one.line += b"\r"
    return 0


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("bag", level="MISSING")])
def a_bag_without_a_ledger(forge: Forge) -> Where:
    """data/ledger.jsonl is not there."""
    forge.after.append(lambda folder: (folder / "data/ledger.jsonl").unlink())
    return None


@family(Holds.NOTHING, over=BAG, trials=[refused("export", "sealed")])
def a_line_behind_the_export(forge: Forge) -> Where:
    """A note stands behind `exported`, chained to it."""
    copy = forge.copy
    copy.insert(len(copy.entries), "note", None, {"text": "All of it was approved."}, by="human")
    copy.remake(forge.keys())
    return len(copy.entries) - 1


@family(Holds.NOTHING, over=BAG, trials=[refused("export", "withheld")],
        agree="what is listed as withheld above the end is named by its own number, or by the last one there is")
def a_bag_cut_back_below_its_export(forge: Forge) -> Where:
    """The lines end with an earlier note; what lies above it is gone."""
    copy = forge.copy
    copy.entries = copy.entries[:copy.noted[-2] + 1]
    return range(len(copy.entries) - 1, len(copy.entries) + 1)


@family(Holds.NOTHING, over=("bag of live",), trials=[refused("bag", "disclosure", "note")])
def the_values_are_out_of_order(forge: Forge) -> Where:
    """Two lines of disclosures.jsonl are exchanged, and the manifests are made good."""
    def change(folder: Path) -> None:
        path = folder / "data/disclosures.jsonl"
        one, two, *rest = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join((two, one, *rest)))
    forge.after.append(change)
    return None
