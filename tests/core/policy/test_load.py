from __future__ import annotations

import datetime as dt
import json

import jsonschema
import pytest
import yaml
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate import policy
from lockgate.errors import PolicyError

pytestmark = pytest.mark.usefixtures("with_training")
DAY = dt.timedelta(days=1)


def _text(said):
    return json.dumps(said, indent=1).encode()


def _refused(said):
    with pytest.raises(PolicyError) as caught:
        policy.parse(said if isinstance(said, bytes) else _text(said))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("lockgate.yaml")
    return str(caught.value)


# --- What is read -----------------------------------------------------------------------------------


def test_a_whole_policy_is_read(written, pairs):
    read = policy.parse(_text(written))
    assert (read.name, read.revision) == ("employment", 3)
    assert read.expires == dt.datetime(2027, 3, 31, tzinfo=dt.timezone.utc)
    assert read.thresholds("detect-poisoning") == {"alpha": 0.001}
    first, second = read.identities["pipeline"].keys
    assert (first.keyid, second.keyid) == (pairs["pipeline"].keyid, pairs["pipeline2"].keyid)
    assert first.valid_until == dt.datetime(2026, 12, 31, 23, tzinfo=dt.timezone.utc)
    assert second.revoked.reason == "rotated"
    assert read.roles["validator"] == ("pipeline", "bo")
    production = read.environment("production")
    assert [requirement.id for requirement in production.require] == ["trained", "robust", "detect-poisoning"]
    assert production.provenance == "trained"
    assert production.separate == (("trained", "robust"),)
    assert (production.waivers.roles, production.waivers.longest) == (("security",), 30 * DAY)
    assert (read.ledger.origin, read.ledger.required) == ("example.org/employment", True)
    assert read.approval is None


def test_a_requirement_has_defaults(written):
    production = policy.parse(_text(written)).environment("production")
    trained, robust, poison = production.require
    assert poison.id == "detect-poisoning"
    assert (poison.input, poison.identities, poison.max_age, poison.min_version) == ("train", 1, None, None)
    assert (robust.about, poison.about) == ("subject", "training-data")
    assert trained.input is None  # what the training wrote, whatever it is called
    assert (robust.identities, robust.max_age, robust.min_version) == (2, 7 * DAY, "0.1.0")


def test_what_is_left_out_is_closed(written):
    del written["release"]["production"]["waivers"]
    del written["ledger"]["required"]
    read = policy.parse(_text(written))
    assert read.environment("production").waivers is None
    assert read.ledger.required is True


def test_a_policy_of_thresholds_alone_is_read():
    read = policy.parse(b"version: 1\nstages: {detect-poisoning: {alpha: 0.01}}")
    assert (read.name, read.revision, read.expires, dict(read.release), read.ledger) == (
        None,
        None,
        None,
        {},
        None,
    )


def test_an_environment_that_the_policy_does_not_have_is_named_with_the_closest(written):
    with pytest.raises(PolicyError, match=r"'prodction'.*did you mean 'production'"):
        policy.parse(_text(written)).environment("prodction")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30d", 30 * DAY),
        ("12h", DAY / 2),
        ("90m", dt.timedelta(minutes=90)),
        ("2w", 14 * DAY),
        ("P30D", 30 * DAY),
        ("PT12H", DAY / 2),
        ("P1DT12H30M", dt.timedelta(days=1, hours=12, minutes=30)),
        ("P4W", 28 * DAY),
        ("3650d", 3650 * DAY),
    ],
)
def test_durations_are_short_or_iso_8601(written, text, length):
    written["release"]["production"]["require"][1]["max_age"] = text
    assert policy.parse(_text(written)).environment("production").by_id["robust"].max_age == length


def test_a_policy_is_read_from_a_url_as_from_a_path(written, tmp_path):
    import fsspec

    (tmp_path / "lockgate.yaml").write_bytes(_text(written))
    fsspec.filesystem("memory").pipe_file("/policies/lockgate.yaml", _text(written))
    by_path = policy.load(tmp_path / "lockgate.yaml")
    by_url = policy.load("memory://policies/lockgate.yaml")
    assert by_path.digest == by_url.digest
    assert by_url.path == "memory://policies/lockgate.yaml"
    assert policy.load(f"file://{tmp_path}/lockgate.yaml").digest == by_path.digest


def test_a_url_with_nothing_there_too_much_there_or_of_an_unknown_kind_is_refused():
    import fsspec

    fsspec.filesystem("memory").pipe_file("/policies/large.yaml", b"#" * 1_000_001)
    for url, part in (
        ("memory://policies/none.yaml", "there is no file"),
        ("memory://policies/large.yaml", "is larger than"),
        ("ftp://user:geheim@host/lockgate.yaml", "is of a kind that is not read"),
        ("simplecache::memory://policies/large.yaml", "policies"),
    ):
        with pytest.raises(PolicyError, match=part) as caught:
            policy.load(url)
        assert "geheim" not in str(caught.value)


# --- What is refused --------------------------------------------------------------------------------


def _robust(said):
    return said["release"]["production"]["require"][1]


def _key(said):
    return said["identities"]["pipeline"]["keys"][0]


BAD = {
    "an unknown key at the top": (
        lambda s: s.update(relase={}),
        "'relase' is not known; did you mean 'release'",
    ),
    "an unknown key of a requirement": (lambda s: _robust(s).update(role=[]), "did you mean 'roles'"),
    "an unknown key of a key": (lambda s: _key(s).update(valid_til="x"), "did you mean 'valid_until'"),
    "no version": (lambda s: s.pop("version"), "lacks the key 'version'; write `version: 1`"),
    "another version": (lambda s: s.update(version=2), "'version' must be 1"),
    "a version that is true": (lambda s: s.update(version=True), "'version' must be 1"),
    "a release without a name": (
        lambda s: s.pop("name"),
        "needs the key 'name' beside it; write `name: employ",
    ),
    "a release without a revision": (lambda s: s.pop("revision"), "write `revision: 1`"),
    "a release without an expiry": (lambda s: s.pop("expires"), "write `expires: 2027-03-31T00:00:00Z`"),
    "a release without identities": (lambda s: s.pop("identities"), "needs the key 'identities'"),
    "a release without roles": (lambda s: s.pop("roles"), "needs the key 'roles'"),
    "a name of another alphabet": (
        lambda s: s.update(name="empl\u043eyment"),
        "must be a name",
    ),
    "a name that is a number": (lambda s: s.update(name=7), "put it in quotes"),
    "a revision of zero": (lambda s: s.update(revision=0), "must be a whole number from 1"),
    "a negative revision": (lambda s: s.update(revision=-1), "must be a whole number from 1"),
    "a revision that is true": (lambda s: s.update(revision=True), "must be a whole number from 1"),
    "a revision that is text": (lambda s: s.update(revision="3"), "must be a whole number from 1"),
    "a revision with a point": (lambda s: s.update(revision=3.0), "must be a whole number from 1"),
    "an expiry without zone": (
        lambda s: s.update(expires="2027-03-31T00:00:00"),
        "a time with a zone, such as 2",
    ),
    "an expiry that is a date": (lambda s: s.update(expires="2027-03-31"), "must be a time with a zone"),
    "an expiry that no calendar has": (
        lambda s: s.update(expires="2027-02-30T00:00:00Z"),
        "a time with a zone",
    ),
    "an expiry outside of the calendar": (
        lambda s: s.update(expires="0001-01-01T00:00:00+14:00"),
        "a time with a zone",
    ),
    "an expiry in other digits": (lambda s: s.update(expires="2027-03-31T00:00:0٣Z"), "a time with a zone"),
    "an expiry that is a number": (lambda s: s.update(expires=20270331), "must be a time with a zone"),
    "nothing as expiry": (lambda s: s.update(expires=None), "must be a time with a zone"),
    "an identity without keys": (
        lambda s: s["identities"]["bo"].update(keys=[]),
        "must be a list of 1 to 100",
    ),
    "an identity that is nothing": (
        lambda s: s["identities"].update(eve=None),
        "'identities.eve' must be a map",
    ),
    "an identity with a space": (
        lambda s: s["identities"].update({"a b": s["identities"]["bo"]}),
        "is no name",
    ),
    "two identities that differ in case": (
        lambda s: s["identities"].update(Bo=s["identities"]["bo"]),
        "differs from 'bo' in case alone",
    ),
    "a key without material": (lambda s: _key(s).pop("public"), "lacks the key 'public'"),
    "a key that is a file name": (
        lambda s: _key(s).update(public="ana.pub.pem"),
        "one public key in PEM form",
    ),
    "a key with text after it": (
        lambda s: _key(s).update(public=_key(s)["public"] + "x"),
        "one public key in PEM",
    ),
    "two keys in one": (
        lambda s: _key(s).update(public=_key(s)["public"] + s["identities"]["bo"]["keys"][0]["public"]),
        "one public key in PEM",
    ),
    "a key with broken material": (
        lambda s: _key(s).update(public=_key(s)["public"].replace("MFkw", "MFkx")),
        "is no public PEM key",
    ),
    "a key twice in an identity": (
        lambda s: s["identities"]["pipeline"]["keys"].append({"public": _key(s)["public"]}),
        "is a key that this identity has already",
    ),
    "one key under two identities": (
        lambda s: s["identities"].update(eve={"keys": [{"public": _key(s)["public"]}]}),
        "is a key that 'pipeline' has already",
    ),
    "a key that ends before it begins": (
        lambda s: _key(s).update(valid_until="2025-01-01T00:00:00Z"),
        "must be later than valid_from",
    ),
    "a key that ends when it begins": (
        lambda s: _key(s).update(valid_until="2026-01-01T01:00:00+01:00"),
        "must be later than valid_from",
    ),
    "a revocation without time": (
        lambda s: _key(s).update(revoked={"reason": "rotated"}),
        "lacks the key 'at'",
    ),
    "a revocation without reason": (
        lambda s: _key(s).update(revoked={"at": "2026-01-01T00:00:00Z"}),
        "lacks the key 'reason'",
    ),
    "a revocation for another reason": (
        lambda s: _key(s).update(revoked={"at": "2026-01-01T00:00:00Z", "reason": "lost"}),
        "must be compromised or rotated",
    ),
    "a revocation that is true": (lambda s: _key(s).update(revoked=True), "must be a mapping"),
    "a role of somebody unknown": (
        lambda s: s["roles"].update(validator=["pipelin"]),
        "names no identity of this policy ('pipelin'); did you mean 'pipeline'",
    ),
    "a role of nobody": (lambda s: s["roles"].update(validator=[]), "must be a list of 1 to"),
    "a role with somebody twice": (
        lambda s: s["roles"].update(validator=["bo", "bo"]),
        "is there twice ('bo')",
    ),
    "a role that is a name": (lambda s: s["roles"].update(validator="bo"), "must be a list"),
    "a requirement of an unknown role": (lambda s: _robust(s).update(roles=["validatr"]), "names no role"),
    "a requirement of no role": (lambda s: _robust(s).pop("roles"), "lacks the key 'roles'"),
    "a requirement without a stage": (lambda s: _robust(s).pop("stage"), "lacks the key 'stage'"),
    "a requirement of an unknown stage": (
        lambda s: _robust(s).update(stage="test-robustnes"),
        "is no stage; did you mean 'test-robustness'",
    ),
    "a stage by its module": (lambda s: _robust(s).update(stage="os:system"), "is no stage"),
    "a stage that is a list": (lambda s: _robust(s).update(stage=[]), "must be the name of a stage"),
    "an unknown input": (
        lambda s: _robust(s).update(input="modl"),
        "is no input of test-robustness; did you mean",
    ),
    "an output as input": (
        lambda s: s["release"]["production"]["require"][2].update(input="suspects"),
        "is no input of detect-poisoning",
    ),
    "evidence as input": (
        lambda s: s["release"]["staging"]["require"][0].update(stage="verify-artifact", input="attestation"),
        "is no input of verify-artifact",
    ),
    "an input of the training": (
        lambda s: s["release"]["production"]["require"][0].update(input="data"),
        "has no meaning for train-model",
    ),
    "about something else": (lambda s: _robust(s).update(about="model"), "must be subject or training-data"),
    "training data without provenance": (
        lambda s: s["release"]["production"].pop("provenance"),
        "needs `provenance: ID`",
    ),
    "provenance of an unknown requirement": (
        lambda s: s["release"]["production"].update(provenance="traind"),
        "names no requirement of this environment ('traind'); did you mean 'trained'",
    ),
    "provenance of a check": (
        lambda s: s["release"]["production"].update(provenance="robust"),
        "test-robustness attests no provenance",
    ),
    "provenance about the training data": (
        lambda s: s["release"]["production"]["require"][0].update(about="training-data"),
        "must be about the subject itself",
    ),
    "a stage without inputs": (
        lambda s: s["release"]["staging"]["require"][0].update(stage="read-nothing"),
        "reads nothing that it could be about",
    ),
    "more identities than there are": (lambda s: _robust(s).update(identities=3), "but 2 have these roles"),
    "no identity": (lambda s: _robust(s).update(identities=0), "must be a whole number from 1"),
    "two requirements of one id": (
        lambda s: s["release"]["production"]["require"].append(dict(_robust(s))),
        "is one of 2 requirements called 'robust'",
    ),
    "separation of something unknown": (
        lambda s: s["release"]["production"].update(separate=[["trained", "robst"]]),
        "names no requirement of this policy ('robst'); did you mean 'robust'",
    ),
    "separation from itself": (
        lambda s: s["release"]["production"].update(separate=[["trained", "trained"]]),
        "is there twice",
    ),
    "separation of one": (
        lambda s: s["release"]["production"].update(separate=[["trained"]]),
        "must be a list of 2 to",
    ),
    "waivers by an unknown role": (
        lambda s: s["release"]["production"]["waivers"].update(roles=["secrity"]),
        "names no role of this policy ('secrity'); did you mean 'security'",
    ),
    "waivers by everybody": (
        lambda s: s["release"]["production"].update(waivers={}),
        "lacks the key 'roles'",
    ),
    "no requirement at all": (lambda s: s["release"]["staging"].update(require=[]), "must be a list of 1 to"),
    "a ledger of an unknown role": (lambda s: s["ledger"].update(roles=["nobody"]), "names no role"),
    "a ledger with a space in its name": (lambda s: s["ledger"].update(origin="a b"), "the name of a ledger"),
    "a ledger that is perhaps required": (
        lambda s: s["ledger"].update(required="yes"),
        "must be true or false",
    ),
    "a version that is a number": (lambda s: _robust(s).update(min_version=0.1), "put it in quotes"),
    "a version of a letter": (lambda s: _robust(s).update(min_version="0.1.x"), "a version of Lockgate"),
    "an empty age": (lambda s: _robust(s).update(max_age=None), "must be a duration"),
    "an age of nothing": (lambda s: _robust(s).update(max_age="0d"), "must be a duration"),
    "an ISO age of nothing": (lambda s: _robust(s).update(max_age="P0D"), "must be a duration"),
    "an age of years": (lambda s: _robust(s).update(max_age="P1Y"), "must be a duration"),
    "an age without unit": (lambda s: _robust(s).update(max_age=7), "must be a duration"),
    "an age of seconds": (lambda s: _robust(s).update(max_age="30s"), "must be a duration"),
    "an age with an end missing": (lambda s: _robust(s).update(max_age="P1DT"), "must be a duration"),
    "an age of a million days": (lambda s: _robust(s).update(max_age="999999d"), "must be at most 3650d"),
    "an age with a line after it": (lambda s: _robust(s).update(max_age="7d\n"), "must be a duration"),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_a_policy_that_cannot_be_meant_is_refused_with_what_to_write(written, case):
    change, part = BAD[case]
    policy.parse(_text(written))  # the control: without the change it is good
    change(written)
    assert part in _refused(written)


def test_the_sentence_names_the_line():
    text = b"version: 1\nname: x\nrevision: 1\nexpires: 2027-01-01\n"
    assert "line 4, key 'expires' must be a time with a zone" in _refused(text)


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        (b"\xef\xbb\xbfversion: 1", "byte-order mark"),
        (b"version: 1\nname: &a x", "anchor"),
        (b"version: 1\nname: *a", "anchor or alias"),
        (b"version: 1\nname: !!python/object:os.system x", "tag"),
        (b"version: 1\nversion: 1", "twice"),
        (b"version: 1\nroles: {\xc3\xa9: [a], e\xcc\x81: [b]}", "twice"),
        (b"version: 1\n---\nversion: 1", "second document"),
        (b"version: 1\nrevision: .nan", "not a finite number"),
        (b"version: 1\nrevision: 1e999", "too large"),
        (b"[" * 100, "nested"),
        (b"version: 1\n<<: {name: x}", "merge key"),
        (b"version: \xff", "UTF-8"),
        (b"#" * 1_000_001, "larger than"),
    ],
)
def test_yaml_that_other_readers_would_let_through_is_refused(raw, part):
    assert part in _refused(raw)


def test_a_private_key_that_was_pasted_in_is_refused_and_not_shown(written, pairs):
    secret = pairs["bo"].private.read_text()
    for pasted in (secret, written["identities"]["bo"]["keys"][0]["public"] + secret):
        written["identities"]["bo"]["keys"][0]["public"] = pasted
        said = _refused(written)
        assert "is a private key" in said
        assert secret.splitlines()[1] not in said


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
)
def test_a_key_of_another_kind_is_refused(written, key):
    shown = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    written["identities"]["bo"]["keys"][0]["public"] = shown.decode()
    assert "is a key of the wrong kind" in _refused(written)


def test_one_key_in_two_spellings_is_one_key(written, pairs):
    key = pem.load_pem_public_key(pairs["bo"].pem.encode())
    point = key.public_bytes(pem.Encoding.X962, pem.PublicFormat.CompressedPoint)
    # SubjectPublicKeyInfo (RFC 5480) of P-256 with a compressed point: other bytes, the same key.
    der = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    import base64

    spelled = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"
    written["identities"]["eve"] = {"keys": [{"public": spelled}]}
    assert "is a key that 'bo' has already" in _refused(written)


# --- The schema for editors -------------------------------------------------------------------------


@pytest.fixture
def check():
    made = jsonschema.Draft202012Validator(policy.schema())
    made.check_schema(policy.schema())
    return made


def test_the_schema_accepts_the_good_policies(check, written):
    for good in (written, {"version": 1}, {"version": 1, "stages": {"detect-poisoning": {"alpha": 0.01}}}):
        assert list(check.iter_errors(good)) == []
        policy.parse(_text(good))


# What needs more than the shape of the file: the reader alone knows it.
_READER_ALONE = (
    "calendar", "differ in case", "with text after it", "two keys in one", "broken material", "key twice",
    "under two identities", "ends", "somebody unknown", "unknown role", "unknown input", "as input",
    "an input of the training", "training data without", "about the training data",
    "without inputs", "provenance of", "more identities", "of one id",
    "something unknown", "million days", "line after", "revision with a point", "outside of the calendar",
)  # fmt: skip


@pytest.mark.parametrize("case", [c for c in BAD if not any(word in c for word in _READER_ALONE)], ids=str)
def test_the_schema_refuses_what_can_be_seen_in_the_shape(check, written, case):
    BAD[case][0](written)
    assert not check.is_valid(written)


_PATHS = st.lists(st.integers(0, 12), min_size=1, max_size=6)
_OTHER = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["", "x", "7d", "P1D", "2027-01-01T00:00:00Z", "rotated", "robust", "validator", "0.1.0"]
    )
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["roles", "id"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=_PATHS, value=_OTHER, drop=st.booleans())
def test_the_reader_refuses_whatever_the_schema_refuses(written, check, path, value, drop):
    said = json.loads(json.dumps(written))
    here = said
    for step in path[:-1]:  # walk to some place in the policy, and put something else there
        items = list(here.values()) if isinstance(here, dict) else here
        inner = items[step % len(items)] if items else None
        if not isinstance(inner, (dict, list)) or not inner:
            break
        here = inner
    place = list(here)[path[-1] % len(here)] if isinstance(here, dict) else path[-1] % len(here)
    if drop:
        del here[place]
    else:
        here[place] = value
    try:
        policy.parse(_text(said))
    except PolicyError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert list(check.iter_errors(said)) == []


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60) | _OTHER.map(lambda v: yaml.safe_dump({"version": 1, "release": v}).encode()))
def test_any_bytes_are_a_policy_or_a_policy_error(raw):
    try:
        read = policy.parse(raw)
    except PolicyError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert isinstance(read, policy.Policy)
