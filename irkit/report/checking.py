"""VERIFY.md: which statement about this very bag is checked with which tool, as commands to paste, and what none can show.

Every command is made for a POSIX shell in the bag's folder. Tests run them.
"""

from __future__ import annotations

import json

from irkit.ledger.texts import namespace
from irkit.report.documents import hidden
from irkit.report.facts import Facts, Session
from irkit.report.page import code, page, table
from irkit.report.words import md, tick

SESSIONS = 12                   # endorsements written out; the rest follow the same pattern
TOKENS = 40                     # time-stamps listed


def verify_md(facts: Facts, *, verifier_sha256: str, withheld_sha256: str, signed: bool) -> str:
    """The document. `verifier_sha256` is that of verify.py as released; `signed` whether there is an export.sig."""
    size, key_id = facts.last_note
    return page(
        "VERIFY.md", facts, origin=facts.origin, last=facts.lines - 1, lines=facts.lines, leaf=facts.leaf,
        version=md(facts.sessions[-1].irkit), verifier=verifier_sha256, withheld=withheld_sha256, hidden=hidden(facts),
        statements=_statements(facts, signed), size=size, key_id=key_id, people=_people(facts, signed), time=_time(facts),
        policy=_policy(facts))


def _statements(facts: Facts, signed: bool) -> str:
    stamped = "openssl ts -verify" if facts.tokens else "none: there is no time-stamp"
    return table(("statement", "tool", "other tool"), [
        ("The files are those that were exported", "sha256sum", "bagit.py"),
        ("No line was changed, added, removed or moved", "jq and sha256sum", "any JSON reader and SHA-256"),
        ("The root in a checkpoint is that of the lines", "verify.py", "Go `x/mod/sumdb/tlog`; RFC 6962 section 2.1"),
        ("A checkpoint was signed by its session's key", "openssl pkeyutl", "Go `x/mod/sumdb/note`"),
        ("A person's key endorsed the session", "ssh-keygen -Y verify", "verify.py (ssh-ed25519)"),
        ("A person's key made this export", "ssh-keygen -Y verify" if signed else "none: it is not signed", ""),
        ("A checkpoint existed at a time", stamped, "rfc3161-client" if facts.tokens else ""),
        ("A value belongs to its entry", "openssl dgst", "any SD-JWT library"),
        ("What is absent is listed, and nothing else is absent", "verify.py", ""),
        ("The custody graph is well formed", "case_validate data/case.jsonld", ""),
        ("Policy, windows of time, who wrote which range", "arithmetic, below", "verify.py"),
    ])


def _people(facts: Facts, signed: bool) -> str:
    endorsed = [session for session in facts.sessions if session.endorsement]
    of = f"{len(endorsed):,} of {len(facts.sessions):,}"
    parts = [f"{of} sessions are endorsed by a person's key. `allowed_signers`\n"
             "is a file that you make from keys you got elsewhere, one line each:\n"
             "`principal namespaces=\"irkit-*\" ssh-ed25519 AAAA…`\n"]
    parts += [_endorsement(facts, session) for session in endorsed[:SESSIONS]]
    if more := len(endorsed[SESSIONS:]):
        parts.append(f"\nThe other {more:,} follow the same pattern: `vkey` and `endorsement` stand in the entry, the root is\n"
                     "that of the lines before it.\n")
    if signed:
        name = namespace("export", facts.mode)
        parts += ["\nThe export itself, by the key of its session (`who` of the last entry):\n\n", code(
            f"printf '%s\\n' '{name}' '{facts.origin}' \\\n  '{facts.lines}' '{facts.root}' \\\n"
            "  \"$(sha256sum tagmanifest-sha256.txt | cut -d' ' -f1)\" |\n"
            f"  ssh-keygen -Y verify -f allowed_signers -I PRINCIPAL -n {name} -s export.sig")]
    return "".join(parts)


def _endorsement(facts: Facts, session: Session) -> str:
    name, size = namespace("session", facts.mode), session.seq
    at = session.at[:19].translate(str.maketrans("", "", "-:T")) + "Z"
    person = md(session.name) if session.name is not None else "name withheld"
    return f"\nSession {size}, {person}, {tick(session.who)}. The time is the entry's claim.\n\n" + code(
        f"jq -rj 'select(.seq == {size}).data.endorsement' data/ledger.jsonl > /tmp/session.sig\n"
        f"printf '%s\\n' '{name}' '{facts.origin}' '{size}' \\\n"
        f"  '{session.vkey}' \\\n"
        f"  '{size}' '{session.root}' |\n"
        f"  ssh-keygen -Y verify -f allowed_signers -I PRINCIPAL -n {name} -s /tmp/session.sig \\\n    -Overify-time={at}")


def _time(facts: Facts) -> str:
    if not facts.tokens:
        return "No time is proven. Entries have the time of the machine's clock; chain and checkpoints fix their order.\n"
    rows = [(one.seq, f"{one.size}-{one.key_id}", md(one.gen_time), _accuracy(one.accuracy_us), md(one.authority))
            for one in facts.tokens[-TOKENS:]]
    last = facts.tokens[-1]
    return table(("entry", "note", "time stated", "accuracy", "authority"), rows) + "\n" + code(
        f"openssl ts -verify -in data/timestamps/{last.sha256}.tsr \\\n"
        f"  -data data/checkpoints/{last.size}-{last.key_id}.note -CAfile authorities.pem") + (
        "\n`authorities.pem` holds the roots that you got from the authorities themselves. Once a certificate has expired,\n"
        "add `-attime` with the time stated, in seconds since 1970.\n\n"
        "Window of entry n: not before the latest (time - accuracy) of the time-stamps whose own entry is n or lower; not\n"
        "after the earliest (time + accuracy) of the time-stamps over a note of more than n entries. Either may be missing.\n")


def _accuracy(microseconds: int | None) -> str:
    return "not stated" if microseconds is None else f"{microseconds / 1e6:g} s"


def _policy(facts: Facts) -> str:
    policy = facts.genesis.get("policy", {})
    wide, start, end = facts.gap
    bare = [str(session.seq) for session in facts.sessions if not session.endorsement]
    sends = facts.of.get("request.sending") or "none"
    found = [
        ("endorse", f"sessions without a person's key: {', '.join(bare[:TOKENS]) or 'none'}; changes sent: entries {sends}"),
        ("max_entries", f"most entries between two checkpoints: {wide}, from size {start} to {end}"),
        ("authorities", f"that stamped this ledger: {len({token.authority for token in facts.tokens})}"),
        ("seal_tokens", f"sealed by entry: {facts.of.get('sealed') or 'none'}"),
    ]
    return table(("policy", "demanded", "found"),
                 [(tick(name), tick(json.dumps(policy.get(name))), told) for name, told in found])
