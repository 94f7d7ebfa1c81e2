"""The database belongs to the attacker: each change of it is noticed, by its own kind of error."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from lockgate.ledger import Ledger, tables, trie
from lockgate.ledger import checkpoint as notes
from lockgate.ledger import leaf as leaves
from lockgate.ledger.errors import (
    CheckpointFormError,
    EntryAlteredError,
    EntryMissingError,
    ForeignLedgerError,
    ForkedError,
    IndexAlteredError,
    LedgerError,
    TreeAlteredError,
    TruncatedError,
    UnsignedCheckpointError,
    WrongSignerError,
)
from lockgate.ledger.writing import Draft

ORIGIN = "example.org/employment"

L, N, E, S, C = tables.LEAVES, tables.NODES, tables.ENTRIES, tables.SUBJECTS, tables.CHECKPOINTS


@pytest.fixture
def filled(ledger, signer, subject):
    """Twelve entries of four subjects; the model's are 0, 4 and 8, and 8 is the FAIL to hide."""
    for number in range(12):
        ledger.append(b"envelope %d" % number, [subject(number % 4)], signer)
    return ledger


@pytest.fixture
def model(subject):
    return subject(0)


@pytest.fixture
def key(model):
    return trie.key_of("sha256", model["sha256"])


def _do(ledger, *statements):
    with ledger._database.writing() as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount, statement


def _reader(ledger, trusted, digest):
    now = ledger.checkpoint(trusted)
    return ledger.entries_of(digest, now)


def test_the_control_nothing_altered(filled, signer, trusted, model):
    assert [entry.index for entry in _reader(filled, trusted, model).entries] == [0, 4, 8]
    assert filled.verify(trusted).entries == 12
    assert filled.append(b"next", [model], signer).index == 12


def _hidden_from_the_index(key):
    return [E.delete().where(E.c.subject == key, E.c.number == 2)]


def _exchanged_in_the_index(key):
    return [E.update().where(E.c.subject == key, E.c.number == 2).values(position=5)]


def _reordered(key):
    return [
        E.update().where(E.c.subject == key, E.c.number == 1).values(number=9),
        E.update().where(E.c.subject == key, E.c.number == 2).values(number=1),
        E.update().where(E.c.subject == key, E.c.number == 9).values(number=2),
    ]


def _doubled(key):
    return [E.update().where(E.c.subject == key, E.c.number == 2).values(position=4)]


def _added_to_the_index(key):
    return [E.insert().values(subject=key, number=3, position=7)]


def _entry_removed(key):
    return [L.delete().where(L.c.position == 8)]


def _entry_altered(key):
    return [L.update().where(L.c.position == 8).values(payload=b"{}")]


def _entry_forged(key):
    forged = leaves.of(b"a forged PASS", [{"sha256": "a" * 64}]).payload()
    return [L.update().where(L.c.position == 8).values(payload=forged)]


def _entry_exchanged(key):
    other = sa.select(L.c.payload).where(L.c.position == 4).scalar_subquery()
    return [L.update().where(L.c.position == 8).values(payload=other)]


def _node_altered(key):
    return [N.update().where(N.c.place == tables.place((0, 9))).values(hash=b"x" * 32)]


def _node_removed(key):
    return [N.delete().where(N.c.place == tables.place((0, 9)))]


def _index_nodes_altered(key):
    return [S.update().values(content=b"x" * 64)]


def _index_removed(key):
    return [S.delete()]


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        (_hidden_from_the_index, EntryMissingError),
        (_exchanged_in_the_index, IndexAlteredError),
        (_reordered, IndexAlteredError),
        (_doubled, IndexAlteredError),
        (_added_to_the_index, IndexAlteredError),
        (_entry_removed, EntryMissingError),
        (_entry_altered, EntryAlteredError),
        (_entry_forged, EntryAlteredError),
        (_entry_exchanged, EntryAlteredError),
        (_node_altered, TreeAlteredError),
        (_node_removed, TreeAlteredError),
        (_index_nodes_altered, IndexAlteredError),
        (_index_removed, IndexAlteredError),
    ],
)
def test_a_reader_and_an_auditor_notice(filled, trusted, model, key, attack, told):
    _do(filled, *attack(key))
    with pytest.raises(told):
        _reader(filled, trusted, model)
    auditor = IndexAlteredError if attack is _hidden_from_the_index else told
    with pytest.raises(auditor):
        filled.verify(trusted)


def test_an_entry_before_the_first_is_noticed(filled, trusted, model, key):
    payload = leaves.of(b"a forged PASS", [model]).payload()
    _do(
        filled,
        L.insert().values(position=-1, envelope=b"e" * 32, payload=payload),
        E.update().where(E.c.subject == key, E.c.number == 2).values(position=-1),
    )
    with pytest.raises(IndexAlteredError):
        _reader(filled, trusted, model)


def test_entries_too_many_in_the_index_are_said_to_be_that(filled, trusted, model, key):
    _do(filled, *_added_to_the_index(key))
    with pytest.raises(IndexAlteredError, match="shows more entries"):
        _reader(filled, trusted, model)


def _signed_with(ledger, signer, trusted, leaf, payload):
    """Have the key's owner sign an entry whose bytes are not those of the leaf that it is indexed by."""
    with ledger._database.writing() as connection:
        draft = Draft(connection, ORIGIN, ledger.checkpoint(trusted))
        draft.add(leaf, payload)
        draft.store(notes.sign(draft.checkpoint(), signer))


def test_what_the_keys_owner_has_indexed_under_another_subject_is_noticed(
    filled, signer, trusted, model, subject
):
    honest = leaves.of(b"honest", [model])
    _signed_with(filled, signer, trusted, honest, honest.payload())
    assert len(_reader(filled, trusted, model).entries) == 4  # the control
    of_another = leaves.of(b"the PASS of another model", [subject("another")]).payload()
    _signed_with(filled, signer, trusted, leaves.of(b"PASS", [model]), of_another)
    with pytest.raises(IndexAlteredError, match="other entries"):
        _reader(filled, trusted, model)


@pytest.mark.parametrize("payload", [b"junk", b"{}"])
def test_bytes_that_are_no_entry_are_refused_although_the_keys_owner_signed_them(
    filled, signer, trusted, model, payload
):
    _signed_with(filled, signer, trusted, leaves.of(b"PASS", [model]), payload)
    with pytest.raises((EntryAlteredError, TreeAlteredError)):
        _reader(filled, trusted, model)


def test_a_subject_hidden_in_whole_is_noticed(filled, trusted, model, key):
    """No row of it is left anywhere but in the signed index."""
    _do(filled, E.delete().where(E.c.subject == key))
    with pytest.raises(EntryMissingError, match=r"shows 0 entries.*signed 3"):
        _reader(filled, trusted, model)


def test_the_last_entry_cannot_be_cut_off_with_or_without_its_checkpoint(filled, trusted, model):
    _do(filled, C.delete().where(C.c.size == 12))
    with pytest.raises(UnsignedCheckpointError):
        filled.checkpoint(trusted)
    _do(filled, L.delete().where(L.c.position > 9))
    with pytest.raises(TruncatedError, match="10 entries of 11"):
        filled.checkpoint(trusted)


def test_an_earlier_state_in_whole_is_noticed_by_who_remembers(filled, signer, trusted, model, subject):
    remembered = filled.checkpoint(trusted)
    _do(
        filled,
        C.delete().where(C.c.size > 8),
        L.delete().where(L.c.position >= 8),
        E.delete().where(E.c.position >= 8),
    )
    now = filled.checkpoint(trusted)
    assert len(filled.entries_of(model, now).entries) == 2  # nothing in the database itself gives it away
    with pytest.raises(TruncatedError):
        filled.consistent(remembered, now)
    with pytest.raises(TruncatedError):
        filled.append(b"next", [model], signer, seen=remembered)


def test_a_checkpoint_that_was_altered_or_exchanged_is_noticed(filled, trusted, stranger):
    from lockgate.ledger import checkpoint as notes

    now = filled.checkpoint(trusted)
    _do(filled, C.update().where(C.c.size == 12).values(note=now.note.replace("\n12\n", "\n13\n")))
    with pytest.raises(WrongSignerError):
        filled.checkpoint(trusted)
    _do(filled, C.update().where(C.c.size == 12).values(note=notes.sign(now, stranger).note))
    with pytest.raises(WrongSignerError):
        filled.checkpoint(trusted)
    _do(filled, C.update().where(C.c.size == 12).values(note=now.text))
    with pytest.raises(UnsignedCheckpointError):
        filled.checkpoint(trusted)
    _do(filled, C.update().where(C.c.size == 12).values(note="junk\n\n\u2014 a b\n"))
    with pytest.raises(CheckpointFormError):
        filled.checkpoint(trusted)
    _do(filled, C.update().where(C.c.size == 12).values(note=now.note))
    assert filled.verify(trusted).checkpoints == 12


def test_a_checkpoint_signed_over_other_entries_is_a_fork_to_the_auditor(filled, signer, trusted):
    """The key's owner signed two histories; only one can be shown to everybody."""
    import dataclasses

    from lockgate.ledger import checkpoint as notes

    lie = dataclasses.replace(filled.checkpoint(trusted), size=5, root=b"l" * 32)
    _do(filled, C.update().where(C.c.size == 5).values(note=notes.sign(lie, signer).note))
    assert filled.checkpoint(trusted).size == 12
    with pytest.raises(ForkedError, match="checkpoint of 5 entries"):
        filled.verify(trusted)


def test_hashes_and_checkpoints_too_many_are_found_by_the_auditor(filled, trusted):
    now = filled.checkpoint(trusted)
    _do(filled, N.insert().values(place=tables.place((0, 50)), hash=b"x" * 32))
    with pytest.raises(TreeAlteredError):
        filled.verify(trusted)
    _do(filled, N.delete().where(N.c.place == tables.place((0, 50))))
    _do(filled, C.insert().values(size=13, note=now.note))
    with pytest.raises(ForkedError, match="order of their size"):
        filled.verify(trusted)
    _do(filled, C.delete().where(C.c.size == 13))
    assert filled.verify(trusted).entries == 12


def test_a_checkpoint_of_another_ledger_of_the_same_key_is_found_by_the_auditor(filled, signer, trusted):
    import dataclasses

    from lockgate.ledger import checkpoint as notes

    with filled._database.reading() as connection:
        note = connection.execute(sa.select(C.c.note).where(C.c.size == 5)).scalar_one()
    fifth = notes.open_note(note, trusted)
    other = notes.sign(dataclasses.replace(fifth, origin="example.org/other"), signer)
    _do(filled, C.update().where(C.c.size == 5).values(note=other.note))
    with pytest.raises(ForeignLedgerError):
        filled.verify(trusted)


def test_an_index_signed_without_an_entry_is_found_by_the_auditor(filled, signer, trusted):
    """The key's owner signed an index that leaves a subject out: the entries give another one."""
    import dataclasses

    from lockgate.ledger import checkpoint as notes

    now = filled.checkpoint(trusted)
    lie = dataclasses.replace(now, subjects=b"l" * 32)
    _do(filled, C.update().where(C.c.size == 12).values(note=notes.sign(lie, signer).note))
    with pytest.raises(ForkedError):
        filled.verify(trusted)


@pytest.mark.parametrize(
    ("attack", "told"),
    [
        (lambda _: [N.update().values(hash=b"x" * 32)], TreeAlteredError),
        (lambda _: [N.delete()], TreeAlteredError),
        (lambda _: [S.update().values(content=b"x" * 64)], IndexAlteredError),
        (lambda _: [S.delete()], IndexAlteredError),
        (lambda key: [E.insert().values(subject=key, number=3, position=1)], IndexAlteredError),
        (lambda _: [L.delete().where(L.c.position == 11)], TruncatedError),
        (
            lambda _: [L.insert().values(position=12, envelope=b"e" * 32, payload=b"x")],
            UnsignedCheckpointError,
        ),
        (lambda _: [C.delete().where(C.c.size == 12)], UnsignedCheckpointError),
        (lambda _: [C.update().values(note="x")], UnsignedCheckpointError),
    ],
)
def test_a_writer_signs_nothing_over_an_altered_database(filled, signer, model, key, attack, told):
    _do(filled, *attack(key))
    with filled._database.reading() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(C)).scalar_one()
    with pytest.raises(told):
        filled.append(b"next", [model], signer)
    with filled._database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(C)).scalar_one() == before


def test_a_writer_does_not_believe_that_something_was_logged_already(filled, signer, trusted, model):
    """A row that claims to be the new FAIL's would otherwise keep it out of the ledger."""
    claimed = leaves.of(b"the FAIL", [model])
    _do(
        filled,
        L.update()
        .where(L.c.position == 3)
        .values(envelope=bytes.fromhex(claimed.envelope), payload=claimed.payload()),
    )
    with pytest.raises(EntryAlteredError):
        filled.append(b"the FAIL", [model], signer)


def test_a_writer_does_not_believe_a_column_beside_an_honest_entry(filled, signer, trusted, model):
    claimed = leaves.of(b"the FAIL", [model])
    _do(filled, L.update().where(L.c.position == 3).values(envelope=bytes.fromhex(claimed.envelope)))
    assert filled.append(b"the FAIL", [model], signer).index == 12
    assert len(_reader(filled, trusted, model).entries) == 4


def test_no_proof_is_given_for_an_entry_that_only_a_column_claims(filled, trusted, model):
    claimed = leaves.of(b"never logged", [model])
    _do(filled, L.update().where(L.c.position == 3).values(envelope=bytes.fromhex(claimed.envelope)))
    with pytest.raises(EntryMissingError, match="not in the ledger"):
        filled.entry_of(b"never logged", filled.checkpoint(trusted))


def test_cover_vouches_for_nothing_that_was_signed_otherwise(filled, signer, model):
    _do(filled, C.delete().where(C.c.size == 12), N.update().values(hash=b"x" * 32))
    with pytest.raises(TreeAlteredError):
        filled.cover(signer)


def test_cover_does_not_sign_a_ledger_that_lost_signed_entries(filled, signer):
    _do(filled, L.delete().where(L.c.position > 9))
    with pytest.raises(TruncatedError, match="10 entries of 12"):
        filled.cover(signer)


def test_cover_refuses_entries_that_lockgate_does_not_write(filled, signer):
    _do(filled, L.insert().values(position=12, envelope=b"e" * 32, payload=b'{"a": 1}'))
    with pytest.raises(EntryAlteredError, match="entry 12"):
        filled.cover(signer)
    _do(filled, L.update().where(L.c.position == 12).values(position=20))
    with pytest.raises(EntryMissingError, match="entry 12"):
        filled.cover(signer)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE lockgate_ledger_leaves SET payload = 'text' WHERE position = 8",
        "UPDATE lockgate_ledger_leaves SET payload = 1000000000000 WHERE position = 8",
        "UPDATE lockgate_ledger_leaves SET envelope = 3.5",
        "UPDATE lockgate_ledger_nodes SET hash = 'text'",
        "UPDATE lockgate_ledger_nodes SET hash = zeroblob(100000)",
        "UPDATE lockgate_ledger_subjects SET content = 7",
        "UPDATE lockgate_ledger_subjects SET content = 'x'",
        "UPDATE lockgate_ledger_entries SET position = 'first'",
        "UPDATE lockgate_ledger_entries SET position = -1 WHERE number = 1",
        "UPDATE lockgate_ledger_entries SET position = 2.5 WHERE number = 1",
        "UPDATE lockgate_ledger_entries SET number = 'x' WHERE position = 8",
        "UPDATE lockgate_ledger_entries SET subject = 'x' WHERE position = 8",
        "UPDATE lockgate_ledger_checkpoints SET note = X'00'",
        "UPDATE lockgate_ledger_checkpoints SET note = 5",
        "UPDATE lockgate_ledger_leaves SET position = 9000000000000000000 WHERE position = 11",
        "DROP TABLE lockgate_ledger_nodes",
        "ALTER TABLE lockgate_ledger_leaves RENAME COLUMN payload TO other",
    ],
)
def test_values_of_any_kind_in_an_sqlite_file_give_a_sentence(tmp_path, signer, trusted, subject, sql):
    """SQLite keeps any value in any column; none becomes a traceback, and none is believed."""
    ledger = Ledger(tmp_path / "ledger.db")
    for number in range(12):
        ledger.append(b"envelope %d" % number, [subject(number % 4)], signer)
    with ledger._database.writing() as connection:
        connection.exec_driver_sql(sql)
    with pytest.raises(LedgerError):
        ledger.verify(trusted)
    if "envelope" not in sql and "SET number" not in sql and "SET note" not in sql:
        with pytest.raises(LedgerError):
            ledger.entries_of(subject(0), ledger.checkpoint(trusted))
