"""Opsgenie, and Jira Service Management Operations, which replaces it: alerts that page people, and who can silence them.

One alert surface in three flavours: the same header and body, another address. Two secrets: the key of an integration writes
alerts and may not touch the account's configuration; a key of API key management is the other way round. Writes answer 202, and
the request's own status says later whether anything came of it. On the JSM surface there is nothing to look at: a person does.

Opsgenie ends on 5 April 2027, and an account is switched off 120 days after its migration.

Sources: opsgenie/opsgenie-oas (the vendor's OpenAPI file), docs.opsgenie.com (API access management), support.atlassian.com
(end of life), developer.atlassian.com (JSM Operations, integration events).
"""

from __future__ import annotations

from collections.abc import Mapping

from irkit.action import (
    GET,
    BadAnswer,
    Connector,
    Host,
    Identity,
    Response,
    Setting,
    Steps,
    Token,
    setting,
    words,
)

MESSAGE = 130                          # characters of an alert's message
LOOKS = 6                              # times at a request's status, five seconds apart
END = "2027-04-05"
FIXED = ("Zendesk", "Slack", "IncomingCall", "SlackApp")        # kinds that no call switches
PLACE = "Opsgenie > Settings > Integrations"


def describe(response: Response) -> str:
    """{"message", "code", "requestId", "took"}."""
    try:
        data = response.json
    except BadAnswer:
        return ""
    return words(data.get("message"))[:300] if isinstance(data, dict) else ""


def notice(settings: Mapping[str, str]) -> str:
    """What doctor says before it is too late."""
    if settings.get("flavour") == "jsm":
        return "acknowledge, note and close follow Opsgenie's paths here: confirm them on first use"
    return f"Opsgenie ends on {END}, and 120 days after a migration before that: connect flavour jsm, and try it in a drill"


KEY = "GenieKey {}"
opsgenie = Connector(
    "opsgenie",
    title="Opsgenie / JSM Operations",
    base_url="https://{flavour}",
    settings=[Setting("flavour", "opsgenie, opsgenie-eu or jsm", default="opsgenie", values={
        "opsgenie": "api.opsgenie.com", "opsgenie-eu": "api.eu.opsgenie.com", "jsm": "api.atlassian.com/jsm/ops/integration"})],
    hosts={"config": Host("https://{flavour}", Token("config_key", "Key of API key management", KEY))},
    sign_in=[Token("alert_key", "Key of an API integration", KEY)],
    describe=describe, notice=notice, per_minute=300,
    setup=(
        "The key of an API integration (Teams > a team > Integrations > API), with read and create: it writes alerts.",
        "A key of Settings > API key management for users, integrations and policies, under credentials: config = \"env:…\".",
        "Neither can do the other's work: Opsgenie refuses it.",
        f"Opsgenie ends on {END}. For its successor choose flavour jsm; there only alerts are written.",
    ),
)


# -- who ---------------------------------------------------------------------------------------------------------

@opsgenie.identity
def check() -> Steps[Identity]:
    """A key does not say whose it is: that alerts can be listed shows it is taken. On JSM there is nothing to read."""
    flavour = yield from setting("flavour")
    if flavour != "jsm":
        (yield GET("/v2/alerts", params={"limit": 1})).get("data", list)
    return Identity("", "", "the key of an integration", flavour, admin=True)


@opsgenie.proof("configuration access of the config key", "list users, integrations and policies")
def _configuration() -> Steps[Response]:
    return (yield GET("/v2/users", host="config", params={"limit": 1}))
