"""Exports of which the id is known: from a mail with a link, a screenshot, a browser's history.

Freshdesk lists nobody's exports, so that none was started cannot be shown: that is a manual step, in the mailbox of whoever may
have started one. Starting an export is not offered: it makes one more copy of everybody's data, and mails a link to it.
"""

from __future__ import annotations

import re

from irkit.action import GET, ActionError, BadAnswer, Effect, Record, Response, Steps, ident, row, words
from irkit.connectors.freshdesk.base import freshdesk

LINKS = ("download_url", "url")      # whoever has such a link has the data, without signing in


class Export(Record, frozen=True):
    """An export, or another job of the background. `link`: whether a file can be fetched; the link itself is removed."""

    id: str
    kind: str
    status: str
    link: bool


def _check(kind: str, path: str, export_id: str) -> Steps[Export]:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", export_id):
        raise ActionError(f"{export_id!r} is no id of an export: letters and digits")
    answer: Response = yield GET(path, export_id, ok=(404,), secret=LINKS)
    if answer.status == 404:
        raise ActionError(f"Freshdesk knows no {kind} {export_id}: it never was, or its time is over (files are kept 15 days)")
    data = row(answer.json, kind)
    if ident(data.get("id")) != export_id:
        raise BadAnswer(f"{kind} {export_id} was asked for, {ident(data.get('id')) or 'one without an id'} came")
    return Export(export_id, kind, words(data.get("status")) or "not stated", any(data.get(name) for name in LINKS))


@freshdesk.action(Effect.READ)
def check_contact_export(export_id: str) -> Steps[Export]:
    """Check an export of contacts whose id is known.

    Source: developers.freshdesk.com, Contact Export. Needs an account administrator. Says neither who started it nor when. A
    file stays for 15 days, and its link works for whoever has it.
    """
    return (yield from _check("export of contacts", "/api/v2/contacts/export/{}", export_id))


@freshdesk.action(Effect.READ)
def check_company_export(export_id: str) -> Steps[Export]:
    """Check an export of companies whose id is known.

    Source: developers.freshdesk.com, Company Export. Needs an account administrator. Says neither who started it nor when.
    """
    return (yield from _check("export of companies", "/api/v2/companies/export/{}", export_id))


@freshdesk.action(Effect.READ)
def check_job(job_id: str) -> Steps[Export]:
    """Check a job whose id is known: an account export, a bulk change.

    Source: developers.freshdesk.com, Jobs; Account Export. Needs an account administrator. Jobs are not listed.
    """
    return (yield from _check("job", "/api/v2/jobs/{}", job_id))
