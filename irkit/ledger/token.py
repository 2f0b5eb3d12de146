"""What an RFC 3161 answer says, read here and tolerantly: a TimeStampResp, down to the TSTInfo that its token signs.

    TimeStampResp   SEQ { PKIStatusInfo, ContentInfo { signedData, [0] SignedData } }
    SignedData      SEQ { version, digests, SEQ { id-ct-TSTInfo, [0] OCTETS of TSTInfo }, [0] certificates, [1] crls, signers }
    TSTInfo         SEQ { 1, policy, SEQ { SEQ { hash }, imprint }, serial, genTime, accuracy, ordering, nonce, [0] tsa, [1] … }

This reads and never verifies (that is `irkit.ledger.timestamp`). It exists because rfc3161-client refuses answers of honest
authorities (a set of certificates out of order) and drops the fraction of genTime. Its tolerance is in what no time depends
on; lengths are strict DER, the depth is the grammar's, and nothing but ValueError is raised.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

LONGEST = 64 * 1024                        # bytes of an answer
SHA256 = "2.16.840.1.101.3.4.2.1"
UNSTATED = timedelta(seconds=1)            # what an unstated accuracy counts as: genTime may lack the fraction of its second

_SEQUENCE, _SET, _INTEGER, _OCTETS, _OID, _BOOLEAN, _TIME = 0x30, 0x31, 0x02, 0x04, 0x06, 0x01, 0x18
_SIGNED_DATA, _TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
_STATUS = {2: "rejection", 3: "waiting", 4: "revocation warning", 5: "revocation notification"}     # RFC 3161 2.4.2
_TEXTS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}
_GENERALIZED = re.compile(rb"(\d{14})(?:\.(\d{1,32}))?Z")
_YEARS = range(1970, 9998)
_LONGEST_ACCURACY = 366 * 86_400           # seconds
_LONGEST_NUMBER = 64                       # bytes; RFC 3161 asks for serial numbers of 20


class Token(NamedTuple):
    """`sha256` is of the whole answer. `accuracy` is None where the token states none.

    `authority` is the name that the token itself gives, or ""; `certificates` are DER, as they came. Nobody vouches for either.
    """

    sha256: str
    imprint: bytes
    gen_time: datetime
    accuracy: timedelta | None
    serial: int
    policy: str
    algorithm: str = SHA256
    nonce: int | None = None
    authority: str = ""
    certificates: tuple[bytes, ...] = ()


    @property
    def says(self) -> dict[str, Any]:
        """What an anchor.timestamp repeats of it; `accuracy_us` is None where it states none."""
        accuracy = None if self.accuracy is None else self.accuracy // timedelta(microseconds=1)
        return {"gen_time": self.gen_time.isoformat().replace("+00:00", "Z"), "accuracy_us": accuracy,
                "serial": str(self.serial)}


class Asked(NamedTuple):
    """What a TimeStampReq asks for."""

    algorithm: str
    imprint: bytes
    nonce: int | None


def lower(token: Token) -> datetime:
    """The token was not made before this."""
    return token.gen_time - (UNSTATED if token.accuracy is None else token.accuracy)


def upper(token: Token) -> datetime:
    """The token was not made after this."""
    return token.gen_time + (UNSTATED if token.accuracy is None else token.accuracy)


def read(raw: bytes) -> Token:
    """The token in an answer that was granted. Raises ValueError for any other answer, with the authority's own words."""
    if len(raw) > LONGEST:
        raise ValueError(f"the answer has more than {LONGEST:,} bytes")
    outer = _Parts(raw)
    answer = outer.inside(_SEQUENCE, "TimeStampResp")
    outer.end("TimeStampResp")
    _granted(answer.inside(_SEQUENCE, "status"))
    content = answer.inside(_SEQUENCE, "token")
    answer.end("token")
    content.expect(_SIGNED_DATA, "token")
    explicit = content.inside(0xA0, "signed data")
    content.end("signed data")
    signed = explicit.inside(_SEQUENCE, "signed data")
    explicit.end("signed data")
    return _signed(signed, hashlib.sha256(raw).hexdigest())


def read_request(raw: bytes) -> Asked:
    """Raises ValueError."""
    request = _Parts(raw).inside(_SEQUENCE, "TimeStampReq")
    request.number("version")
    algorithm, imprint = _imprint(request)
    request.maybe(_OID)
    nonce = request.maybe(_INTEGER)
    return Asked(algorithm, imprint, None if nonce is None else _number(nonce, "nonce"))


def _granted(status: _Parts) -> None:
    code = status.number("status")
    if code in (0, 1):                     # granted, grantedWithMods
        return
    words, texts = [], _Parts(status.maybe(_SEQUENCE) or b"")
    while texts.more():
        words.append(_text(*texts.any("status")))
    said = f": {' '.join(words)[:200]}" if words else ""
    raise ValueError(f"the authority gave no token ({_STATUS.get(code, f'status {code}')}){said}")


def _signed(signed: _Parts, sha256: str) -> Token:
    signed.number("version")
    signed.take(_SET, "digest algorithms")
    content = signed.inside(_SEQUENCE, "content")
    content.expect(_TST_INFO, "content")
    explicit = content.inside(0xA0, "content")
    octets = _Parts(explicit.take(_OCTETS, "content"))
    explicit.end("content")
    content.end("content")
    info = octets.inside(_SEQUENCE, "TSTInfo")
    octets.end("TSTInfo")
    certificates, found = _Parts(signed.maybe(0xA0) or b""), []
    while certificates.more():
        tag, whole = certificates.whole("certificates")
        if tag == _SEQUENCE:               # the other choices of RFC 5652 10.2.2 are no X.509 certificates
            found.append(whole)
    signed.maybe(0xA1)
    signers = signed.inside(_SET, "signers")
    signers.take(_SEQUENCE, "signer")
    signers.end("signers: one is allowed")
    signed.end("signed data")
    return _info(info, sha256)._replace(certificates=tuple(found))


def _info(info: _Parts, sha256: str) -> Token:
    if (version := info.number("version")) != 1:
        raise ValueError(f"the token is of version {version}; only version 1 is known")
    policy = _dotted(info.take(_OID, "policy"))
    algorithm, imprint = _imprint(info)
    serial = info.number("serial number")
    gen_time = _moment(info.take(_TIME, "genTime"))
    accuracy = info.maybe(_SEQUENCE)
    info.maybe(_BOOLEAN)                   # ordering says how tokens of one authority compare; irkit goes by accuracy alone
    nonce, name = info.maybe(_INTEGER), info.maybe(0xA0)
    info.maybe(0xA1)
    info.end("TSTInfo")
    return Token(sha256, imprint, gen_time, None if accuracy is None else _accuracy(accuracy), serial, policy, algorithm,
                 None if nonce is None else _number(nonce, "nonce"), "" if name is None else _name(name))


def _imprint(parts: _Parts) -> tuple[str, bytes]:
    imprint = parts.inside(_SEQUENCE, "imprint")
    algorithm = _dotted(imprint.inside(_SEQUENCE, "hash algorithm").take(_OID, "hash algorithm"))
    digest = imprint.take(_OCTETS, "imprint")
    imprint.end("imprint")
    return algorithm, digest


def _moment(content: bytes) -> datetime:
    """GeneralizedTime in UTC; a fraction beyond microseconds is cut off."""
    found = _GENERALIZED.fullmatch(content)
    if found is None:
        raise ValueError("genTime is no time in UTC")
    whole = datetime.strptime(found[1].decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    if whole.year not in _YEARS:
        raise ValueError(f"genTime lies in the year {whole.year}")
    return whole.replace(microsecond=int((found[2] or b"0")[:6].ljust(6, b"0")))


def _accuracy(content: bytes) -> timedelta:
    """What is missing counts as zero (RFC 3161 2.4.2)."""
    parts = _Parts(content)
    seconds, millis, micros = (0 if (found := parts.maybe(tag)) is None else _number(found, "accuracy")
                               for tag in (_INTEGER, 0x80, 0x81))
    parts.end("accuracy")
    if not (0 <= seconds <= _LONGEST_ACCURACY and 0 <= millis <= 999 and 0 <= micros <= 999):
        raise ValueError("the accuracy is out of bounds")
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _name(content: bytes) -> str:
    """A GeneralName for people: the values of a directory name in order, or an address; "" for what has no text."""
    tag, inside = _Parts(content).any("name")
    if tag in (0x81, 0x82, 0x86):          # mail, host, URI
        return inside.decode("ascii", "replace")[:200]
    if tag != 0xA4:
        return ""
    values, rdns = [], _Parts(inside).inside(_SEQUENCE, "name")
    while rdns.more():
        pairs = rdns.inside(_SET, "name")
        while pairs.more():
            pair = pairs.inside(_SEQUENCE, "name")
            pair.take(_OID, "name")
            values.append(_text(*pair.any("name")))
    return ", ".join(values)[:200]


def _text(tag: int, content: bytes) -> str:
    return content.decode(_TEXTS.get(tag, "ascii"), "replace")


def _number(content: bytes, what: str) -> int:
    if not 0 < len(content) <= _LONGEST_NUMBER:
        raise ValueError(f"{what} is a number of {len(content)} bytes")
    return int.from_bytes(content, signed=True)


def _dotted(content: bytes) -> str:
    """An object identifier as text (X.690 8.19)."""
    if not 0 < len(content) <= _LONGEST_NUMBER or content[-1] & 0x80:
        raise ValueError("an object identifier is cut off")
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


class _Parts:
    """The values inside a constructed value, taken in order. DER: definite, shortest lengths; tags of one byte."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def more(self) -> bool:
        return self._at < len(self._content)

    def any(self, what: str) -> tuple[int, bytes]:
        """Tag and content of the next value."""
        tag, start, stop = self._next(what)
        self._at = stop
        return tag, self._content[start:stop]

    def whole(self, what: str) -> tuple[int, bytes]:
        """Tag and whole encoding of the next value."""
        begin, (tag, _, stop) = self._at, self._next(what)
        self._at = stop
        return tag, self._content[begin:stop]

    def take(self, tag: int, what: str) -> bytes:
        if (found := self.maybe(tag)) is None:
            raise ValueError(f"{what} is missing, or of another type")
        return found

    def maybe(self, tag: int) -> bytes | None:
        """The content of the next value, if it has this tag."""
        if not self.more() or self._content[self._at] != tag:
            return None
        return self.any("a value")[1]

    def inside(self, tag: int, what: str) -> _Parts:
        return _Parts(self.take(tag, what))

    def number(self, what: str) -> int:
        return _number(self.take(_INTEGER, what), what)

    def expect(self, oid: str, what: str) -> None:
        if _dotted(self.take(_OID, what)) != oid:
            raise ValueError(f"{what} is of another type")

    def end(self, what: str) -> None:
        if self.more():
            raise ValueError(f"there are bytes behind {what}")

    def _next(self, what: str) -> tuple[int, int, int]:
        """Tag, start and stop of the next value's content."""
        head = self._content[self._at:self._at + 5]
        if len(head) < 2 or head[0] & 0x1F == 0x1F:
            raise ValueError(f"{what} is cut off, or of another type")
        size, start = head[1], self._at + 2
        if size >= 0x80:
            count = size & 0x7F
            size = int.from_bytes(head[2:2 + count])
            if not 0 < count <= 3 or len(head) < 2 + count or size < 0x80 or not size >> 8 * (count - 1):
                raise ValueError(f"{what} has a length that DER does not allow")
            start += count
        if start + size > len(self._content):
            raise ValueError(f"{what} is longer than what holds it")
        return head[0], start, start + size
