"""The credential chain of the AWS SDK: environment, profile, SSO, a role of this machine's.


botocore finds the keys and renews them. What it asks for that (the instance's metadata, SSO, STS) it asks itself, with nothing
of an incident's in it. Requests of actions are signed by `sigv4` and leave through the wire alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from irkit.errors import CredentialError

Keys = tuple[str, str, str]            # key id, secret, session token or ""

OVER = "the SSO session is over: aws sso login"
HINTS = {"ProfileNotFound": "there is no such profile in ~/.aws/config", "NoCredentialsError": "it found no keys",
         "SSOTokenLoadError": OVER, "TokenRetrievalError": OVER, "UnauthorizedSSOTokenError": OVER}


def chain(profile: str, connection: str) -> Callable[[], Keys]:
    """What gives the keys at the moment of asking. Raises CredentialError, and so does what it returns."""
    try:
        import botocore.session
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise CredentialError(f"{connection} signs in with the credential chain of AWS, which takes botocore",
                              where=f"connection {connection}", next="pip install 'irkit-runbooks[s3]'") from None
    logging.getLogger("botocore").setLevel(logging.WARNING)          # its debug lines quote what it signs
    session = botocore.session.Session(profile=profile or None)

    def keys() -> Keys:
        problem = "NoCredentialsError"
        try:
            if found := session.get_credentials():
                now = found.get_frozen_credentials()
                return now.access_key, now.secret_key, now.token or ""
        except (BotoCoreError, ClientError) as error:
            problem = type(error).__name__
        # outside the handler: what botocore says may quote what it was answered
        raise CredentialError(f"the credential chain of AWS gives {connection} no keys: {HINTS.get(problem, problem)}",
                              where=f"connection {connection}", next=f"irkit doctor {connection}")
    return keys
