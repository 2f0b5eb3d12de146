"""What an action yields: requests without host or credential, and waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from irkit.action.record import Artefact, Record
from irkit.errors import ActionError

if TYPE_CHECKING:
    from irkit.action.mail import Mail

Params = Mapping[str, object] | Sequence[tuple[str, object]]
Form = Params


class Wait(Struct, frozen=True):
    """Let `seconds` pass for a vendor's lag. Visible, interruptible, and a jump of the clock in a drill."""

    seconds: float
    why: str


class Known(Struct, frozen=True):
    """Something this machine knows: a "setting" of the connection, an "artefact" of the ledger, the "occasion" of the request.
    Nothing is sent.
    """

    kind: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request, or with `mail` one message, without host and without credential; the connection adds both.

    `target` is an origin-form path with its query, or an absolute next-page link taken verbatim from an answer; "" where a
    placed credential ends the address. It has one body at most: `json`, `form`, `content`, `upload` or `mail`.
    """

    method: str
    target: str
    host: str = ""                        # one of the connector's `hosts`; "" is the connection's own address
    json: Any = None
    form: Form | None = None              # sent as application/x-www-form-urlencoded; a value of None is left out
    content: bytes | None = None          # sent as it is
    upload: Artefact | None = None        # streamed from the ledger's store; the record holds its hash and size alone
    mail: Mail | None = None              # method SEND: handed to the relay that the connection's address names
    content_type: str = ""                # of `content` and `upload`: "application/octet-stream" unless said
    signed: bool = True                   # False: leaves without the credential (an upload address that is one itself)
    headers: Mapping[str, str] = field(default_factory=dict)
    ok: frozenset[int] = frozenset()      # statuses outside 2xx that the action understands
    accepts: frozenset[str] = frozenset() # the vendor's error codes in a 2xx body that the action understands; for `judge`
    gate: str = ""                        # what a 401/402/403/404 lacks: "ADPP add-on" -> unavailable, a gap
    keep: str = ""                        # stream the body into the artefact of this name, byte for byte
    secret: tuple[str, ...] = ()          # keys in the answer and in `json` or `form` whose values nobody sees
    reads: bool = False                   # a POST that changes nothing
    writes: bool = False                  # a GET that changes something
    cleanup: bool = False                 # send after the action has returned, or failed
    first: Request | None = None          # of a write: an upload that leaves right before it, once it is agreed to
    settle: str = "look"                  # "human": no look can tell whether it took
    seen: Record | None = None            # what the look-ups saw: shown, approved, restored by undo
    affects: tuple[str, ...] = ()         # whom or what, one line each
    noun: str = ""                        # singular, for the counts: "session"
    # Work of the action's own for the time until the answer: called any number of times, or never, and must not raise.
    meanwhile: Callable[[], object] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.keep and self.secret:
            raise ValueError("keep= and secret= exclude each other: bytes that bear a secret are never kept whole")
        if self.reads and self.writes:
            raise ValueError("reads= and writes= exclude each other")
        if self.reads and self.method != "POST":
            raise ValueError(f"{self.method} {self.target}: reads= is said of a POST alone")
        if sum(one is not None for one in (self.json, self.form, self.content, self.upload, self.mail)) > 1:
            raise ValueError("json=, form=, content=, upload= and mail= exclude each other")
        if self.first is not None and (not self.is_write or not self.first.reads or self.first.upload is None):
            raise ValueError("first= is an upload of a write's, with reads=True: without the write nobody sees it")
        if self.is_write and not (self.cleanup or (self.affects and self.noun)):
            raise ValueError(f"{self.method} {self.target}: a write says whom it affects= and its noun=")

    @property
    def is_write(self) -> bool:
        return self.writes or (self.method not in ("GET", "HEAD") and not self.reads)

    def follow(self, link: str, meanwhile: Callable[[], object] | None = None) -> Request:
        """The same request for a next-page link, used verbatim (a new query string would restart at page 1)."""
        return replace(self, target=link, meanwhile=meanwhile)


def _target(path: str, parts: tuple[object, ...], params: Params | None) -> str:
    if path.count("{}") != len(parts):
        raise ValueError(f"{path!r} has {path.count('{}')} placeholders, {len(parts)} values were given")
    texts = [str(part) for part in parts]
    for text in texts:
        if text in ("", ".", ".."):        # httpx would walk up, or hit the collection instead of the item
            raise ActionError(f"{text!r} cannot stand in the path {path}")
    filled = path.format(*(quote(text, safe="") for text in texts))
    pairs = list(params.items() if isinstance(params, Mapping) else params or ())
    return filled + ("?" + urlencode([(k, str(v)) for k, v in pairs if v is not None], safe="[]:,@") if pairs else "")


def _verb(method: str) -> Callable[..., Request]:
    def make(path: str, *parts: object, params: Params | None = None, **options: Any) -> Request:
        for name in ("ok", "accepts", "affects", "secret"):
            if name in options:
                options[name] = (frozenset if name in ("ok", "accepts") else tuple)(options[name])
        return Request(method=method, target=_target(path, parts, params), **options)

    make.__name__ = make.__qualname__ = method
    make.__doc__ = f"A {method} request: `{{}}` in the path are percent-encoded `parts`; a param of None is left out."
    return make

def SEND(mail: Mail, **options: Any) -> Request:
    """Hand a message to the relay. Whether anybody read it no look can tell: a person says so."""
    return Request(method="SEND", target=mail.target, mail=mail, settle="human",
                   affects=tuple(options.pop("affects", mail.to)), **{"noun": "person", **options})


GET, HEAD, POST, PUT, PATCH, DELETE = map(_verb, ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
