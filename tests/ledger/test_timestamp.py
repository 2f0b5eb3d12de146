"""Time stamps: read tolerantly, verified by two programs that are not irkit, never for another text or authority."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.cli.anchoring import LONGEST_PAUSE, PAUSE, Anchors, over_the_wire, stamp
from irkit.errors import NotSent
from irkit.ledger.sshsig import CannotCheck
from irkit.ledger.timestamp import Checked, Token, answer_to, lower, read, request_for, upper, verify
from irkit.ledger.token import read_request
from tests.ledger.authority import ACCURACY, OPENSSL, POLICY, Authority, Behaviour

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl, which the local authority is made with, is not here")

NOTE = b"irkit/test/00\n137\nAAAA\n\n\xe2\x80\x94 irkit/test/00 c2lnbmF0dXJl\n"
BOTH = ("rfc3161-client", "openssl")
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    """One that stays honest."""
    with Authority() as made:
        yield made


@pytest.fixture(scope="module")
def raw(authority: Authority) -> bytes:
    """Its answer over NOTE."""
    return authority.answer(request_for(NOTE))


def answered(behaves: Behaviour) -> tuple[bytes, bytes]:
    """A request over NOTE, and what an authority that behaves so answers."""
    request = request_for(NOTE)
    with Authority(behaves=behaves) as made:
        return request, made.answer(request)


def printed(folder: Path, what: str, content: bytes) -> str:
    """What `openssl ts` makes of a request or an answer."""
    (folder / "file").write_bytes(content)
    command = ["openssl", "ts", what, "-in", str(folder / "file"), "-text"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# -- requests and answers ------------------------------------------------------------------------------------------

def test_a_request_asks_for_a_nonce_and_certificates(tmp_path: Path) -> None:
    """Two requests over one note differ in their nonce alone; openssl reads them."""
    first, second = read_request(request_for(NOTE)), read_request(request_for(NOTE))
    assert first.imprint == second.imprint
    assert first.nonce is not None
    assert first.nonce != second.nonce
    shown = printed(tmp_path, "-query", request_for(NOTE))
    assert "Hash Algorithm: sha256" in shown
    assert "Certificate required: yes" in shown


def test_a_round_trip_is_verified_by_both_readers(authority: Authority) -> None:
    """What is asked for over HTTP is answered, read, and verified for the note."""
    request = request_for(NOTE)
    raw = over_the_wire(authority.url, request)
    token, now = answer_to(request, raw), datetime.now(UTC)
    assert (token.accuracy, token.policy, token.authority) == (ACCURACY, POLICY, "irkit tests, First TSA")
    assert lower(token) <= now <= upper(token)
    checked = verify(raw, NOTE, authority.ca)
    assert (checked.ok, checked.by, checked.refused, checked.absent) == (True, BOTH, (), ())
    assert checked.facts == ("whether a certificate was revoked was not looked up",)


def test_openssl_reads_the_same_time(raw: bytes, tmp_path: Path) -> None:
    """genTime with its fraction, accuracy and serial number are those that `openssl ts` prints."""
    shown, token = printed(tmp_path, "-reply", raw), read(raw)
    fraction = f"{token.gen_time:.%f}".rstrip("0").rstrip(".")
    assert f"{token.gen_time:%b} {token.gen_time.day:2d} {token.gen_time:%H:%M:%S}{fraction} {token.gen_time:%Y} GMT" in shown
    assert f"Serial number: 0x{token.serial:04X}" in shown
    assert "0x01 seconds, 0x01F4 millis, 0x64 micros" in shown


@pytest.mark.parametrize(("behaves", "says"), [
    ("refusal", "rejection.*not supported"), ("garbage", "behind TimeStampResp"), ("wrong imprint", "not asked for"),
    ("wrong nonce", "its nonce differs")])
def test_an_answer_to_something_else_is_not_kept(behaves: Behaviour, says: str) -> None:
    """A refusal, garbage, another imprint and another nonce are each named."""
    request, raw = answered(behaves)
    with pytest.raises(ValueError, match=says):
        answer_to(request, raw)


def test_an_unstated_accuracy_counts_as_a_second_and_is_said() -> None:
    """genTime without fraction may be up to a second early; the window allows for it."""
    with Authority(accuracy=False, digits=0) as made:
        raw = made.answer(request_for(NOTE))
        checked = verify(raw, NOTE, made.ca)
    token = checked.token
    assert token.accuracy is None
    assert (lower(token), upper(token)) == (token.gen_time - timedelta(seconds=1), token.gen_time + timedelta(seconds=1))
    assert "the token states no accuracy; one second is assumed" in checked.facts


# -- what verifies ---------------------------------------------------------------------------------------------------

def test_a_token_of_another_note_is_refused(authority: Authority, raw: bytes) -> None:
    """One changed byte of the note is another note."""
    checked = verify(raw, NOTE[:-1], authority.ca)
    assert (checked.ok, checked.by) == (False, ())
    assert "something else than this note" in checked.words


def test_a_token_of_another_authority_is_refused(raw: bytes) -> None:
    """Neither reader trusts the certificates that lie in the token."""
    with Authority("Second") as other:
        checked = verify(raw, NOTE, other.ca)
    assert (checked.ok, len(checked.refused)) == (False, 2)
    assert "unable to get local issuer certificate" in checked.refused[0]


def test_several_authorities_may_be_trusted(authority: Authority, raw: bytes, tmp_path: Path) -> None:
    """The file of trusted certificates may hold those of many, in any order."""
    with Authority("Second") as other:
        both = tmp_path / "both.pem"
        both.write_bytes(other.ca.read_bytes() + authority.ca.read_bytes())
        assert verify(raw, NOTE, both).by == BOTH
        assert verify(other.answer(request_for(NOTE)), NOTE, both).by == BOTH


def test_a_certificate_that_expires_later_still_counts(authority: Authority, raw: bytes) -> None:
    """Validity is judged at genTime; that it has expired since is said."""
    checked = verify(raw, NOTE, authority.ca, at=NEVER)
    assert checked.by == BOTH
    assert any("First TSA" in fact and "expired on" in fact for fact in checked.facts)


def test_a_certificate_expired_before_the_token_is_refused() -> None:
    """An authority whose certificate had ended when it stamped proves nothing."""
    with Authority(expired=True) as made:
        checked = verify(made.answer(request_for(NOTE)), NOTE, made.ca)
    assert not checked.ok
    assert all("certificate has expired" in one for one in checked.refused)
    assert len(checked.refused) == 2


def test_an_unsorted_set_is_verified_by_one_and_unverified_by_the_other(authority: Authority) -> None:
    """rfc3161-client refuses certificates out of DER's order; irkit reads the token, openssl verifies it, both are named."""
    request, raw = answered("unsorted")
    assert answer_to(request, raw).accuracy == ACCURACY
    checked = verify(raw, NOTE, authority.ca)
    assert (checked.ok, checked.by) == (True, ("openssl",))
    assert checked.words.startswith("verified by openssl, unverified by rfc3161-client: ASN.1 parse error")
    assert "InvalidSetOrdering" in checked.words


def test_without_openssl_the_library_verifies(authority: Authority, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that is missing is named, and the token counts."""
    monkeypatch.setenv("PATH", "/nonexistent")
    checked = verify(raw, NOTE, authority.ca)
    assert (checked.ok, checked.by, checked.absent) == (True, BOTH[:1], ("openssl: it is not installed",))
    assert checked.words == "verified by rfc3161-client, not checked by openssl: it is not installed"


def test_without_any_reader_nothing_is_said(authority: Authority, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ok nor refused: it could not be checked."""
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(CannotCheck, match="nothing here can check"):
        verify(raw, NOTE, authority.ca)


@pytest.mark.parametrize("content", [None, b"", b"no PEM"])
def test_a_file_of_authorities_that_cannot_be_read_is_named(raw: bytes, tmp_path: Path, content: bytes | None) -> None:
    """That the trusted certificates are unreadable says nothing against the token."""
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)
    with pytest.raises(CannotCheck) as raised:
        verify(raw, NOTE, ca)
    assert raised.value.where == str(ca)


def test_a_damaged_certificate_in_the_token_does_not_stop_the_check(authority: Authority, raw: bytes) -> None:
    """A version that cryptography raises on, in a certificate that the signature does not cover, is the readers' to judge."""
    version = raw.index(b"\xa0\x03\x02\x01\x02\x02")      # of the first certificate: v3
    checked = verify(raw[:version + 4] + b"\x28" + raw[version + 5:], NOTE, authority.ca)
    assert not checked.ok
    assert len(checked.refused) == 2


def test_a_caller_cannot_have_openssl_configured(authority: Authority, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A configuration named in the environment changes nothing."""
    monkeypatch.setenv("OPENSSL_CONF", "/nonexistent/openssl.cnf")
    assert verify(raw, NOTE, authority.ca).by == BOTH


# -- damage ----------------------------------------------------------------------------------------------------------

def facts_of(token: Token) -> tuple[object, ...]:
    return token.imprint, token.gen_time, token.accuracy, token.serial, token.policy, token.algorithm, token.nonce


def judged(raw: bytes, ca: Path) -> Checked | None:
    try:
        return verify(raw, NOTE, ca)
    except CannotCheck:
        return None


def flips(raw: bytes, step: int) -> Iterator[bytes]:
    for at in range(0, len(raw), step):
        for bit in (0x01, 0x80):
            yield raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1:]


def test_no_flipped_byte_changes_what_a_token_proves(authority: Authority, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever byte is flipped, the library refuses, or what it verified (outside the signature) says the same."""
    monkeypatch.setenv("PATH", "/nonexistent")
    verified = [checked for bad in flips(raw, 1) if (checked := judged(bad, authority.ca)) is not None and checked.ok]
    assert {facts_of(checked.token) for checked in verified} <= {facts_of(read(raw))}
    assert len(verified) < len(raw) / 2


def test_no_flipped_byte_is_worth_more_to_openssl(authority: Authority, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, every thirteenth byte, as it takes a process each."""
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    verified = [checked for bad in flips(raw, 13) if (checked := judged(bad, authority.ca)) is not None and checked.ok]
    assert {facts_of(checked.token) for checked in verified} <= {facts_of(read(raw))}


def test_a_cut_or_longer_answer_is_no_token(raw: bytes) -> None:
    """An answer is whole, and nothing follows it."""
    for bad in (*(raw[:size] for size in range(len(raw))), raw + b"\0", raw * 60):
        with pytest.raises(ValueError):
            read(bad)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_token_or_a_value_error(noise: bytes) -> None:
    """Reading raises nothing else, whatever comes."""
    for what in (noise, b"\x30\x82" + len(noise).to_bytes(2, "big") + noise):
        with pytest.raises(ValueError):
            read(what)


@given(data=st.data())
def test_a_damaged_token_is_a_token_or_a_value_error(data: st.DataObject, raw: bytes) -> None:
    """The same with bytes replaced, removed and put in where the structure is deep."""
    start = data.draw(st.integers(0, len(raw) - 1))
    stop = data.draw(st.integers(start, min(start + 8, len(raw))))
    bad = raw[:start] + data.draw(st.binary(max_size=8)) + raw[stop:]
    with contextlib.suppress(ValueError):
        assert isinstance(read(bad), Token)


def test_nested_values_are_not_followed() -> None:
    """Depth is the grammar's: 64 KiB of nesting are refused at once."""
    nested = b""
    while len(nested) < 60_000:
        size = len(nested)
        nested = (b"\x30" + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big") if size > 255
                             else b"\x81" + bytes([size]))) + nested
    with pytest.raises(ValueError):
        read(nested)


# -- anchoring -------------------------------------------------------------------------------------------------------

class Notes:
    """What anchoring uses of a ledger: notes come, tokens are kept."""

    mode = "test"

    def __init__(self, *notes: bytes) -> None:
        self.notes, self.kept = list(notes), list[tuple[bytes, str]]()

    def newest_note(self) -> bytes | None:
        return self.notes[-1] if self.notes else None

    def add_token(self, raw: bytes, token: Token, note: bytes, authority: str) -> None:
        assert read(raw) == token
        self.kept.append((note, authority))


def offline(authority: str, request: bytes) -> bytes:
    raise NotSent("no connection")


def test_after_an_offline_time_the_newest_note_alone_is_stamped_at_every_authority(authority: Authority) -> None:
    """Notes that came meanwhile are covered by the newest; pauses grow; an outage is one line."""
    notes, said, ways = Notes(b"one"), list[str](), [offline]

    def ask(to: str, request: bytes) -> bytes:
        return ways[-1](to, request)

    with Authority("Second") as other:
        both = [authority.url, other.url]
        anchors = Anchors(notes, both, said.append, ask=ask)
        assert anchors.due(0.0) == tuple(both)
        assert all(one.problem == "not reached (no connection)" for one in anchors.tick(0.0))
        notes.notes += [b"two", b"three"]
        assert anchors.due(PAUSE - 1) == ()
        assert len(anchors.tick(PAUSE)) == 2
        assert anchors.due(2 * PAUSE) == ()
        assert said == [f"timestamp authority {one} not reached (no connection); will be tried again" for one in both]
        ways.append(over_the_wire)
        assert all(one.token for one in anchors.tick(3 * PAUSE))
    assert notes.kept == [(b"three", one) for one in both]
    assert anchors.due(float("inf")) == ()


def test_a_stamped_note_is_not_stamped_again_and_the_next_waits_a_minute(authority: Authority) -> None:
    """Unless it is asked for: at pause, close, export and seal."""
    notes = Notes(b"one")
    anchors = Anchors(notes, [authority.url, authority.url], print)
    assert [one.token is not None for one in anchors.tick(0.0)] == [True]
    assert anchors.tick(1000.0) == []
    notes.notes.append(b"two")
    assert anchors.due(PAUSE - 1) == ()
    anchors.now_please()
    assert len(anchors.tick(PAUSE - 1)) == 1
    assert [note for note, _ in notes.kept] == [b"one", b"two"]


def test_pauses_do_not_grow_for_ever() -> None:
    """After many failures an authority is still asked every half an hour."""
    anchors, now = Anchors(Notes(b"one"), ["http://authority.test"], lambda _: None, ask=offline), 0.0
    for _ in range(20):
        assert anchors.tick(now)
        now += LONGEST_PAUSE


@pytest.mark.parametrize(("behaves", "problem"), [
    ("garbage", "gave no token that can be used"), ("error 500", r"gave no token .*\(500\)"), ("silent", "not reached")])
def test_what_an_authority_does_wrong_is_one_line(behaves: Behaviour, problem: str) -> None:
    """Nothing is kept, nothing is raised."""
    notes, said = Notes(b"one"), list[str]()
    with Authority(behaves=behaves) as made:
        anchors = Anchors(notes, [made.url], said.append)
        anchors.tick(0.0)
        anchors.tick(PAUSE)
    assert notes.kept == []
    assert len(said) == 1
    assert re.search(problem, said[0])


def test_in_the_background_a_last_attempt_is_made_at_the_end(authority: Authority) -> None:
    """`finish` stamps the note that came last, and says who lacks it."""
    notes, said = Notes(b"one"), list[str]()
    gone = "http://127.0.0.1:9/tsr"
    anchors = Anchors(notes, [authority.url, gone], said.append)
    anchors.start()
    notes.notes.append(b"two")
    assert anchors.finish(10.0) == (gone,)
    assert notes.kept[-1] == (b"two", authority.url)
    assert len(said) == 1


def test_an_authority_that_does_not_answer_does_not_keep_the_session(authority: Authority) -> None:
    """`finish` returns in time, and what comes afterwards is not kept."""
    notes, asked, release, done = Notes(b"one"), threading.Event(), threading.Event(), threading.Event()

    def slow(to: str, request: bytes) -> bytes:
        asked.set()
        release.wait(10)
        try:
            return over_the_wire(to, request)
        finally:
            done.set()

    anchors = Anchors(notes, [authority.url], print, ask=slow)
    anchors.start()
    anchors.now_please()
    assert asked.wait(10)
    assert anchors.finish(0.01) == (authority.url,)
    release.set()
    assert done.wait(10)
    assert notes.kept == []


def test_a_drill_is_never_stamped() -> None:
    """Whatever is configured."""
    notes = Notes(b"one")
    notes.mode = "drill"
    anchors = Anchors(notes, ["http://authority.test"], print, ask=offline)
    anchors.start()
    assert anchors.tick(0.0) == []
    assert anchors.finish(0.0) == ()


def test_stamping_by_hand_says_what_became_of_each(authority: Authority) -> None:
    """`irkit ledger stamp`: a token of one, the trouble with the other, one after the other."""
    notes = Notes(b"one")
    first, second = stamp(notes, [authority.url, "http://127.0.0.1:9/tsr"])
    assert first.token is not None
    assert second.problem.startswith("not reached (no connection to 127.0.0.1")
    assert stamp(Notes(), [authority.url]) == []
