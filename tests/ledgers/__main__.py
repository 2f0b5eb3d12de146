"""Write golden ledgers of this version:  python -m tests.ledgers v2

Writes <name>-folder, <name>-bag, <name>-signers and <name>-ca.pem beside this file, and prints what a test expects of them.
What is there is never overwritten: a golden ledger that no longer verifies shows that the program broke, not the ledger.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from irkit.ledger import Ledger
from irkit.ledger.sshsig import Throwaway
from irkit.ledger.timestamp import answer_to, request_for
from irkit.ledger.verify import verify

from tests.forgery.ledgers import Loot, exported, new, overheard, work
from tests.ledger.authority import Authority

HERE = Path(__file__).parent
RULES = b"basis: GDPR\nby: Ada Counsel\nwithhold:\n  - names: [person.name]\n  - kinds: [decision]\n    whole: true\n"


def incident(folder: Path, authority: Authority) -> None:
    """A crash, two people, custody, a label, a hold, an erasure before it, a seal, and tokens below and above the seal."""
    maria, wei = Throwaway(), Throwaway()
    with new(folder, "live", seal_tokens=1) as ledger:
        ledger.start_session("Maria Ortiz", signer=maria)
        work(ledger, "r1", 2, large=400)
        stamp(ledger, authority)
        ledger.append("run.opened", run="r2")
    with Ledger.open(folder) as ledger:
        ledger.start_session("Wei Chen", signer=wei)
        offered = ledger.append_signed("custody.offered", maria, None, {"custody.to": "Wei Chen"})
        ledger.append_signed("custody.accepted", wei, None, {"custody.from": "Maria Ortiz"}, ref=offered.seq)
        ledger.append("label.set", {"label": "privilege"}, {"label.basis": "attorney-client"}, ref=offered.seq)
        ledger.append("hold.placed", None, {"hold.reason": "litigation"}, by="human")
        ledger.append_signed("sealed", wei)
        stamp(ledger, authority)
        ledger.end_session()


def stamp(ledger: Ledger, authority: Authority) -> None:
    """A token over the newest note."""
    note = ledger.note()
    assert note is not None
    raw = authority.answer(asked := request_for(note))
    ledger.add_token(raw, answer_to(asked, raw), note, "http://first.example/tsr")


def main(name: str) -> int:
    """Exit 1 when there are ledgers of that name."""
    folder, bag, signers, ca = (HERE / f"{name}-{part}" for part in ("folder", "bag", "signers", "ca.pem"))
    if any(path.exists() for path in (folder, bag, signers, ca)):
        print(f"there are ledgers called {name} already; they stay as they are", file=sys.stderr)
        return 1
    loot = Loot()
    with Authority("Golden") as authority, overheard(loot):
        incident(folder, authority)
        work_copy = HERE / f".{name}"
        shutil.copytree(folder, work_copy)
        exported(work_copy, bag, RULES, Throwaway())
        shutil.rmtree(work_copy)
        ca.write_bytes(authority.ca.read_bytes())
    signers.write_text("".join(f"person{n}@example.org {person.public}\n" for n, person in enumerate(loot.people.values())))
    for path in (folder, bag):
        report = verify(path)
        print(f'    Golden("{path.name}", {report.entries}, "{report.head}",\n           "{report.root}"),')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) == 2 else "v1"))
