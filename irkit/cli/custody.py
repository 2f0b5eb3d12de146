"""`irkit custody`: evidence handed from one person to another. Both sign; the receiver's process computes every hash again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import asdict

from irkit.cli import incidents
from irkit.cli.acting import INCIDENT, filled, opened, page_of, print_of, say, session, show
from irkit.cli.complete import completing
from irkit.cli.incident import stamped
from irkit.cli.options import Settings, as_json, shared
from irkit.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from irkit.config import Config
    from irkit.engine.state import State
    from irkit.ledger import Ledger
    from irkit.ledger.custody import Handling, Item, Party, Transfer
    from irkit.ledger.sshsig import Signer

WHO = completing(lambda settings: settings.config.people)
TITLE = click.option("--title", help="Your title (default: [people] in irkit.toml).")
PHONE = click.option("--phone", help="Your phone number (default: [people] in irkit.toml).")


@click.group()
@shared
def custody() -> None:
    """Hand evidence to another person, both of you signing."""


# -- offer -------------------------------------------------------------------------------------------------------

@custody.command()
@INCIDENT
@click.option("--to", metavar="NAME", shell_complete=WHO, help="Who takes it: a name of [people] in irkit.toml, or any other.")
@click.option("--to-title", help="Their title (default: [people]).")
@click.option("--to-phone", help="Their phone number (default: [people]).")
@TITLE
@PHONE
@click.option("--artefact", "wanted", multiple=True, metavar="SHA256|NAME", help="What is handed over. May be repeated.")
@click.option("--all", "everything", is_flag=True, help="Hand over every artefact that the ledger lists.")
@click.option("--location", metavar="TEXT", help="Where it is stored now.")
@click.option("--reason", help="Why it is handed over.")
@click.option("--description", default="", help="More to identify it by, beside what the ledger says of each artefact.")
@shared
@click.pass_obj
def offer(settings: Settings, incident: str, to: str | None, to_title: str | None, to_phone: str | None, title: str | None,
          phone: str | None, wanted: tuple[str, ...], everything: bool, location: str | None, reason: str | None,
          description: str) -> None:
    """Offer artefacts to another person. It is signed by you, and counts as handed over once they accept, signed by them.

    Names, titles and phone numbers of both of you, the place and the reason are needed (NIST SP 800-61, 3.3.2); what is
    missing is asked for.

    \b
    Examples:
      irkit custody offer INC-2041 --to sam --all --location "safe 2, room 4" --reason analysis
      irkit custody offer INC-2041 --to sam --artefact log.jsonl --location "safe 2" --reason analysis
    """
    from irkit.cli.signing import signer
    from irkit.ledger.custody import Handling, Party
    with opened(settings, incident) as ledger:
        name = ledger.folder.name
        items = _items(ledger, wanted, everything, description)
        giver = _party(settings.config, incidents.who_am_i(settings.config)[0])

        def known(to: str) -> Party:
            return _party(settings.config, to)

        to, mine_title, mine_phone, to_title, to_phone, location, reason = filled(settings, f"irkit custody offer {name}", {
            "--to": ("Who takes it?", to), "--title": ("Your title?", title or giver.title),
            "--phone": ("Your phone number?", phone or giver.phone),
            "--to-title": ("Their title?", to_title or (lambda said: known(said["--to"]).title)),
            "--to-phone": ("Their phone number?", to_phone or (lambda said: known(said["--to"]).phone)),
            "--location": ("Where is it stored now?", location), "--reason": ("Why is it handed over?", reason)})
        state, taker = incidents.state_of(ledger), Party(known(to).name, to_title, to_phone)
        said = Handling(Party(giver.name, mine_title, mine_phone), taker, items, location, reason)
        key = signer(settings, ledger.mode)
        assert key is not None
        with session(settings, ledger):
            entry = ledger.append_signed("custody.offered", key, stamped(state), _dated(settings, state, said).values())
    many = f"{len(items)} artefact{'' if len(items) == 1 else 's'}"
    say(settings, f"Offered {many} to {taker.name}; not handed over before they accept.  entry {entry.seq}",
        f"  next  {taker.name} runs: irkit custody accept {name} {entry.seq}")


def _items(ledger: Ledger, wanted: tuple[str, ...], everything: bool, description: str) -> tuple[Item, ...]:
    from irkit.ledger.custody import chosen, kept
    name, there = ledger.folder.name, kept(ledger, description)
    if not there:
        raise UsageError(f"{name} keeps no artefact that could be handed over", next=f"irkit attach {name} FILE")
    if everything == bool(wanted):
        raise UsageError("say what is handed over: --artefact, once or several times, or --all",
                         next=f"irkit ledger show {name} --kind artefact.added")
    return tuple(there.values()) if everything else tuple(dict.fromkeys(chosen(there, one, name) for one in wanted))


def _party(config: Config, name: str) -> Party:
    """The person as irkit.toml knows them, by their name there or their own."""
    from irkit.engine.people import same_name
    from irkit.ledger.custody import Party
    known = config.people.get(name) or next((one for one in config.people.values() if same_name(one.name, name)), None)
    return Party(known.name, known.title, known.phone) if known else Party(name)


def _dated(settings: Settings, state: State, said: Handling) -> Handling:
    return said.dated(incidents.now_of(state), settings.zone)


# -- accept ------------------------------------------------------------------------------------------------------

@custody.command()
@INCIDENT
@click.argument("entry", type=int, required=False)
@click.option("--location", metavar="TEXT", help="Where it is stored from now on.")
@TITLE
@PHONE
@shared
@click.pass_obj
def accept(settings: Settings, incident: str, entry: int | None, location: str | None, title: str | None,
           phone: str | None) -> None:
    """Accept what was offered to you. It is signed by you, after every hash was computed again from the artefact's bytes.

    ENTRY is the number of the offer; it can be left out where only one is open. An artefact that is not what was offered ends
    it: nothing is accepted, exit 5.

    \b
    Examples:
      irkit custody accept INC-2041 --location "lab, cabinet 7"
      irkit custody accept INC-2041 318 --location "lab, cabinet 7"
    """
    from irkit.cli.signing import signer
    from irkit.engine.people import same_name
    from irkit.ledger.custody import Handling, Party, recomputed
    with opened(settings, incident) as ledger:
        name, offer = ledger.folder.name, _open_offer(ledger, entry)
        key = signer(settings, ledger.mode)
        assert key is not None
        mine = _party(settings.config, incidents.who_am_i(settings.config)[0])
        _may_accept(ledger, offer, mine.name, key)
        if same_name(mine.name, offer.offered.receiver.name):
            mine = Party(mine.name, mine.title or offer.offered.receiver.title, mine.phone or offer.offered.receiver.phone)
        location, title, phone = filled(settings, f"irkit custody accept {name} {offer.entry}", {
            "--location": ("Where is it stored from now on?", location),
            "--title": ("Your title?", title or mine.title), "--phone": ("Your phone number?", phone or mine.phone)})
        state = incidents.state_of(ledger)
        items = recomputed(ledger, offer.offered.items)
        _must_besame_name(settings, ledger, offer, items, state)
        said = Handling(offer.offered.giver, Party(mine.name, title, phone), items, location, offer.offered.reason)
        with session(settings, ledger):
            made = ledger.append_signed("custody.accepted", key, stamped(state), _dated(settings, state, said).values(),
                                        ref=offer.entry)
    for item in items:
        say(settings, f"{item.name}: hash computed again, same")
    say(settings, f"Accepted from {offer.offered.giver.name}.  entry {made.seq}", f"  next  irkit custody show {name}")


def _open_offer(ledger: Ledger, entry: int | None) -> Transfer:
    from irkit.ledger.custody import transfers
    name, every = ledger.folder.name, transfers(ledger)
    waiting = [one for one in every.values() if one.accepted is None]
    if entry is not None and entry in every and every[entry].accepted is not None:
        raise UsageError(f"the offer of entry {entry} was accepted already, by entry {every[entry].accepted_entry}",
                         next=f"irkit custody show {name}")
    found = [one for one in waiting if entry in (None, one.entry)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.entry} to {one.offered.receiver.name}" for one in found)
        raise UsageError(f"{len(found)} offers wait ({listed}); say which",
                         next=f"irkit custody accept {name} {found[0].entry}")
    what = f"no offer waits in {name}" if entry is None else f"entry {entry} of {name} is no offer of custody"
    raise UsageError(what, next=f"irkit custody show {name}")


def _may_accept(ledger: Ledger, offer: Transfer, name: str, key: Signer) -> None:
    """In a live incident two people sign, the second being the one it was offered to. One person may play both in a drill."""
    from irkit.engine.people import same_name
    if ledger.mode != "live":
        return
    giver, receiver = offer.offered.giver.name, offer.offered.receiver.name
    if key.fingerprint == offer.key or same_name(name, giver):
        both = "the key that signs here signed the offer" if key.fingerprint == offer.key else f"{giver} made this offer"
        raise UsageError(f"{both}, and nobody accepts their own", where=f"entry {offer.entry} of {ledger.folder.name}",
                         next=f"{receiver} runs: irkit custody accept {ledger.folder.name} {offer.entry}")
    if not same_name(name, receiver):
        raise UsageError(f"entry {offer.entry} offers it to {receiver}, and you are {name}",
                         where="IRKIT_WHO, and [people] in irkit.toml", next=f"irkit custody offer {ledger.folder.name} --to …")


def _must_besame_name(settings: Settings, ledger: Ledger, offer: Transfer, items: tuple[Item, ...], state: State) -> None:
    """Refuse, and put it on record, when an artefact is not what was offered. The record of a sealed incident takes no note."""
    changed = [f"{one.name} ({one.sha256}) is {'' if len(one.recomputed) < 64 else 'now '}{one.recomputed}"
               for one in items if not one.same]
    if not changed:
        return
    what = f"{len(changed)} of {len(items)} artefacts of entry {offer.entry} are not what was offered: {'; '.join(changed)}"
    record = ", and the incident is sealed, so keep this output"
    if not ledger.sealed:
        with session(settings, ledger):
            note = ledger.append("note", stamped(state), {"text": f"Custody not accepted. {what}"}, ref=offer.entry)
        record = f"; entry {note.seq} says so"
    raise LedgerError(f"{what}. Nothing was accepted{record}", where=str(ledger.folder / "artifacts"),
                      next=f"irkit ledger verify {ledger.folder.name}")


# -- show --------------------------------------------------------------------------------------------------------

@custody.command("show")
@INCIDENT
@as_json
@shared
@click.pass_obj
def show_(settings: Settings, incident: str, as_json: bool) -> None:
    """Show every transfer of evidence. Who, when, what, from where to where, and whether it was accepted.

    \b
    Examples:
      irkit custody show INC-2041
      irkit custody show INC-2041 --json
    """
    from irkit.ledger.custody import transfers
    with opened(settings, incident, write=False) as ledger:
        every, name = transfers(ledger), ledger.folder.name
        if as_json:
            print_of(settings, ledger, transfers=[_as_data(one) for one in every.values()])
            return
    show(settings, [line for one in every.values() for line in _lines(settings, one)][:-1])
    if not every:
        say(settings, f"Nothing of {name} was handed over.", f"  next  irkit custody offer {name} --to …")


def _as_data(one: Transfer) -> dict[str, Any]:
    def side(said: Handling | None, key: str) -> dict[str, Any] | None:
        return None if said is None else {"at": said.at, "zone": said.zone, "stored": said.stored, "key": key}

    taken = one.accepted or one.offered
    return {"entry": one.entry, "state": "accepted" if one.accepted else "offered", "accepted_entry": one.accepted_entry,
            "from": asdict(one.offered.giver), "to": asdict(taken.receiver),
            "reason": one.offered.reason, "offered": side(one.offered, one.key),
            "accepted": side(one.accepted, one.accepted_key),
            "artefacts": [asdict(item) for item in taken.items]}


def _lines(settings: Settings, one: Transfer) -> list[str]:
    page = page_of(settings)
    first, taken = one.offered, one.accepted

    def person(who: Party) -> str:
        return ", ".join(part for part in (who.name, who.title, who.phone) if part) or "not shown"

    lines = [*page.hanging(f"Offer {one.entry}: {one.state}"),
             *page.labelled("From", [person(first.giver), f"{first.at} {first.zone}", f"signed {one.key}"]),
             *page.labelled("To", [person((taken or first).receiver),
                                   *([f"{taken.at} {taken.zone}", f"signed {one.accepted_key}"] if taken else [])]),
             *page.labelled("Stored", [first.stored, *([f"then {taken.stored}"] if taken else [])]),
             *page.labelled("Reason", first.reason)]
    for item in (taken or first).items:
        again = " (computed again: same)" if item.same else ""
        lines += page.labelled("Item", [f"{item.name}, {item.size:,} bytes, SHA-256{again}", item.sha256, item.description])
    return [*lines, ""]
