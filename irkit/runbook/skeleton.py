"""What `irkit runbook new NAME` writes: a runbook that lints, with one step of each kind."""

from __future__ import annotations

import re

from irkit.errors import UsageError

_TEXT = """\
schema: irkit/v1
runbook: {name}
title: {title}
version: 1
owner: Security
use_when: >
  Say what somebody sees who should start this runbook.
inputs:
  account:  {{type: email, ask: "Which account?"}}
  aware_at: {{type: timestamp, ask: "When did you first know?", default: now}}
  since:    {{type: timestamp, ask: "Look back to when?", default: aware_at - 30d}}
roles:
  lead: Incident lead
  legal: Legal or privacy counsel
clocks:
  - {{id: gdpr_33, title: GDPR art. 33 notice, start: "{{{{ inputs.aware_at }}}}", within: 72h, stops: tell_legal}}
steps:
  - id: me
    phase: prepare
    title: Check who irkit acts as
    why: A credential of the compromised account would lock you out, or warn the intruder.
    action: zendesk.whoami

  - id: agent
    phase: prepare
    title: Find the account
    why: Every later step names it by its id.
    action: zendesk.find_user
    with: {{email: "{{{{ inputs.account }}}}"}}

  - id: keep_sessions
    phase: preserve
    title: Keep the list of open sessions
    why: It is gone once the sessions are ended.
    action: zendesk.collect_sessions
    with: {{user_id: "{{{{ steps.agent.id }}}}"}}

  - id: compromised
    phase: investigate
    owner: lead
    title: Decide whether the account is compromised
    ask: Does anything {{{{ inputs.account }}}} did since {{{{ inputs.since }}}} look wrong?
    choices: {{yes: "Yes", no: "No", unknown: "Cannot tell yet"}}

  - id: end_sessions
    phase: contain
    title: End every session of the account
    why: A suspension blocks new sign-ins; open sessions live on until they are ended.
    when: steps.compromised.choice != "no"
    action: zendesk.end_sessions
    with: {{user_id: "{{{{ steps.agent.id }}}}"}}
    target: 30m

  - id: tell_legal
    phase: notify
    owner: legal
    title: Tell legal
    do: |
      Say what is known of {{{{ inputs.account }}}}, since when, and what is not known yet.
    evidence: required
"""


def skeleton(name: str) -> str:
    """The text of a new runbook of that name. Raises UsageError when the name is not snake_case."""
    if not re.fullmatch("[a-z][a-z0-9_]{0,63}", name):
        raise UsageError(f"{name!r} is not snake_case, as the name of a runbook is", next="irkit runbook new my_runbook")
    return _TEXT.format(name=name, title=name.replace("_", " ").capitalize())
