"""A hand-over on real terminals: the letter h in an open run, an editor that a sealed drill lets through, I HAVE IT."""

from __future__ import annotations

from tests.live.rig import Rig


def test_a_drill_is_handed_over_through_an_editor(rig: Rig) -> None:
    """Maria offers it and goes on; Sam sees her words, types something wrong, then I HAVE IT; both are signed entries."""
    editor = rig.folder / "editor"
    editor.write_text('#!/bin/sh\nprintf "Watch the night desk.\\n" >> "$1"\n')
    editor.chmod(0o700)
    maria = rig.person("drill", "--incident", "D", env={"VISUAL": str(editor)})
    maria.sees("Who does? [maria]:")
    maria.types("\n")
    maria.sees("Done? m done")
    maria.types("h\n")
    maria.sees("To whom (empty: nobody, go on)")
    maria.types("maria\n")
    maria.sees("Not offered: maria has this run already")
    maria.sees("Done? m done")
    maria.types("h\n")
    maria.sees("To whom (empty: nobody, go on)")
    maria.types("sam\n")
    maria.sees("Offered to sam")
    maria.sees("Done? m done")
    maria.types("p\n")
    assert maria.ends() == 3
    sam = rig.person("resume", "D", env={"IRKIT_WHO": "sam"})
    sam.sees("Watch the night desk.")
    sam.sees("maria hands this run over to you. Type I HAVE IT to take over, or q quit:")
    sam.types("y\n")
    sam.sees("Accepted here: I HAVE IT (exactly so), or q.")
    sam.sees("or q quit:")
    sam.types("I HAVE IT\n")
    sam.sees("Done? m done")
    sam.types("p\n")
    assert sam.ends() == 3
    assert [kind for kind in rig.kinds("D") if kind.startswith("handover.")] == ["handover.offered", "handover.accepted"]
