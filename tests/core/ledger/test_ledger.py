from __future__ import annotations

import dataclasses
import datetime as dt
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.attest import keys
from lockgate.ledger import Ledger, merkle, tables
from lockgate.ledger import leaf as leaves
from lockgate.ledger.errors import (
    EntryMissingError,
    ForeignLedgerError,
    ForkedError,
    LedgerError,
    LedgerUnreachableError,
    TruncatedError,
    UnsignedCheckpointError,
    WrongSignerError,
)


def test_what_was_appended_is_found_by_its_subject_in_the_order_of_logging(ledger, signer, trusted, subject):
    for number in range(9):
        receipt = ledger.append(b"envelope %d" % number, [subject(number % 3)], signer)
        assert receipt.index == number
        assert receipt.checkpoint.size == number + 1
    now = ledger.checkpoint(trusted)
    found = ledger.entries_of(subject(1), now)
    assert [entry.index for entry in found.entries] == [1, 4, 7]
    assert found.envelopes == tuple(leaves.of(b"envelope %d" % n, [subject(1)]).envelope for n in (1, 4, 7))
    for entry in found.entries:
        assert merkle.includes(merkle.leaf_hash(entry.leaf), entry.index, 9, entry.proof, now.root)
    assert ledger.entries_of(subject("never seen"), now).entries == ()
    audit = ledger.verify(trusted)
    assert (audit.entries, audit.subjects, audit.checkpoints) == (9, 3, 9)


def test_the_root_is_the_one_of_the_rfc_over_the_leaves(ledger, signer, trusted, subject):
    ledger.append_many([(b"%d" % n, [subject(n)]) for n in range(7)], signer)
    now = ledger.checkpoint(trusted)
    hashed = [merkle.leaf_hash(leaf) for leaf in ledger.leaves(now)]
    assert merkle.tree(hashed)[0] == now.root


def test_an_entry_is_found_by_every_digest_of_every_subject(ledger, signer, trusted, subject):
    model = {"sha256": "a" * 64, "lockgateTree1": "b" * 64}
    ledger.append(b"both", [model, subject("data")], signer)
    ledger.append(b"one", [{"sha256": "a" * 64}], signer)
    ledger.append(b"tree", [{"lockgateTree1": "b" * 64}], signer)
    now = ledger.checkpoint(trusted)
    indices = lambda digest: [entry.index for entry in ledger.entries_of(digest, now).entries]  # noqa: E731 - a table of cases follows
    assert indices({"sha256": "a" * 64}) == [0, 1]
    assert indices({"lockgateTree1": "b" * 64}) == [0, 2]
    assert indices(model) == [0, 1, 2]
    assert indices(subject("data")) == [0]
    assert indices({"lockgateTree1": "a" * 64}) == []


def test_the_same_attestation_is_logged_once(ledger, signer, trusted, subject):
    first = ledger.append(b"envelope", [subject("model")], signer)
    ledger.append(b"another", [subject("model")], signer)
    again = ledger.append(b"envelope", [subject("model")], signer)
    assert again.index == first.index
    assert ledger.checkpoint(trusted).size == 2
    assert [r.index for r in ledger.append_many([(b"x", [subject("y")])] * 3, signer)] == [2, 2, 2]


def test_an_attestation_hidden_behind_other_subjects_is_logged_again(ledger, signer, trusted, subject):
    ledger.append(b"envelope", [subject("other")], signer)
    assert ledger.append(b"envelope", [subject("model")], signer).index == 1
    assert len(ledger.entries_of(subject("model"), ledger.checkpoint(trusted)).entries) == 1


def test_many_are_appended_under_one_signature_as_one_by_one(url, signer, trusted, subject, tmp_path):
    many, single = Ledger(url, "example.org/a"), Ledger(tmp_path / "single.db", "example.org/a")
    batch = [(b"%d" % n, [subject(n % 5), subject("all")]) for n in range(40)]
    receipts = many.append_many(batch, signer)
    assert [receipt.index for receipt in receipts] == list(range(40))
    for envelope, subjects in batch:
        single.append(envelope, subjects, signer)
    one, other = many.checkpoint(trusted), single.checkpoint(trusted)
    assert many.verify(trusted).checkpoints == 1
    assert (one.size, other.size) == (40, 40)
    for digest in (subject(3), subject("all")):
        assert many.entries_of(digest, one).envelopes == single.entries_of(digest, other).envelopes


def test_an_earlier_checkpoint_still_answers_for_its_own_time(ledger, signer, trusted, subject):
    ledger.append(b"pass", [subject("model")], signer)
    before = ledger.checkpoint(trusted)
    ledger.append(b"fail", [subject("model")], signer)
    now = ledger.checkpoint(trusted)
    assert len(ledger.entries_of(subject("model"), before).entries) == 1
    assert len(ledger.entries_of(subject("model"), now).entries) == 2
    ledger.consistent(before, now)
    ledger.consistent(now, now)


def test_a_ledger_that_went_back_is_truncated(ledger, signer, trusted, subject):
    ledger.append(b"1", [subject(1)], signer)
    before = ledger.checkpoint(trusted)
    ledger.append(b"2", [subject(2)], signer)
    with pytest.raises(TruncatedError, match="has 1 entries, and had 2"):
        ledger.consistent(ledger.checkpoint(trusted), before)


def test_a_ledger_rewritten_under_its_own_key_is_forked(url, tmp_path, signer, trusted, subject):
    honest, forked = Ledger(tmp_path / "honest.db", "example.org/a"), Ledger(url, "example.org/a")
    for name, ledger in (("fail", honest), ("pass", forked)):
        ledger.append(name.encode(), [subject("model")], signer)
    seen, same_size = honest.checkpoint(trusted), forked.checkpoint(trusted)
    with pytest.raises(ForkedError):
        forked.consistent(seen, same_size)
    forked.append(b"more", [subject("model")], signer)
    with pytest.raises(ForkedError):
        forked.consistent(seen, forked.checkpoint(trusted))
    with pytest.raises(ForkedError):
        forked.append(b"yet more", [subject("model")], signer, seen=seen)
    assert forked.append(b"yet more", [subject("model")], signer, seen=same_size).index == 2


def test_two_indexes_signed_over_one_tree_are_a_fork(ledger, signer, trusted, subject):
    ledger.append(b"1", [subject(1)], signer)
    now = ledger.checkpoint(trusted)
    ledger.consistent(now, now)  # the control
    with pytest.raises(ForkedError, match="first 1 entries"):
        ledger.consistent(now, dataclasses.replace(now, subjects=b"s" * 32))


def test_a_writer_that_remembers_does_not_continue_an_earlier_copy(tmp_path, signer, trusted, subject):
    path = tmp_path / "ledger.db"
    ledger = Ledger(path)
    ledger.append(b"1", [subject(1)], signer)
    copy = path.read_bytes()
    ledger.append(b"2", [subject(2)], signer)
    seen = ledger.checkpoint(trusted)
    assert not path.with_name("ledger.db-wal").exists()
    path.write_bytes(copy)
    with pytest.raises(TruncatedError):
        ledger.append(b"3", [subject(3)], signer, seen=seen)
    assert ledger.checkpoint(trusted).size == 1


def test_checkpoints_of_a_stranger_are_not_read_and_not_continued(
    ledger, signer, stranger, trusted, other, subject
):
    ledger.append(b"1", [subject(1)], stranger)
    with pytest.raises(WrongSignerError):
        ledger.checkpoint(trusted)
    with pytest.raises(WrongSignerError):
        ledger.append(b"2", [subject(2)], signer)
    theirs = keys.load_public(other.public)
    assert ledger.append(b"2", [subject(2)], signer, trusted=[theirs]).index == 1
    assert ledger.verify([*trusted, theirs]).checkpoints == 2
    with pytest.raises(WrongSignerError):
        ledger.verify(trusted)


def test_another_ledger_than_the_one_meant_is_refused(url, signer, trusted, subject):
    Ledger(url, "example.org/a").append(b"1", [subject(1)], signer)
    with pytest.raises(ForeignLedgerError, match=r"example\.org/a, not example\.org/b"):
        Ledger(url, "example.org/b").checkpoint(trusted)
    with pytest.raises(ForeignLedgerError):
        Ledger(url, "example.org/b").append(b"2", [subject(2)], signer)
    with pytest.raises(ForeignLedgerError):
        Ledger(url, "example.org/b").cover(signer)
    assert Ledger(url).append(b"2", [subject(2)], signer).checkpoint.origin == "example.org/a"


def test_checkpoints_of_two_ledgers_say_nothing_of_each_other(tmp_path, signer, trusted, subject):
    ledgers = [Ledger(tmp_path / name, f"example.org/{name}") for name in ("a", "b")]
    for ledger in ledgers:
        ledger.append(b"1", [subject(1)], signer)
    one, other = (ledger.checkpoint(trusted) for ledger in ledgers)
    with pytest.raises(ForeignLedgerError, match=r"example\.org/a and example\.org/b"):
        ledgers[0].consistent(one, other)


def test_entries_without_a_checkpoint_can_be_signed_after_a_look(ledger, signer, trusted, subject):
    """What an older design, or another program, leaves when it crashes between entry and checkpoint."""
    ledger.append(b"1", [subject(1)], signer)
    before = ledger.checkpoint(trusted)
    ledger.append_many([(b"%d" % n, [subject(n), subject(1)]) for n in (2, 3)], signer)
    with ledger._database.writing() as connection:
        connection.execute(tables.CHECKPOINTS.delete().where(tables.CHECKPOINTS.c.size == 3))
        connection.execute(tables.ENTRIES.delete().where(tables.ENTRIES.c.position == 2))
        connection.execute(tables.NODES.delete().where(tables.NODES.c.place == tables.place((1, 0))))
    for ask in (ledger.checkpoint, ledger.verify, lambda _: ledger.append(b"4", [subject(4)], signer)):
        with pytest.raises(UnsignedCheckpointError, match=r"3 entries.*covers 1.*lockgate ledger checkpoint"):
            ask(trusted)
    now = ledger.cover(signer)
    assert now.size == 3
    assert ledger.cover(signer).note == now.note
    ledger.verify(trusted)
    ledger.consistent(before, now)
    assert [e.index for e in ledger.entries_of(subject(1), now).entries] == [0, 1, 2]


def test_a_ledger_that_lost_every_checkpoint_says_so_and_can_be_signed_anew(ledger, signer, trusted, subject):
    ledger.append_many([(b"%d" % n, [subject(n)]) for n in range(5)], signer)
    with ledger._database.writing() as connection:
        connection.execute(tables.CHECKPOINTS.delete())
    with pytest.raises(UnsignedCheckpointError, match="5 entries and no signed checkpoint"):
        ledger.checkpoint(trusted)
    assert ledger.cover(signer).size == 5
    assert ledger.verify(trusted).entries == 5


def test_an_empty_ledger_has_no_checkpoint(ledger, signer, trusted):
    with pytest.raises(LedgerUnreachableError):
        ledger.checkpoint(trusted)
    with ledger._database.writing():
        pass
    assert ledger.checkpoint(trusted) is None
    assert ledger.cover(signer) is None
    assert ledger.verify(trusted).entries == 0
    assert ledger.append_many([], signer) == []


@pytest.mark.parametrize(
    "subjects",
    [
        [],
        [{}],
        [{"sha256": "A" * 64}],
        [{"sha256": "xyz"}],
        [{"": "a" * 64}],
        ["a" * 64],
        [{"sha256": 5}],
        [{5: "a" * 64}],
    ],
)
def test_an_attestation_about_nothing_is_not_logged(tmp_path, signer, subjects):
    ledger = Ledger(tmp_path / "ledger.db")
    with pytest.raises(LedgerError, match="digest"):
        ledger.append(b"x", subjects, signer)


def test_nothing_is_proved_of_a_subject_without_a_digest(ledger, signer, trusted, subject):
    ledger.append(b"1", [subject(1)], signer)
    now = ledger.checkpoint(trusted)
    assert ledger.entries_of(subject(2), now).entries == ()  # the control
    with pytest.raises(LedgerError, match="no digest"):
        ledger.entries_of({}, now)


def test_an_entry_has_as_many_digests_as_are_read_and_the_time_that_it_is_given():
    when = dt.datetime(2026, 1, 1, 3, tzinfo=dt.timezone(dt.timedelta(hours=3)))
    many = [{f"x{number}": "a" * 64} for number in range(1001)]
    leaf = leaves.of(b"x", many[:1000], when)
    assert leaf.logged == when
    assert leaves.parse(leaf.payload()) == leaf
    with pytest.raises(LedgerError, match="give it 1 to 1000"):
        leaves.of(b"x", many, when)


def test_the_entry_of_an_attestation_is_found_with_its_proof(ledger, signer, trusted, subject):
    ledger.append_many([(b"%d" % n, [subject(n)]) for n in range(6)], signer)
    now = ledger.checkpoint(trusted)
    assert ledger.entry_of(b"4", now).index == 4
    with pytest.raises(EntryMissingError, match="not in the ledger"):
        ledger.entry_of(b"never", now)


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_entry_are_none(raw):
    assert leaves.parse(raw) is None


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": []},
        {"subjects": [{"sha256": "xyz"}]},
        {"subjects": [{"": "a" * 64}]},
        {"subjects": [{"sha256": "A" * 64}]},
        {"subjects": [{f"x{number}": "a" * 64} for number in range(1001)]},
        {"logged": "2026-01-01T00:00:00.000+05:00"},
        {"logged": "2026-01-01T00:00:00.000"},
        {"envelope": {"sha256": "A" * 64}},
        {"envelope": {"sha256": 5}},
    ],
    ids=lambda change: str(change)[:40],
)
def test_even_in_its_one_spelling_an_entry_of_another_form_is_none(change):
    import rfc8785

    good = {
        "envelope": {"sha256": "e" * 64},
        "logged": "2026-01-01T00:00:00.000Z",
        "subjects": sorted(({f"x{number}": "a" * 64} for number in range(1000)), key=str),
    }
    assert leaves.parse(rfc8785.dumps(good)) is not None  # the control
    assert leaves.parse(rfc8785.dumps(good | change)) is None


def test_only_the_one_spelling_of_an_entry_is_read(subject):
    payload = leaves.of(b"x", [subject(1), subject(2)]).payload()
    assert leaves.parse(payload) == leaves.parse(payload)
    assert leaves.parse(payload).payload() == payload
    for other in (payload + b" ", payload.replace(b":", b": ", 1), payload.replace(b"Z", b"+00:00")):
        assert leaves.parse(other) is None


def _reads(ledger, ask):
    """How many rows the database answers with, over all statements."""
    seen = []

    def count(connection, cursor, statement, *_):
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append(statement)

    engine = ledger._database._engines.get(False) or next(iter(ledger._database._engines.values()))
    sa.event.listen(engine, "after_cursor_execute", count)
    ask()
    sa.event.remove(engine, "after_cursor_execute", count)
    return len(seen)


def test_what_a_look_up_reads_grows_as_a_logarithm(tmp_path, signer, trusted, subject):
    ledger = Ledger(tmp_path / "ledger.db")
    counts = []
    for size in (100, 1_000):
        ledger.append_many([(b"%d-%d" % (size, n), [subject((size, n))]) for n in range(size)], signer)
        now = ledger.checkpoint(trusted)
        asked = [partial(ledger.entries_of, subject((100, n)), now) for n in range(20)]
        counts.append(max(_reads(ledger, ask) for ask in asked))
    assert counts[1] <= counts[0] + 10
    assert counts[1] < 30
