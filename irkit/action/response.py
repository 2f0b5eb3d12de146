"""What an action gets back: a status, headers, and a body that may be larger than memory."""

from __future__ import annotations

import functools
import io
import json as jsonlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, BinaryIO, Self, TypeVar

from irkit.action.decode import decode
from irkit.errors import BadAnswer

MAX_JSON = 16 * 2**20
T = TypeVar("T")


class Response:
    """An answer. Header names are lower case; the body is bytes, or a slice of the artefact it streamed into."""

    def __init__(self, status: int, headers: Mapping[str, str] | None = None, body: bytes | Callable[[], BinaryIO] = b"",
                 *, size: int | None = None, url: str = "") -> None:
        self.status, self.url = status, url
        self.headers: Mapping[str, str] = {k.lower(): v for k, v in (headers or {}).items()}
        self._body = body
        self.size = size if size is not None else len(body) if isinstance(body, bytes) else 0

    @classmethod
    def of(cls, data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """An answer holding `data` as JSON, for tests."""
        return cls(status, {"content-type": "application/json", **(headers or {})}, jsonlib.dumps(data).encode())

    def open(self) -> BinaryIO:
        """The body as a file of bytes."""
        return io.BytesIO(self._body) if isinstance(self._body, bytes) else self._body()

    @functools.cached_property
    def json(self) -> Any:
        """The body as JSON. Raises BadAnswer when it is none, or over 16 MiB."""
        if self.size > MAX_JSON:
            raise BadAnswer(f"the answer has {self.size:,} bytes, more than the {MAX_JSON:,} that are read as one JSON value")
        with self.open() as file:
            raw = file.read()
        try:
            return decode(raw)
        except (ValueError, RecursionError) as bad:
            raise BadAnswer(f"{self._looks_like(raw)} where JSON was due (status {self.status})") from bad

    def xml(self, *roots: str, many: Collection[str] = ()) -> Mapping[str, Any]:
        """The body as XML whose root has one of these names, as `markup.parse` reads it. Raises BadAnswer when it is none, or
        over 16 MiB.
        """
        from irkit.action import markup  # most vendors speak JSON
        if self.size > MAX_JSON:
            raise BadAnswer(f"the answer has {self.size:,} bytes, more than the {MAX_JSON:,} that are read as one document")
        with self.open() as file:
            raw = file.read()
        try:
            name, value = markup.parse(raw, many)
        except ValueError as bad:
            raise BadAnswer(f"{bad} (status {self.status})") from None
        if name not in roots:
            raise BadAnswer(f"<{name[:60]}> came where <{'> or <'.join(roots)}> was due (status {self.status})")
        return value if isinstance(value, dict) else {}

    def _looks_like(self, raw: bytes) -> str:
        if not raw.strip():
            return "an empty body came"
        if raw.lstrip()[:1] == b"<":
            return "an HTML page came (a sign-in or error page?)"
        return f"{len(raw)} bytes came that do not parse, perhaps cut short,"

    def get(self, key: str, kind: type[T]) -> T:
        """`json[key]`, which must be a `kind`. Raises BadAnswer, naming the key."""
        data = self.json
        value = data.get(key) if isinstance(data, dict) else None
        if not isinstance(value, kind):
            raise BadAnswer(f"the answer has no {kind.__name__} {key!r} (status {self.status})")
        return value

    def rows(self, key: str = "") -> Iterator[Any]:
        """The objects listed under `key`; without a key, one JSON value a line, read as a stream."""
        if key:
            yield from self.get(key, list)
            return
        with self.open() as file:
            for line in file:
                if line.strip():
                    yield decode(line)
