"""Actions: typed generator functions that yield what they want to send and never send it.

An action looks, writes at most once, and looks again. Whoever answers its yields is the mode (live, probe,
drill, test), so all of them run the same code up to the socket. The shape is `httpx.Auth.auth_flow`'s.

    @zendesk.action(Effect.REVERSIBLE, undo="zendesk.unsuspend_user")
    def suspend_user(user_id: UserId) -> Steps[User]:
        '''Suspend a user so that new sign-ins fail.

        Source: developer.zendesk.com, Users, Update User. Needs an administrator.
        '''
        before = User.of((yield GET("/api/v2/users/{}", user_id)))
        ...

A connector file imports this module and nothing else of irkit.
"""

from irkit.action import paging
from irkit.action.connector import Bucket, Connector, Identity, Judge, Limit, Proof, retry_after, until_reset
from irkit.action.declare import (
    Action,
    Effect,
    Email,
    Occasion,
    Param,
    Steps,
    Trace,
    UserId,
    artefact,
    occasion,
    setting,
)
from irkit.action.drive import Driven, drive, passing, refusal
from irkit.action.forward import Forward, Line
from irkit.action.mail import Mail
from irkit.action.outgoing import CREDENTIAL, HEADERS, Outgoing
from irkit.action.paging import Next, Tally, Walk, by_field, by_link_header, by_token, items, links, one_page, walk
from irkit.action.record import Artefact, Record
from irkit.action.request import DELETE, GET, HEAD, PATCH, POST, PUT, SEND, Known, Request, Wait
from irkit.action.response import Response
from irkit.action.signin import (
    Anonymous,
    Assertion,
    AwsSignature,
    Basic,
    ClientCredentials,
    Host,
    Placed,
    ServiceAccount,
    Setting,
    SignIn,
    StandardWebhook,
    Token,
    keyless,
)
from irkit.action.values import (
    Collection,
    Item,
    Listing,
    at,
    counted,
    flag,
    http_when,
    ident,
    one,
    row,
    stamp,
    the_one,
    when,
    words,
)
from irkit.errors import ActionError, BadAnswer, Cut, NoAnswer, NotConfirmed, NotSent, Refused, Throttled, Unavailable

__all__ = [
    "CREDENTIAL", "DELETE", "GET", "HEAD", "HEADERS", "PATCH", "POST", "PUT", "SEND", "Action", "ActionError", "Anonymous",
    "Artefact", "Assertion", "AwsSignature", "BadAnswer", "Basic", "Bucket", "ClientCredentials", "Collection", "Connector",
    "Cut", "Driven", "Effect", "Email", "Forward", "Host", "Identity", "Item", "Judge", "Known", "Limit", "Line", "Listing",
    "Mail", "Next", "NoAnswer", "NotConfirmed", "NotSent", "Occasion", "Outgoing", "Param", "Placed", "Proof", "Record",
    "Refused", "Request", "Response", "ServiceAccount", "Setting", "SignIn", "StandardWebhook", "Steps", "Tally", "Throttled",
    "Token", "Trace", "Unavailable", "UserId", "Wait", "Walk", "artefact", "at", "by_field", "by_link_header", "by_token",
    "counted", "drive", "flag", "http_when", "ident", "items", "keyless", "links", "occasion", "one", "one_page",
    "paging", "passing", "refusal", "retry_after", "row", "setting", "stamp", "the_one", "until_reset", "walk", "when", "words",
]
