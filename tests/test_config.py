"""irkit.toml: what it may say, that every mistake is reported at once, and that writing to it damages nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import connectors
from irkit.action import Basic, ClientCredentials, Connector, Setting, Token
from irkit.config import Config, Connection, Person, choose, evidence_root, find, is_loopback, load, write_connection, write_key
from irkit.config.model import address_problem, authority_problem, key_problem
from irkit.config.places import user_path
from irkit.errors import CredentialError, IrkitError

SECRET = "canary-4d1f0a77-planted"
DEMO = Connector("demo", title="Demo", base_url="https://{subdomain}.example.com",
                 settings=[Setting("subdomain", "Subdomain", r"[a-z0-9-]+", "the part before .example.com")],
                 sign_in=[ClientCredentials("/oauth/tokens", "read"), Token(),
                          Basic("{email}/token", settings=(Setting("email", "E-mail address"),))])
FULL = """
evidence = "cases"
timezone = "Europe/Paris"

[connections.acme]
connector = "demo"
settings = { subdomain = "acme", client_id = "irkit" }
credential = "command:op read op://IR/acme"

[connections.demo]
sign_in = "token"
credential = "env:DEMO_TOKEN"
base_url = "http://127.0.0.1:8080/"

[people.maria]
name = "Maria Lind"
title = "Incident lead"
phone = "+46 70 000 00 00"
roles = ["lead", "legal"]
key = "SHA256:abc"

[people.sam]

[key]
use = "keys/id_ed25519"

[timestamps]
authorities = ["http://tsa.example.com/tsr", "https://tsa.example.org:8443"]
ca = "authorities.pem"
"""
AGENT = "agent:SHA256:RjCEhjoMx46W/Khs023MsT/qeLhQR30BOt2ShvY+0UM"


@pytest.fixture(autouse=True)
def _demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connector of our own, so that these tests do not depend on the shipped ones."""
    monkeypatch.setattr(connectors, "names", lambda allowed=(): sorted({"demo", "zendesk", *allowed}))
    monkeypatch.setattr(connectors, "find", lambda name, allowed=(): DEMO)


def written(folder: Path, text: str) -> Path:
    path = folder / "irkit.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    """The lines of the error, without its heading; no value of the file is among them."""
    path = written(folder, text)
    with pytest.raises(IrkitError) as caught:
        load(path)
    assert caught.value.exit_code == 1
    assert SECRET not in str(caught.value.diagnostics())
    heading, *lines = caught.value.what.split("\n")
    assert str(path) in heading
    return [line.strip() for line in lines]


# -- reading -----------------------------------------------------------------------------------------------------

def test_a_whole_file(tmp_path: Path) -> None:
    """Defaults are filled in: the connector from the name, the first sign-in, the address from the settings."""
    config = load(written(tmp_path, FULL))
    assert config.connections["acme"] == Connection(
        "acme", "demo", {"subdomain": "acme", "client_id": "irkit"}, "client_credentials", "command:op read op://IR/acme",
        "https://acme.example.com")
    assert config.connections["demo"] == Connection("demo", "demo", {}, "token", "env:DEMO_TOKEN", "http://127.0.0.1:8080")
    assert [one.loopback for one in config.connections.values()] == [False, True]
    assert config.people == {
        "maria": Person("Maria Lind", "Incident lead", "+46 70 000 00 00", ("lead", "legal"), "SHA256:abc"),
        "sam": Person("sam")}
    assert config.evidence == tmp_path / "cases"
    assert config.timezone is not None
    assert config.timezone.key == "Europe/Paris"
    assert config.connector("demo") is DEMO
    assert config.key == str(tmp_path / "keys" / "id_ed25519")
    assert config.authorities == ("http://tsa.example.com/tsr", "https://tsa.example.org:8443")
    assert config.authorities_ca == tmp_path / "authorities.pem"


def test_no_file_is_an_empty_configuration() -> None:
    """A drill needs none."""
    assert load(None) == Config()


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """With its key and the likely word, and without quoting a value."""
    assert mistakes(tmp_path, f"""
        evidense = "x"
        evidence = 5
        timezone = "Mars/Olympus"
        connectors = ["a", 1]
        connections.bad = 1
        connections."a b" = {{}}
        [connections.demo]
        conector = "demo"
        sign_in = "tokn"
        settings = {{ subdomian = "{SECRET}", subdomain = "a.b/" }}
        credential = "{SECRET}"
        [connections.other]
        connector = "zendsk"
        token = "{SECRET}"
        [connections.acme]
        connector = "demo"
        credential = "env:A"
        base_url = "http://acme.example.com"
        [people.maria]
        role = "lead"
        roles = "lead"
        [key]
        uses = "x"
        use = "{SECRET} AAAA"
        [timestamps]
        authority = "http://tsa.example.com"
        authorities = ["http://tsa.example.com", "ftp://{SECRET}", "http://u:{SECRET}@tsa.example.com", "http://tsa.example.com"]
        ca = 1
    """) == [
        "evidense: unknown key; did you mean evidence?",
        "evidence: must be a text in quotes",
        "timestamps.authority: unknown key; did you mean authorities?",
        "timestamps.ca: must be a text in quotes",
        "connectors: must be a list of texts",
        "connections.bad: must be a table: [connections.NAME]",
        "connections.a b: a name has letters, digits, _ and - only",
        "connections.demo.conector: unknown key; did you mean connector?",
        'connections.demo.credential: must say where it is kept: "env:NAME", "command:…", "keyring:service/user", '
        '"file:/PATH" or "prompt"',
        "connections.demo.sign_in: Demo signs in with client_credentials or token or basic; did you mean token?",
        "connections.demo.settings.subdomian: unknown key; did you mean subdomain?",
        "connections.demo.settings.subdomain: does not look right: the part before .example.com",
        "connections.other.token: unknown key",
        "connections.other.connector: there is no connector 'zendsk'; did you mean zendesk?",
        "connections.other.credential: is missing; it says where the credential is kept, like env:ZENDESK_SECRET",
        "connections.acme.settings.client_id: is missing: Client id (its unique identifier)",
        "connections.acme.base_url: must begin with https://",
        "people.maria.role: unknown key; did you mean roles?",
        "people.maria.roles: must be a list of texts",
        "timezone: unknown; it is like Europe/Paris",
        "key.uses: unknown key; did you mean use?",
        'key.use: must say where the key is kept: "agent:SHA256:…" or the path of a key file',
        "timestamps.authorities: number 2 must be like http://tsa.example.com/tsr, without user name or fragment",
        "timestamps.authorities: number 3 must be like http://tsa.example.com/tsr, without user name or fragment",
        "timestamps.authorities: number 4 stands there twice",
    ]


@pytest.mark.parametrize("text", ["[connections", "a = 1\na = 2", "evidence = \"\x01\""])
def test_what_is_no_toml_says_where(text: str, tmp_path: Path) -> None:
    """The parser's line and column, and the file."""
    with pytest.raises(IrkitError, match=r"irkit\.toml is no TOML: .*(line|end of document)"):
        load(written(tmp_path, text))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder, and bytes that are no text."""
    with pytest.raises(IrkitError, match="could not be read"):
        load(tmp_path)
    (tmp_path / "irkit.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(IrkitError, match="not UTF-8"):
        load(tmp_path / "irkit.toml")


def test_a_command_in_a_file_that_others_may_write_is_refused(tmp_path: Path) -> None:
    """Whoever writes the file would choose what irkit runs."""
    path = written(tmp_path, FULL)
    path.chmod(0o606)
    with pytest.raises(IrkitError, match=r"connections\.acme\.credential: names a command, and others may write this file"):
        load(path)


def test_a_connector_that_fails_to_load_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third party's import error names the connection."""
    def broken(name: str, allowed: tuple[str, ...] = ()) -> Connector:
        raise ImportError("no module named crm")
    monkeypatch.setattr(connectors, "find", broken)
    assert mistakes(tmp_path, "connectors = ['crm']\n[connections.crm]\ncredential = 'prompt'") == [
        "connections.crm.connector: 'crm' cannot be loaded: no module named crm"]


@given(st.binary(max_size=300))
def test_any_bytes_load_or_are_refused(raw: bytes) -> None:
    """With an IrkitError and nothing else."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(raw)
        file.flush()
        with contextlib.suppress(IrkitError):
            assert load(Path(file.name)).path == Path(file.name)


# -- choosing ----------------------------------------------------------------------------------------------------

def test_a_connection_by_name_or_by_connector() -> None:
    """The name wins; the connector's name does where it has one connection only."""
    one, two = Connection("acme", "zendesk"), Connection("beta", "zendesk")
    assert choose({"acme": one}, "acme") is choose({"acme": one}, "zendesk") is one
    with pytest.raises(CredentialError, match="several connections to zendesk: acme, beta"):
        choose({"acme": one, "beta": two}, "zendesk")
    with pytest.raises(CredentialError, match="no connection called slack"):
        Config().connection("slack")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.255.0.9", "::1", "[::1]", "localhost", "LOCALHOST.", "a.localhost",
                                  "0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_loopback(host: str) -> None:
    """This machine, by whatever name."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["acme.example.com", "128.0.0.1", "localhost.example.com", "notlocalhost", "",
                                  "fe80::1", "10.0.0.1"])
def test_not_loopback(host: str) -> None:
    """Another machine."""
    assert not is_loopback(host)


@pytest.mark.parametrize("url", ["https://acme.example.com", "https://acme.example.com:8443/rest/v1", "http://127.0.0.1:80", "http://[::1]:1",
                                 "http://localhost:9", "https://10.0.0.1", "https://xn--bcher-kva.example"])
def test_addresses_that_are_called(url: str) -> None:
    """https, or http to this machine."""
    assert address_problem(url) == ""


@pytest.mark.parametrize("url", ["", "acme.example.com", "http://acme.example.com", "ftp://a.b", "https://u:p@a.b", "https://a.b?x=1",
                                 "https://a.b#x", "https://a b", "https://127.1", "https://0x7f.1", "https://2130706433", "https://[bad",
                                 "https://a.b:99999", "https://a.b\n", "https://é.example"])
def test_addresses_that_are_not(url: str) -> None:
    """With user name or query, in clear, or loopback in disguise."""
    assert address_problem(url)


@pytest.mark.parametrize("url", ["http://tsa.example.com", "https://tsa.example.com:8443/a/b?policy=1", "http://127.0.0.1:9/tsr",
                                 "http://[::1]:1"])
def test_authorities_that_are_asked(url: str) -> None:
    """Plain http too, and this machine itself."""
    assert authority_problem(url) == ""


@pytest.mark.parametrize("url", ["", "tsa.example.com", "ftp://a.b", "http://", "http:///tsr", "http://u@a.b", "http://u:p@a.b",
                                 "http://:p@a.b", "http://@a.b", "http://a.b#x", "http://a b", "http://a.b:x",
                                 "http://a.b:99999", "http://a.b:0", "http://[bad", "http://a.b\n", "http://é.example"])
def test_authorities_that_are_not(url: str) -> None:
    """Without a host, with a user, or no URL."""
    assert authority_problem(url)


@pytest.mark.parametrize("reference", [AGENT, "~/.ssh/id_ed25519", "keys/my key.pub", "/k"])
def test_references_to_a_key(reference: str) -> None:
    """A fingerprint in the agent, or a path."""
    assert key_problem(reference) == ""


@pytest.mark.parametrize("reference", ["", " ", "agent:", "agent:SHA256:abc", AGENT + "=", AGENT.removeprefix("agent:"), "a\nb",
                                       "-----BEGIN OPENSSH PRIVATE KEY-----", "ssh-ed25519 AAAAC3Nza", "sk-x AAAAG"])
def test_what_is_no_reference_to_a_key(reference: str) -> None:
    """The key itself, public or private, or its fingerprint without saying who holds it."""
    assert key_problem(reference)


# -- where things are --------------------------------------------------------------------------------------------

def test_where_the_configuration_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, environment, this folder, then the user's; a named one must exist."""
    monkeypatch.chdir(tmp_path)
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "etc")}
    assert find(None, env) is None
    for path in (user_path(env), Path("irkit.toml"), tmp_path / "env.toml", tmp_path / "flag.toml"):
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    assert user_path(env) == tmp_path / "etc" / "irkit" / "irkit.toml"
    assert find("flag.toml", {"IRKIT_CONFIG": "env.toml"}) == Path("flag.toml")
    assert find(None, {"IRKIT_CONFIG": "env.toml"}) == Path("env.toml")
    assert find(None, env) == Path("irkit.toml")
    Path("irkit.toml").unlink()
    assert find(None, env) == user_path(env)
    with pytest.raises(IrkitError, match=r"no configuration file missing\.toml"):
        find("missing.toml", env)


def test_where_incidents_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, environment, irkit.toml, ./evidence if it exists, else the user's data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    env = {"HOME": "/home/maria"}
    assert evidence_root(None, env, Config()) == Path("/home/maria/.local/share/irkit/evidence")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert evidence_root(None, env, Config()) == Path("/home/maria/Library/Application Support/irkit/evidence")
    assert evidence_root(None, {**env, "XDG_DATA_HOME": "/data"}, Config()) == Path("/data/irkit/evidence")
    Path("evidence").mkdir()
    assert evidence_root(None, env, Config()) == Path("evidence")
    assert evidence_root(None, env, Config(evidence=Path("/cases"))) == Path("/cases")
    assert evidence_root(None, {**env, "IRKIT_EVIDENCE": "/env"}, Config(evidence=Path("/cases"))) == Path("/env")
    assert evidence_root("/flag", {**env, "IRKIT_EVIDENCE": "/env"}, Config()) == Path("/flag")


# -- writing -----------------------------------------------------------------------------------------------------

ACME = Connection("acme", "demo", {"subdomain": "acme", "client_id": 'a"b\\c\x7f'}, "client_credentials", "env:ACME")
TABLE = '''[connections.acme]
connector = "demo"
sign_in = "client_credentials"
settings = { subdomain = "acme", client_id = "a\\"b\\\\c\\u007f" }
credential = "env:ACME"
'''


def test_a_new_file(tmp_path: Path) -> None:
    """Its folder is made; only its owner may read it; what was written is read back."""
    path = tmp_path / "irkit" / "irkit.toml"
    write_connection(path, ACME)
    assert path.read_text() == TABLE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load(path).connections["acme"].settings == ACME.settings


@pytest.mark.parametrize(("before", "after"), [
    ("# mine\nevidence = \"x\"  # here\n", "# mine\nevidence = \"x\"  # here\n\n" + TABLE),
    ("timezone = \"UTC\"", "timezone = \"UTC\"\n\n" + TABLE),
    ("[people.a]\n[connections.acme]\ncredential = 'env:OLD'\n\n# about b\n[people.b]\n",
     "[people.a]\n" + TABLE + "\n# about b\n[people.b]\n"),
    ("[ connections . \"acme\" ]  # old\nx = 1\n[connections.acme.settings]\nsubdomain = 'old'\n[connections.acme2]\ny = 1\n",
     TABLE + "[connections.acme2]\ny = 1\n"),
    ("[connections.acme]\nx = 1\n\n[people.b]\n[connections.acme.settings]\ny = 1\n# end\n",
     TABLE + "\n[people.b]\n# end\n"),
])
def test_the_rest_of_the_file_stays(before: str, after: str, tmp_path: Path) -> None:
    """Comments, order and spacing; the table of that name is replaced where it stands, with its sub-tables."""
    path = written(tmp_path, before)
    write_connection(path, ACME)
    assert path.read_text() == after
    assert os.listdir(tmp_path) == ["irkit.toml"]


@pytest.mark.parametrize("before", [
    "connections.acme.credential = 'env:OLD'\n",
    "connections = { acme = { credential = 'env:OLD' } }\n",
    "[connections]\nacme.credential = 'env:OLD'\n",
    "text = '''\n[connections.acme]\nx = 1\n'''\n",
    "not toml [",
])
def test_a_file_of_another_shape_is_left_alone(before: str, tmp_path: Path) -> None:
    """The lines to put in by hand are printed instead."""
    path = written(tmp_path, before)
    with pytest.raises(IrkitError) as caught:
        write_connection(path, ACME)
    assert TABLE in "\n".join(caught.value.diagnostics())
    assert path.read_text() == before


@pytest.mark.parametrize(("before", "after"), [
    ("", f'[key]\nuse = "{AGENT}"\n'),
    ("# mine\n[people.a]  # here\n", f'# mine\n[people.a]  # here\n\n[key]\nuse = "{AGENT}"\n'),
    ("[key] # mine\n# the old one\n  use='old' # or\n\n# about b\n[people.b]\n",
     f'[key] # mine\n# the old one\nuse = "{AGENT}"\n\n# about b\n[people.b]\n'),
    ("[key]\n# none yet\n[people.b]\n", f'[key]\nuse = "{AGENT}"\n# none yet\n[people.b]\n'),
    ("[key]", f'[key]\nuse = "{AGENT}"\n'),
    ("[key]\nused = 1\n'use' = \"x\"", f'[key]\nused = 1\nuse = "{AGENT}"\n'),
])
def test_the_key_is_written_beside_all_else(before: str, after: str, tmp_path: Path) -> None:
    """One line is put in or replaced; every other one stays."""
    path = tmp_path / "irkit.toml"
    if before:
        path.write_text(before)
    write_key(path, AGENT)
    assert path.read_text() == after
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("before", ["key.use = 'x'\n", "key = { use = 'x' }\n", "key = 'x'\n", "[key]\nuse = '''\nx'''\n",
                                    "not toml ["])
def test_a_key_of_another_shape_is_left_alone(before: str, tmp_path: Path) -> None:
    """The lines to put in by hand are printed instead; what is no reference is refused without quoting it."""
    path = written(tmp_path, before)
    with pytest.raises(IrkitError) as caught:
        write_key(path, AGENT)
    assert f'[key]\nuse = "{AGENT}"' in "\n".join(caught.value.diagnostics())
    with pytest.raises(IrkitError, match="must say where") as caught:
        write_key(path, f"-----BEGIN {SECRET}")
    assert SECRET not in str(caught.value.diagnostics())
    assert path.read_text() == before


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_any_path_of_a_key_comes_back(name: str) -> None:
    """Whatever is in its name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "irkit.toml"
        write_key(path, f"/keys/{name}")
        assert load(path).key == str(Path(f"/keys/{name}"))


def test_a_secret_in_clear_is_not_written(tmp_path: Path) -> None:
    """Nor is an address that would not be called."""
    for wrong in (Connection("acme", "demo", credential=SECRET),
                  Connection("acme", "demo", credential="prompt", base_url="http://acme.example.com")):
        with pytest.raises(IrkitError) as caught:
            write_connection(tmp_path / "irkit.toml", wrong)
        assert SECRET not in str(caught.value.diagnostics())
    assert os.listdir(tmp_path) == []


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The file it leads to is changed."""
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "irkit.toml").symlink_to(tmp_path / "dotfiles" / "irkit.toml")
    write_connection(tmp_path / "irkit.toml", ACME)
    assert (tmp_path / "irkit.toml").is_symlink()
    assert (tmp_path / "dotfiles" / "irkit.toml").read_text() == TABLE


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """Here a file stands where the folder should be."""
    (tmp_path / "irkit").touch()
    with pytest.raises(IrkitError, match="could not be changed"):
        write_connection(tmp_path / "irkit" / "irkit.toml", ACME)


@given(st.dictionaries(st.text("abc-_", min_size=1, max_size=5), st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
                       max_size=3))
def test_any_setting_comes_back(settings: dict[str, str]) -> None:
    """Whatever text a setting holds, the file holds the same."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "irkit.toml"
        write_connection(path, Connection("acme", "demo", settings, credential="prompt"))
        assert tomllib.loads(path.read_text(encoding="utf-8"))["connections"]["acme"].get("settings", {}) == settings


def test_hosts_of_their_own_settings_with_values_and_no_credential(tmp_path: Path) -> None:
    """`credentials` names a reference a host; a default may be left out; a value that is not offered is refused."""
    from irkit.action import Anonymous, Host, Placed
    paging = Connector("paging", title="Paging", base_url="https://{region}", sign_in=[Token(), Anonymous()],
                       settings=[Setting("region", "Region", values={"us": "api.example.com"}, default="us")],
                       hosts={"events": Host("https://events.example.com", Placed(field="key"))})
    assert paging.filled(Token(), {}) == {"region": "api.example.com"}
    assert paging.addresses("", {"region": "api.example.com"}) == {"": "https://api.example.com",
                                                                 "events": "https://events.example.com"}
    assert paging.addresses("http://127.0.0.1:8", {"region": "api.example.com"})["events"] == "http://127.0.0.1:8/@events"
    assert not paging.settings[0].takes("eu")
    path = tmp_path / "irkit.toml"
    write_connection(path, Connection("p", "paging", {"region": "us"}, "token", "env:P", "", {"events": "env:KEY"}))
    assert 'credentials = { events = "env:KEY" }' in path.read_text()
    with pytest.raises(IrkitError, match=r"credentials\.events"):
        write_connection(path, Connection("p", "paging", {}, "token", "env:P", "", {"events": "the key itself"}))
