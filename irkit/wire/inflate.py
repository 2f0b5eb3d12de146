"""Undoing a content coding that nobody asked for, within bounds: a bomb fills neither memory nor disk."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from irkit.action import BadAnswer

PIECE = 2**16
FREE = 16 * 2**20      # bytes that any answer may unpack to
RATIO = 200            # beyond that, how many times its size; logs as JSON reach about 30


def decoder(coding: str) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    """The decoder for a `Content-Encoding`. Raises BadAnswer for one that is not gzip or deflate."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise BadAnswer(f"the answer is coded as {coding[:40]!r}, which was not asked for")
    return _inflate


def _inflate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Raises zlib.error for what does not unpack, EOFError for what ends early, BadAnswer for a bomb."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)      # gzip or zlib, by their first bytes
    taken = given = 0
    for chunk in chunks:
        taken += len(chunk)
        while chunk and not stream.eof:
            piece = stream.decompress(chunk, PIECE)
            chunk = stream.unconsumed_tail
            given += len(piece)
            if given > FREE + RATIO * taken:
                raise BadAnswer(f"the answer unpacks to more than {RATIO} times its size")
            yield piece
    if taken and not stream.eof:
        raise EOFError("the compressed body ends early")
