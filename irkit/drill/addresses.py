"""Where a drill's requests would go, and how a world gets them: what the wire does with addresses, without a socket.

What is shown is the vendor's own address; a world is handed the path behind it, and the name of the host that was asked. Two
hosts at one address are told apart by their paths alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from irkit import connectors
from irkit.action import CREDENTIAL, Artefact, Connector, Outgoing, Request, Response, SignIn
from irkit.errors import ActionError
from irkit.worlds import Call, World

# What stands unescaped in a path and in a query of the WHATWG URL standard (url.spec.whatwg.org, percent-encode sets), which
# httpx follows. `%` is among them: what is escaped already is not escaped again.
_PATH = "".join(c for c in map(chr, range(0x21, 0x7F)) if c not in '"#<>?`{}')
_QUERY = "".join(c for c in map(chr, range(0x21, 0x7F)) if c not in '"#<>')


def _way(connector: Connector) -> SignIn | None:
    return next(iter(connector.sign_in), None)


def defaults_of(connector: Connector) -> dict[str, str]:
    way = _way(connector)
    return {one.name: one.default for one in (*connector.settings, *(way.settings if way else ()))
            if one.default is not None}


def addresses_of(world: World) -> Mapping[str, str]:
    """Where the connector's hosts are for this tenant; the world is told, so that its links lead there."""
    connector = connectors.find(world.connector)
    found = connector.addresses(world.base_url, {**world.settings, **connector.filled(_way(connector), world.settings)})
    world.addresses = {name: url for name, url in found.items() if name}
    return found


def outgoing_of(connection: str, world: World, addresses: Mapping[str, str], request: Request, acting_as: str) -> Outgoing:
    """The request as the wire would prepare it. Raises ActionError for a link that leaves the world's hosts."""
    connector = connectors.find(world.connector)
    if request.host not in addresses:
        raise ActionError(f"{connector.title} has no host called {request.host!r}")
    filled = {**world.settings, **connector.filled(_way(connector), world.settings)}
    placed = connector.placed(request.host, _way(connector))
    path = placed.path.replace("{credential}", quote(CREDENTIAL)).format(**filled) if placed and request.signed else ""
    address = addresses[request.host] + path
    url = _final(address, request.target or (path and address), addresses.values())
    return Outgoing.of(connection, connector, request, url, acting_as, settings=filled, placed=placed)


def call_of(world: World, addresses: Mapping[str, str], method: str, url: str, headers: Mapping[str, str], body: bytes,
          upload: Artefact | None = None) -> Call:
    """The call as the world gets it: the tenant's own paths begin after its address, another host's after that host's."""
    best = max((name for name in addresses if name and _within(url, addresses[name])), key=lambda name: len(addresses[name]),
               default="")
    if best and not (_within(url, addresses[""]) and len(addresses[best]) <= len(addresses[""])):
        url = url[len(addresses[best]):] or "/"
    else:
        best, home = "", urlsplit(addresses[""])
        url = url[len(addresses[""]):] if home.path and _within(url, addresses[""]) else url
    return Call.of(method, url, headers=headers, body=body, authorization=f"Bearer {world.ready_token}", host=best,
                   size=upload.size if upload else 0, sha256=upload.sha256 if upload else "")


def answer(world: World, addresses: Mapping[str, str], request: Request) -> Response:
    """What the world says to a request, asked outside any run."""
    made = outgoing_of("", world, addresses, request, "")
    url, sent = made.bearing(world.ready_token)
    said = world.handle(call_of(world, addresses, made.method, url, made.headers, sent or b"", request.upload))
    return Response(said.status, said.headers, said.body if isinstance(said.body, bytes) else b"".join(said.body))


def _within(url: str, address: str) -> bool:
    return url.startswith(address) and url[len(address):len(address) + 1] in ("", "/", "?")


def _final(base_url: str, target: str, addresses: Iterable[str] = ()) -> str:
    """The absolute URL of a target: a path on the host, or a link that must stay on one of the connection's."""
    url = urlsplit(base_url.rstrip("/") + target if target.startswith("/") else target)
    homes = {(home.scheme, home.netloc.lower()) for home in map(urlsplit, (base_url, *addresses))}
    if (url.scheme, url.netloc.lower()) not in homes:
        raise ActionError(f"the link {target!r} leaves {urlsplit(base_url).netloc}: not followed, nothing was sent")
    return urlunsplit((url.scheme, url.netloc.lower(), quote(url.path, safe=_PATH), quote(url.query, safe=_QUERY), ""))
