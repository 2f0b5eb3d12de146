"""Known-answer tests of what the ledger rests on, run where it is used.

Each compares a function of this installation with an answer that others published. The entry `selftest` says how they ended,
so that the record itself shows the tool in working order on the machine that wrote it.

Sources: FIPS 180-4 examples (SHA-256 of "abc"); RFC 8032 7.1, test 2 (Ed25519); the reference trees of RFC 6962's own test
suite in Certificate Transparency (roots of 0 and 1 leaves); RFC 9901 4.2 (a disclosure and its digest).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from irkit.ledger.disclose import digest_of
from irkit.ledger.entry import canonical, leaf_hash
from irkit.ledger.tree import Tree

_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
_EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_EMPTY_LEAF = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
_SEED = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
_SIGNED = ("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
           "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
_DISCLOSURE = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"


def _ed25519() -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(_SEED)).sign(b"\x72").hex()


def _one_leaf() -> str:
    tree = Tree()
    tree.add(leaf_hash(b""))
    return tree.root().hex()


TESTS: dict[str, tuple[Callable[[], str], str]] = {
    "sha256": (lambda: hashlib.sha256(b"abc").hexdigest(), _ABC),
    "ed25519": (_ed25519, _SIGNED),
    "empty_tree": (lambda: Tree().root().hex(), _EMPTY_ROOT),
    "one_leaf": (_one_leaf, _EMPTY_LEAF),
    "canonical": (lambda: canonical({"b": "\u20ac\x0f", "a": [1, True, None]}), '{"a":[1,true,null],"b":"\u20ac\\u000f"}'),
    "disclosure": (lambda: digest_of(_DISCLOSURE), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"),
}


def run() -> list[str]:
    """The names of the tests that failed; none on a machine in working order."""
    return sorted(name for name, (test, answer) in TESTS.items() if _failed(test, answer))


def _failed(test: Callable[[], str], answer: str) -> bool:
    try:
        return test() != answer
    except Exception:              # whatever a broken installation raises: the test failed
        return True
