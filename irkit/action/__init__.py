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

from irkit.action.connector import (
    Basic,
    Bearer,
    ClientCredentials,
    Connector,
    Identity,
    Limit,
    Setting,
    SignIn,
    retry_after,
)
from irkit.action.declare import Action, Effect, Email, Param, Steps, Trace, UserId
from irkit.action.drive import Driven, drive, refusal
from irkit.action.outgoing import HEADERS, Outgoing
from irkit.action.request import DELETE, GET, PATCH, POST, PUT, Record, Request, Wait
from irkit.action.response import Response
from irkit.errors import ActionError, BadAnswer, Cut, NoAnswer, NotConfirmed, NotSent, Refused, Unavailable

__all__ = [
    "DELETE", "GET", "HEADERS", "PATCH", "POST", "PUT", "Action", "ActionError", "BadAnswer", "Basic", "Bearer",
    "ClientCredentials", "Connector", "Cut", "Driven", "Effect", "Email", "Identity", "Limit", "NoAnswer", "NotConfirmed",
    "NotSent", "Outgoing", "Param", "Record", "Refused", "Request", "Response", "Setting", "SignIn", "Steps", "Trace",
    "Unavailable", "UserId", "Wait", "drive", "refusal", "retry_after",
]
