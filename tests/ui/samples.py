"""The incident of the golden screens, as the engine would say it."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from irkit.engine.gate import (
    ByHand,
    Checked,
    Closed,
    Deadline,
    Ended,
    Looked,
    News,
    Offered,
    Progress,
    Question,
    Resumed,
    Said,
    Sends,
    Sent,
    Stamps,
    StepBegins,
    Trouble,
    Waiting,
    Where,
)

DUE = datetime(2026, 11, 23, 2, 6, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 2, 25, tzinfo=UTC)
GDPR = Deadline("gdpr_33", "GDPR art. 33 notice", DUE, "running")
ACTING = '"ir-break-glass" (admin)'
USER = "https://acme.zendesk.com/api/v2/users/3971"


def where(number: int = 7, elapsed: float = 1122, **changes: object) -> Where:
    """Step 7 of the golden run, at 02:25Z."""
    values: dict[str, object] = {
        "label": "LIVE",
        "incident": "INC-2041",
        "runbook": "zendesk_agent_compromise",
        "version": 1,
        "number": number,
        "total": 21,
        "phase": "contain",
        "elapsed": elapsed,
        "who": "maria",
        "role": "lead",
        "now": NOW,
        "deadlines": (GDPR,),
    }
    return Where(**{**values, **changes})  # type: ignore[arg-type]


SUSPEND = StepBegins(
    where(),
    7,
    "Suspend the account",
    "The intruder is still signed in as this agent. This blocks new sign-ins; it does not end sessions (step 8 does).",
    "REVERSIBLE",
    "lead",
)
LOOKED = Looked("GET", USER, 200, 0.3, ["agent, last sign-in 02:11Z, suspended: no"])
SENDS = Sends(
    "PUT",
    USER,
    '{"user": {"suspended": true}}',
    ACTING,
    1,
    ["Dana Reyes <dana@acme.com>, Support tier 2"],
    "person",
    "zendesk.unsuspend_user 3971",
    requests=["PUT /api/v2/users/3971 HTTP/1.1"],
    curls=["curl -X PUT " + USER],
)
SENT = Sent(datetime(2026, 11, 20, 2, 25, 7, tzinfo=UTC), 200, 0.4, 31)
CHECKED = Checked("suspended: yes")
DONE = Ended("done", "", 33, "8. End every session of the account")
GATE = Question(
    "gate",
    "Send it?",
    "suspend",
    more={"r": SENDS.requests, "c": SENDS.curls},
    more_words={"g N": "go to step N"},
    letters={"y": "yes", "s": "skip", "d": "defer", "m": "did it by hand", "n": "note"},
)

SESSIONS = Sends(
    "DELETE",
    f"{USER}/sessions",
    "",
    ACTING,
    1,
    ["Chrome 130, Windows, 203.0.113.7", "Firefox 132, macOS, 198.51.100.4", "Safari, iPhone, 192.0.2.9"],
    "session",
    "none",
    unpreserved=["Not preserved: sessions (step 5 skipped)"],
    unverified="the vendor does not say whether app sessions end too",
    phrase="END 3 SESSIONS",
)
FAN_OUT = Sends(
    "DELETE",
    f"{USER}/sessions",
    "",
    ACTING,
    212,
    [f"p{i}@acme.com" for i in range(212)],
    "person",
    "none",
    looked=["212 users in steps.touched; 3 are admins; 41 in finance"],
    first="3971 dana@acme.com",
    last="9920 wei@acme.com",
    template="DELETE https://acme.zendesk.com/api/v2/users/{id}/sessions",
    already=4,
    look_failed=1,
    pace="about 5 a second, about 45 seconds",
    phrase="END 212 SESSIONS",
)

FAILED = Trouble(
    "FAILED",
    8,
    "End every session of the account",
    ['Zendesk answered 403: "You do not have access to this page".', "Nothing was changed."],
    34,
    '"ir-break-glass" is not an administrator',
    "irkit doctor zendesk",
)
UNKNOWN = Trouble(
    "UNKNOWN",
    8,
    "End every session of the account",
    ["The request left at 02:26:31Z; no answer in 30 s. It may have worked."],
    36,
)
GAP = Trouble(
    "GAP",
    5,
    "Keep the access log",
    [
        "Not available on this plan (403: needs the ADPP add-on).",
        "This is recorded as a gap: reads cannot be established. It does not mean nothing was read.",
    ],
    19,
)
ACCEPTED = Trouble(
    "ACCEPTED",
    12,
    "Tell the account's owner",
    ["Taken by the mail server at 02:40:11Z, not confirmed."],
    52,
    command="irkit resume INC-2041",
)

RESUMED = Resumed(
    where(
        0,
        now=datetime(2026, 11, 20, 2, 58, tzinfo=UTC),
        who="sam",
        role="",
        deadlines=(GDPR, Deadline("pipeda", "PIPEDA report", None, "not started")),
    ),
    datetime(2026, 11, 20, 2, 6, tzinfo=UTC),
    "maria",
    38,
    ["1-4", "6", "7"],
    ["9 Call the agent (call-note.txt)"],
    ['10 Rotate API keys: "owner asleep, paging"'],
    ["UNKNOWN  8 End sessions: sent 02:26:31Z, no answer. Look again before going on."],
    [
        "runbooks/zendesk_agent_compromise.yaml differs from this run's copy.",
        "This run keeps its own copy (v1, sha256 1f0a..).",
    ],
    "maria",
    stamps=Stamps(36, frozenset({"https://tsa.example.com"}), datetime(2026, 11, 20, 2, 40, tzinfo=UTC)),
)
OFFERED = replace(
    RESUMED,
    changed=(),
    offer=Offered(37, "maria", "sam", datetime(2026, 11, 20, 2, 55, tzinfo=UTC), "\n".join([
        "Status: INC-2041, Contain a compromised agent, opened 2026-11-20 02:06Z by maria",
        "- done: 1-4, 6, 7",
        "Unknown: 8 End sessions: sent 02:26:31Z, no answer. Look again before going on.",
        "Next: 8. End every session of the account",
        "UNKNOWN  nothing, go on",
        "Clock: GDPR art. 33 notice due 2026-11-23 02:06Z (71:11 left)",
    ])),
)
CLOSED = Closed(
    where(0, 4 * 3600 + 12 * 60, who="sam", now=datetime(2026, 11, 20, 6, 18, tzinfo=UTC)),
    {"done": 17, "by hand": 2, "skipped": 1, "gap": 1},
    ['"owner asleep, paging"'],
    {"worked": 230, "refused": 1, "unknown": 0},
    2,
    9,
    4_100_000,
    12,
    312,
    "77be" + "0" * 58 + "10",
    ['5 Keep the access log: "403: needs the ADPP add-on"'],
    stamps=Stamps(312, frozenset({"https://tsa.example.com"}), datetime(2026, 11, 20, 4, 19, tzinfo=UTC)),
)

EXPORTED = StepBegins(
    where(
        14,
        480,
        label="DRILL",
        incident="INC-7",
        phase="notify",
        role="",
        now=datetime(2026, 11, 23, 3, 36, tzinfo=UTC),
        deadlines=(
            Deadline("hipaa", "HIPAA", datetime(2027, 1, 19, tzinfo=UTC), "running"),
            GDPR,
            Deadline("ca", "PIPEDA report", datetime(2026, 11, 27, tzinfo=UTC), "running"),
        ),
    ),
    14,
    "Was customer data exported?",
    "The notice depends on it.",
    "DECISION",
    "Privacy counsel",
)
DECIDE = ByHand(
    "Does the kept log show an export or a bulk read by this account?\n",
    {"yes": "Yes", "no": "No", "unknown": "Cannot tell on this plan"},
)
INJECT = News(["INJECT   for communications", "         A reporter asks about “the leak”."])

EVERYTHING: list[Said] = [
    SUSPEND,
    LOOKED,
    SENDS,
    SENT,
    CHECKED,
    DONE,
    SESSIONS,
    FAN_OUT,
    FAILED,
    UNKNOWN,
    GAP,
    ACCEPTED,
    RESUMED,
    CLOSED,
    EXPORTED,
    DECIDE,
    INJECT,
    Waiting(5, "Zendesk's search lags behind"),
    Progress(74, 212, 1, 0, 38.0),
    ByHand("Call the agent.\n\nTwice.", evidence=True),
]
