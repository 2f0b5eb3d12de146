"""AppFollow: who can answer store reviews in our name, and what was answered.

Every call costs credits; an account that has none left answers 402, which is a gap and not "no reviews". An error may come with
status 200, so the shape of each answer counts. Tokens are made and revoked in the UI alone, and an administrator sees them all:
after the takeover of one all of them are changed, by hand. Replies are public and are never written by irkit.

Sources: docs.api.appfollow.io (authorization, API management, moving to v2); the shapes of users and pages are those that a
public client of the API reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from msgspec.structs import replace

from irkit.action import (
    DELETE,
    GET,
    PATCH,
    POST,
    ActionError,
    BadAnswer,
    Collection,
    Connector,
    Effect,
    Email,
    Identity,
    Item,
    Listing,
    NotConfirmed,
    Record,
    Refused,
    Request,
    Response,
    Setting,
    Steps,
    Tally,
    Token,
    Trace,
    Unavailable,
    UserId,
    ident,
    items,
    one_page,
    row,
    the_one,
    walk,
    words,
)

SEEN = "success statuses and error shapes are those of a public client, not of the vendor's reference"
CREDITS = "credits of the account, or a plan with API access"
TOKENS = "watch.appfollow.io > settings > API (Owner or Admin)"


def describe(response: Response) -> str:
    try:
        data = response.json
    except BadAnswer:
        return ""
    error = data.get("error", data.get("message")) if isinstance(data, dict) else None
    return words(error.get("msg", error.get("message")) if isinstance(error, dict) else error)[:300]


def judge(request: Request, response: Response) -> ActionError | None:
    """An error envelope that comes with 200; and 402, which is no empty list whatever was asked."""
    if response.status == 402:
        return Unavailable(f"{request.target.partition('?')[0]} answered 402: no credits are left, or the plan has no API",
                           status=402, needs=CREDITS) if not request.is_write else Refused(
            "402: no credits are left, or the plan has no API", status=402, next=f"by hand: {TOKENS}")
    if 200 <= response.status < 300 and response.size and (said := _envelope(response)):
        path = request.target.partition("?")[0]
        return Refused(f"{path} answered {response.status} and says: {said}", status=response.status)
    return None


def _envelope(response: Response) -> str:
    """What an error envelope says; "" for an answer that is none."""
    try:
        data = response.json
    except BadAnswer:
        return ""
    return (describe(response) or "an error without words") if isinstance(data, dict) and data.get("error") else ""


appfollow = Connector(
    "appfollow",
    title="AppFollow",
    base_url="https://api.appfollow.io/api/{version}",
    settings=[Setting("version", "Version of the API", r"v\d", default="v2")],
    sign_in=[Token("token", "API token", "{}", "X-AppFollow-API-Token")],
    describe=describe, judge=judge, per_minute=16,                # 1,000 an hour and token
    setup=(f"An API token of its own for irkit, with read, write and delete: {TOKENS}.",
           "Each call costs credits: an account that is out of them answers 402, and what was not read is a gap.",
           "Tokens are revoked there and nowhere else; whoever was Owner or Admin has seen all of them."),
)


class User(Record, frozen=True):
    """A person of the account."""

    id: UserId
    email: str
    name: str
    role: str
    person: str
    there: bool = True

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> User:
        found, email, name = ident(data.get("id")), words(data.get("email")), words(data.get("name"))
        if not found:
            raise BadAnswer("a user came without an id")
        return cls(UserId(found), email, name, words(data.get("role")), f"{name} <{email}>")


@appfollow.identity
def check() -> Steps[Identity]:
    """A token does not say whose it is: the cheapest call shows that it is taken."""
    _apps((yield GET("/account/apps")))
    return Identity("", "", "an API token", "token", admin=True)


def _apps(answer: Response) -> list[Any]:
    found: list[Any] = answer.get("apps", list)
    return found


def _users(keep: str = "") -> Steps[list[User]]:
    answer = yield GET("/account/users", keep=keep)
    if not isinstance(answer.json, list) or not answer.json:
        raise BadAnswer("the users came as no list, or as an empty one: an account has an owner")
    return [User.of(row(data, "user")) for data in answer.json]


@appfollow.action(Effect.READ)
def find_user(email: Email) -> Steps[User]:
    """Find the person with exactly this e-mail address.

    Source: docs.api.appfollow.io, account users. The list is read whole and compared here.
    """
    return the_one((yield from _users()), email, "AppFollow")


@appfollow.action(Effect.READ, preserves=[Trace("users")])
def collect_users() -> Steps[Listing]:
    """Keep the people of the account, with their roles.

    Source: docs.api.appfollow.io, account users. There is no list of tokens: that is read and kept by hand.
    """
    users = yield from _users(keep="users")
    powerful = {user.id for user in users if user.role.lower() in ("admin", "owner")}
    return Listing.of([Item(user.id, "user", user.name, f"{user.email}, {user.role}") for user in users], True,
                      suspect=lambda item: item.id in powerful)


@appfollow.action(Effect.READ)
def collect_apps() -> Steps[Listing]:
    """Keep the apps whose reviews the account answers.

    Source: docs.api.appfollow.io, account apps.
    """
    found, done = yield from items(GET("/account/apps", keep="apps"), "apps", lambda data: Item(
        ident(data.get("id")), "app collection", words(data.get("title")), ident(data.get("count_apps"))), after=one_page)
    return Listing.of(found, done.complete, done.notes)


def _next(request: Request, answer: Response) -> Request | None:
    """`page` up to `pages_count`."""
    head, _, query = request.target.partition("?")
    pairs = dict(parse_qsl(query))
    page, pages = int(pairs.get("page", "1")), row(answer.json, "page").get("pages_count")
    if not isinstance(pages, int) or isinstance(pages, bool):
        raise BadAnswer("the page does not say how many there are")
    return request.follow(f"{head}?{urlencode({**pairs, 'page': page + 1})}") if page < pages else None


@appfollow.action(Effect.READ)
def collect_reviews(ext_id: str, since: datetime, until: datetime) -> Steps[Collection]:
    """Keep the reviews of an app in a window, with the replies that were given.

    Compare the replies with the team's own list: an unexpected one is public, and for communications and legal.

    Source: docs.api.appfollow.io, reviews (ext_id, from, to, page). Days, not hours, are what can be asked for. Costs credits.
    """
    tally = Tally("reviews", "date", since.replace(hour=0, minute=0, second=0, microsecond=0), None, vendor="AppFollow")
    first = GET("/reviews", params={"ext_id": ext_id, "from": f"{since:%Y-%m-%d}", "to": f"{until:%Y-%m-%d}", "page": 1},
                keep=f"reviews of {ext_id}")
    return tally.collection((yield from walk(first, "reviews", tally.add, after=_next)))


@appfollow.action(Effect.REVERSIBLE, undo="appfollow.set_role", unverified=SEEN)
def set_role(user_id: UserId, role: str) -> Steps[User]:
    """Give the person another role in the account.

    Source: docs.api.appfollow.io, account users; the request is that of a public client. Needs a token with write.
    """
    before = yield from _present(user_id)
    if before.role == role:
        return before
    yield PATCH("/account/users", json={"id": user_id, "name": before.name, "email": before.email, "role": role}, seen=before,
                affects=[before.person], noun="person")
    return (yield from _present(user_id)).require(role=role)


def _present(user_id: str) -> Steps[User]:
    found = next((user for user in (yield from _users()) if user.id == user_id), None)
    if found is None:
        raise ActionError(f"nobody in AppFollow has the id {user_id}", next="appfollow.collect_users lists who is there")
    return found


@appfollow.action(Effect.REVERSIBLE, undo="appfollow.add_user", destroys=[Trace("users")], unverified=SEEN)
def remove_user(email: Email) -> Steps[User]:
    """Remove the person from the account.

    Their tokens live on, and so do those that they saw: revoke them by hand, all that an administrator could read. Coming back
    is by an invitation to the same address, under another id.

    Source: docs.api.appfollow.io, account users; the request (a DELETE with a JSON body) is that of a public client.
    """
    before = _at((yield from _users()), email)
    if before is None:
        return User(UserId(""), email, "", "", email, there=False)
    yield DELETE("/account/users", json={"id": before.id, "email": before.email}, seen=before, affects=[before.person],
                 noun="person")
    if _at((yield from _users()), email) is not None:
        raise NotConfirmed(f"{email} is still in the account")
    return replace(before, there=False)


def _at(users: list[User], email: str) -> User | None:
    return next((user for user in users if user.email.casefold() == email.casefold()), None)


@appfollow.action(Effect.REVERSIBLE, undo="appfollow.remove_user", unverified=SEEN)
def add_user(email: Email, name: str, role: str) -> Steps[User]:
    """Invite a person into the account again.

    Source: docs.api.appfollow.io, account users; the request is that of a public client.
    """
    before = _at((yield from _users()), email)
    if before:
        return before
    yield POST("/account/users", json={"name": name, "email": email, "role": role}, affects=[email], noun="person",
               seen=User(UserId(""), email, name, role, email, there=False))
    after = _at((yield from _users()), email)
    if after is None:
        raise NotConfirmed(f"{email} is not in the account")
    return after
