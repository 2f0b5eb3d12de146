"""XML as S3, IAM and STS write it, and the errors they say in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from irkit.worlds.world import Answer

NAMESPACES = {"iam": "https://iam.amazonaws.com/doc/2010-05-08/", "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
              "": "http://s3.amazonaws.com/doc/2006-03-01/"}
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")        # what XML 1.0 cannot hold


class No(Exception):
    """A refusal: status, code, message, and what else stands in the error."""

    def __init__(self, status: int, code: str, message: str = "", **more: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.more = status, code, message or code, more

    def answer(self, host: str, method: str) -> Answer:
        inner = {"Code": self.code, "Message": self.message, **self.more}
        if method == "HEAD":                                  # no body, so nobody learns why
            return Answer(self.status, {"x-amz-request-id": "R0"})
        if host:
            return document("ErrorResponse", {"Error": {"Type": "Sender", **inner}, "RequestId": "r-0"}, host, self.status)
        return document("Error", {**inner, "RequestId": "R0", "HostId": "h/0="}, None, self.status)


def document(root: str, value: Mapping[str, Any], host: str | None = "", status: int = 200) -> Answer:
    space = "" if host is None else f' xmlns="{NAMESPACES[host]}"'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{space}>{_inner(value)}</{root}>'
    return Answer(status, {"content-type": "application/xml", "x-amz-request-id": "R0"}, text.encode("utf-8"))


def _inner(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_inner(one)}</{name}>" for name, many in value.items()
                       for one in (many if isinstance(many, list) else [many]) if one is not None)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(_UNFIT.sub("?", str(value)))


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def field(body: bytes, name: str) -> str:
    """The text of the first element of that name in what was sent."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", body.decode("utf-8", "replace"))
    return found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") if found else ""
