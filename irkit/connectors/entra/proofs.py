"""What `irkit doctor` proves: each permission that an action needs, by a read that touches nobody's mail or methods.

A read of a list shows that it may be read. What only changes something, or only reads one person's own things, is looked up
among the permissions that were granted to irkit's app.
"""

from __future__ import annotations

from typing import Any

from irkit.action import GET, Steps, Unavailable
from irkit.connectors.entra.app import granted, has, own_roles
from irkit.connectors.entra.base import ROLE, entra

P2 = "Entra ID P2, and "
ROLES = "/v1.0/roleManagement/directory"


def _reads(scope: str, why: str, *paths: str, plan: str = "", **params: object) -> None:
    """A proof by reading the first row of these lists."""
    @entra.proof(scope, why)
    def proved() -> Steps[Any]:
        for path in paths:
            yield GET(path, params={"$" + name: value for name, value in params.items()}, gate=plan + scope)


def _granted(scope: str, why: str) -> None:
    """A proof by what was granted to the app."""
    @entra.proof(scope, why)
    def proved() -> Steps[Any]:
        if not has(scope, (yield from granted())):
            raise Unavailable(f"{scope} was not granted to irkit's app, or nobody gave admin consent", status=403, needs=scope)


_reads("Application.Read.All", "see who irkit acts as, and the secrets of apps", "/v1.0/applications", top=1, select="id")
_reads("User.Read.All", "find people and see whether they are enabled", "/v1.0/users", top=1, select="id")
_reads("Directory.Read.All", "keep grants and app roles", "/v1.0/oauth2PermissionGrants", top=1)
_reads("RoleManagement.Read.Directory", "see directory roles, and whether somebody is privileged", f"{ROLES}/roleAssignments",
       top=1)
_reads("RoleEligibilitySchedule.Read.Directory", "see roles that PIM can activate (needs Entra ID P2)",
       f"{ROLES}/roleEligibilityScheduleInstances", top=1, plan=P2)
_reads("RoleAssignmentSchedule.Read.Directory", "see roles that PIM has activated (needs Entra ID P2)",
       f"{ROLES}/roleAssignmentScheduleInstances", top=1, plan=P2)
_granted("UserAuthenticationMethod.Read.All", "keep authentication methods")
_reads("Device.Read.All", "see whether a device is enabled", "/v1.0/devices", top=1, select="id")
_reads("Domain.Read.All", "see who signs in at another identity provider", "/v1.0/domains", select="id")
_granted("MailboxSettings.Read", "keep inbox rules")
_reads("Organization.Read.All", "read the licences: they say how long logs are kept", "/v1.0/subscribedSkus")
_reads("AuditLog.Read.All", "collect directory audits", "/v1.0/auditLogs/directoryAudits", top=1)
_reads("Entra ID P1 or P2, a licence", "collect sign-ins, by person and by token; on Free download them by hand within 7 days",
       "/v1.0/auditLogs/signIns", "/beta/auditLogs/signIns", top=1)
_reads("AuditLogsQuery.Read.All", "search the Microsoft 365 audit log", "/v1.0/security/auditLog/queries", top=1)
_reads("IdentityRiskyUser.Read.All", "see the person's risk (needs Entra ID P2)", "/v1.0/identityProtection/riskyUsers", top=1,
       plan=P2)

_granted("User.EnableDisableAccount.All", "disable and enable accounts")
_granted("User.RevokeSessions.All", "revoke sign-in sessions")
_granted("DelegatedPermissionGrant.ReadWrite.All", "delete grants to apps")
_granted("AppRoleAssignment.ReadWrite.All", "delete app roles")
_granted("UserAuthenticationMethod.ReadWrite.All", "delete authentication methods")
_granted("Device.ReadWrite.All", "disable devices")
_granted("Application.ReadWrite.All", "remove secrets of apps")
_granted("IdentityRiskyUser.ReadWrite.All", "confirm that an account is compromised (needs Entra ID P2)")


@entra.proof("User Administrator, a directory role", "disable anybody privileged: Graph permissions alone get a 403 for it")
def _holds_a_role() -> Steps[Any]:
    if not (yield from own_roles()):
        raise Unavailable("irkit's app holds no directory role that may disable a privileged person", status=403, needs=ROLE)
