"""The account northwind at AWS: three buckets of the helpdesk, a locked one for evidence, IAM users and their access keys.

Its traps: a lock that a bucket does not have, locks and holds that HEAD leaves out without a permission, HEAD that says no
reason, lists in pages, keys in url-encoding, delete markers over what is still there, logs that nobody switched on, clocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from msgspec import Struct

from irkit.worlds import options
from irkit.worlds.hostile import hostile
from irkit.worlds.s3.buckets import Bucket, Buckets
from irkit.worlds.s3.signing import signer
from irkit.worlds.s3.text import No, document, iso
from irkit.worlds.world import Answer, Call, Person, World

EVIDENCE, FILES, LOGS, PLAIN = "northwind-evidence", "northwind-helpdesk-files", "northwind-access-logs", "northwind-old"
REGION, ACCOUNT, LEAKED, SPARE = "eu-central-1", "111122223333", "AKIAWORLDLEAKED00001", "AKIAWORLDSPARE000002"


class Options(Struct, frozen=True):
    """`lock`: the evidence bucket has Object Lock; `default`: its retention ("GOVERNANCE 30", or "" for none). `denied`:
    permissions that the keys lack, with commas between. `logs`: access logs were switched on. `page`: rows of a list.
    """

    lock: bool = True
    default: str = "GOVERNANCE 30"
    denied: str = ""
    logs: bool = True
    files: int = 40
    page: int = 1000
    lag: int = 0                       # seconds until IAM shows a change
    hostile: bool = False


class S3(World):
    """The account northwind."""

    connector: ClassVar[str] = "s3"
    base_url = f"https://s3.{REGION}.amazonaws.com"
    ready_token = "world-s3-session"                    # noqa: S105 - of a simulated account
    own: ClassVar[tuple[str, str]] = ("AKIAWORLDIRKIT000000", "world/secret+of/irkit0000000000000000000")
    small: ClassVar[Mapping[str, object]] = {"files": 4, "page": 3}

    def build(self, given: Mapping[str, object], people: Sequence[Person], subjects: Mapping[str, str]) -> None:
        self.options = options.read(Options, given, self.connector)
        self.settings = {"region": REGION, "bucket": EVIDENCE}
        self._denied = {part.strip() for part in self.options.denied.split(",")}
        self.buckets = Buckets(self.now, self.options.page, lambda name: name not in self._denied)
        began = self.now()
        self.users: dict[str, dict[str, dict[str, Any]]] = {
            "irkit": {self.own[0]: _key(began - timedelta(days=9), began)},
            "helpdesk-files": {LEAKED: _key(began - timedelta(days=400), began - timedelta(hours=2)),
                               SPARE: {**_key(began - timedelta(days=500), None), "on": False}}}
        self._fill(began)

    def _fill(self, began: datetime) -> None:
        text = hostile if self.options.hostile else str
        add = self.buckets.add
        evidence = Bucket(EVIDENCE, lock=self.options.default if self.options.lock else None, policy="private", blocked=True,
                          enforced=True)
        files, logs = Bucket(FILES), Bucket(LOGS, policy="private", blocked=True)
        self.buckets.all = {one.name: one for one in (evidence, files, logs, Bucket(PLAIN, policy="public"))}
        if self.options.logs:
            files.target, files.prefix = LOGS, "files/"
        for number in range(self.options.files):
            add(files, f"tickets/{number:03}/{text(f'scan {number}.pdf')}", b"%PDF", at=began - timedelta(days=3, hours=number),
                public=number % 4 == 1)
        add(files, "tickets/000/removed.pdf", b"%PDF", at=began - timedelta(days=2))
        add(files, "tickets/000/removed.pdf", deleted=True, at=began - timedelta(hours=3))
        if self.options.lock:
            until = began + timedelta(days=10)
            self.held = add(evidence, "earlier/held.txt", b"held", mode="GOVERNANCE", until=until, hold=True)
            self.kept = add(evidence, "earlier/kept.txt", b"kept", mode="GOVERNANCE", until=until)
            add(evidence, "earlier/kept.txt", deleted=True)
        for hours in (2, 30, 60) if self.options.logs else ():
            at = began - timedelta(hours=hours)
            row = (f"c0ffee {FILES} [{at:%d/%b/%Y:%H:%M:%S +0000}] 203.0.113.7 - R{hours} REST.GET.OBJECT tickets/001 "
                   f'"GET /tickets/001 HTTP/1.1" 200 - 4 4 9 8 "-" "{"curl" if hours > 9 else "python-requests"}" -\n')
            add(logs, f"files/{at:%Y-%m-%d-%H-%M-%S}-A{hours}", row.encode(), at=at + timedelta(hours=1))

    # -- answering -------------------------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        try:
            who = self._who(call)
            if call.host == "iam":
                return self._iam(call)
            if call.host == "sts":
                return document("GetCallerIdentityResponse", {"GetCallerIdentityResult": {
                    "Arn": f"arn:aws:iam::{ACCOUNT}:user/{who}", "UserId": f"AIDA{who.upper()}", "Account": ACCOUNT}}, "sts")
            return self.buckets.answer(call)
        except No as no:
            return no.answer(call.host, call.method)

    def _who(self, call: Call) -> str:
        if call.authorization == f"Bearer {self.ready_token}":             # a drill signs in so
            return "irkit"
        mine = {key: self.own[1] for key, one in self.users["irkit"].items() if one["on"]}
        return "irkit" if signer(call, mine, self.now(), REGION) else ""

    def _iam(self, call: Call) -> Answer:
        given = call.data if isinstance(call.data, dict) else {}
        action, user, key = (str(given.get(name, "")) for name in ("Action", "UserName", "AccessKeyId"))
        if f"iam:{action}" in self._denied:
            raise No(403, "AccessDenied", f"User: arn:aws:iam::{ACCOUNT}:user/irkit is not authorized to perform: iam:{action}")
        if action == "GetAccessKeyLastUsed":
            return self._last_used(key)
        if user not in self.users:
            raise No(404, "NoSuchEntity", f"The user with name {user} cannot be found.")
        match action:
            case "ListAccessKeys":
                return self._list(user, int(given.get("Marker") or 0))
            case "UpdateAccessKey" if key in self.users[user]:
                self.later(self.options.lag, lambda: self.users[user][key].update(on=given.get("Status") == "Active"))
                return document("UpdateAccessKeyResponse", {"ResponseMetadata": {"RequestId": "r-0"}}, "iam")
            case "UpdateAccessKey":
                raise No(404, "NoSuchEntity", f"The Access Key with id {key} cannot be found")
        raise No(400, "InvalidAction", f"Could not find operation {action} for version 2010-05-08")

    def _list(self, user: str, start: int) -> Answer:
        rows = [{"UserName": user, "AccessKeyId": key, "Status": "Active" if one["on"] else "Inactive",
                 "CreateDate": iso(one["made"])} for key, one in self.users[user].items()]
        more = start + 1 < len(rows)
        return document("ListAccessKeysResponse", {"ListAccessKeysResult": {
            "UserName": user, "AccessKeyMetadata": {"member": rows[start:start + 1]}, "IsTruncated": more,
            "Marker": str(start + 1) if more else None}}, "iam")

    def _last_used(self, key: str) -> Answer:
        user = next((user for user, keys in self.users.items() if key in keys), None)
        if user is None:
            raise No(404, "NoSuchEntity", f"The Access Key with id {key} cannot be found")
        used = self.users[user][key]["used"]
        last = {"LastUsedDate": iso(used), "ServiceName": "s3", "Region": REGION} if used else {"ServiceName": "N/A",
                                                                                              "Region": "N/A"}
        return document("GetAccessKeyLastUsedResponse", {"GetAccessKeyLastUsedResult": {
            "UserName": user, "AccessKeyLastUsed": last}}, "iam")

    # -- what a world tells ----------------------------------------------------------------------------------------

    def state(self) -> object:
        on = {user: {key: one["on"] for key, one in keys.items()} for user, keys in self.users.items()}
        return [self.buckets.state(), on]

    def samples(self) -> Mapping[str, object]:
        began, found = self.now(), {}
        if self.options.lock:
            found = {"key": self.kept.key, "version_id": self.kept.id, "release_evidence.key": self.held.key,
                     "release_evidence.version_id": self.held.id}
        return {"artefact": "evidence.txt", "retain_until": iso(began + timedelta(days=30)), "mode": "GOVERNANCE",
                "legal_hold": True, **found, "bucket": FILES, "set_access_logs.target": PLAIN, "set_access_logs.prefix": "new/",
                "since": iso(began - timedelta(days=2)), "access_key_id": LEAKED, "user_name": "helpdesk-files",
                "activate_access_key.access_key_id": SPARE}

    def credentials(self) -> Mapping[str, str]:
        return {"access_key": ":".join(self.own)}

    def signs_in(self) -> tuple[str, str]:
        return "access_key", ":".join(self.own)

    def secrets(self) -> Sequence[str]:
        return [self.own[1]]


def _key(made: datetime, used: datetime | None) -> dict[str, Any]:
    return {"on": True, "made": made, "used": used}
