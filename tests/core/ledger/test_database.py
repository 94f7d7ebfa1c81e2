from __future__ import annotations

import os
import socket
import sqlite3
import ssl
import threading

import pytest

from lockgate.errors import LockgateError
from lockgate.ledger import Ledger
from lockgate.ledger.errors import LedgerUnreachableError

SECRET = "hunter2-very-secret"


def _told(error):
    """Everything that a log could show of an error."""
    import traceback

    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))


@pytest.mark.parametrize("prefix", ["", "sqlite:///"])
def test_a_path_and_an_sqlite_url_name_the_same_file(tmp_path, signer, trusted, subject, prefix):
    path = tmp_path / ("a folder#" if prefix else "a folder?#%20") / "ledger.db"
    Ledger(prefix + str(path)).append(b"x", [subject(1)], signer)
    assert path.is_file()
    assert Ledger(path).checkpoint(trusted).size == 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_reading_does_not_make_a_ledger(tmp_path, trusted):
    with pytest.raises(LedgerUnreachableError, match=r"there is no ledger at .*ledger\.db"):
        Ledger(tmp_path / "ledger.db").checkpoint(trusted)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", [b"", b"not a database, but long enough to be looked at" * 40, b"\x00" * 5000]
)
def test_a_file_that_is_no_ledger_is_one_sentence(tmp_path, trusted, content):
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    with pytest.raises(LedgerUnreachableError, match=r"ledger\.db (is no SQLite database|has nothing in it)"):
        Ledger(path).checkpoint(trusted)
    assert path.read_bytes() == content


def test_a_folder_and_a_path_below_a_file_are_one_sentence(tmp_path, signer, trusted, subject):
    with pytest.raises(LedgerUnreachableError, match="cannot be opened"):
        Ledger(tmp_path).checkpoint(trusted)
    (tmp_path / "file").touch()
    with pytest.raises(LedgerUnreachableError):
        Ledger(tmp_path / "file" / "ledger.db").append(b"x", [subject(1)], signer)


def test_a_ledger_on_a_medium_that_cannot_be_written_is_read_and_left_alone(
    tmp_path, signer, trusted, subject, monkeypatch
):
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.append(b"x", [subject(1)], signer)
    # Root, as whom the tests may run, can write everywhere; what is replaced is only that answer.
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    reader = Ledger(tmp_path / "ledger.db")
    assert len(reader.entries_of(subject(1), reader.checkpoint(trusted)).entries) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]
    held = sqlite3.connect(tmp_path / "ledger.db")  # keeps the write-ahead log, where the second entry is
    held.execute("SELECT count(*) FROM lockgate_ledger_leaves").fetchone()
    ledger.append(b"y", [subject(1)], signer)
    assert reader.checkpoint(trusted).size == 2
    held.close()


def test_a_writer_waits_for_another_and_says_when_that_takes_too_long(tmp_path, signer, subject, monkeypatch):
    from lockgate.ledger import database

    monkeypatch.setattr(database, "_WAIT", 0.2)
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.append(b"x", [subject(1)], signer)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnreachableError, match="kept busy by other writers"):
        ledger.append(b"y", [subject(1)], signer)
    other.execute("ROLLBACK")
    other.close()
    assert ledger.append(b"y", [subject(1)], signer).index == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("sqlite://", "is a file"),
        ("sqlite:///:memory:", "is a file"),
        ("sqlite:///x.db?mode=ro", "is a file"),
        ("mysql://u:{s}@h/d", "cannot be in mysql"),
        ("nosuch+thing://u:{s}@h/d", "cannot be in nosuch"),
        ("postgresql://u:{s}@h:port/d", "cannot be read"),
        ("postgresql://u:{s}@h/d?sslmode=sometimes", "sslmode"),
        ("postgresql://u:{s}@h/d?password={s}", "option"),
        ("postgresql://u:{s}@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "sslrootcert"),
        ("postgresql+nosuchdriver://u:{s}@h/d", "option|not installed"),
    ],
)
def test_a_url_that_names_no_ledger_is_one_sentence_without_its_password(url, said):
    with pytest.raises(LockgateError, match=said) as told:
        Ledger(url.format(s=SECRET))
    assert SECRET not in _told(told.value)


@pytest.mark.parametrize("password", [SECRET, f"{SECRET}/with/slashes", f"{SECRET}%40%3A", f"{SECRET}#x"])
def test_a_server_that_is_down_is_one_sentence_without_the_password(password, signer, trusted, subject):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ledger = Ledger(f"postgresql://user:{password}@127.0.0.1:{port}/base")
    for ask in (lambda: ledger.checkpoint(trusted), lambda: ledger.append(b"x", [subject(1)], signer)):
        with pytest.raises(LedgerUnreachableError) as told:
            ask()
        assert str(told.value) == (
            f"the ledger at postgresql://127.0.0.1:{port}/base does not answer; "
            "check that the server runs, and its host and port"
        )
        assert SECRET not in _told(told.value)
    assert SECRET not in repr(ledger) + repr(ledger._database)


def test_a_server_that_hangs_up_or_speaks_something_else_is_one_sentence(trusted):
    for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        listening = socket.create_server(("127.0.0.1", 0))

        def serve(listening=listening, answer=answer):
            taken, _ = listening.accept()
            with taken:
                taken.recv(100)
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(LedgerUnreachableError):
            Ledger(f"postgresql://u:{SECRET}@127.0.0.1:{port}/d").checkpoint(trusted)
        thread.join(10)
        listening.close()


@pytest.mark.slow
def test_a_wrong_password_and_a_missing_database_are_said_without_the_password(postgresql_url, trusted):
    wrong = postgresql_url.replace("pa55-of-the-test", SECRET)
    with pytest.raises(LedgerUnreachableError, match="refuses this user") as told:
        Ledger(wrong).checkpoint(trusted)
    assert SECRET not in _told(told.value)
    with pytest.raises(LedgerUnreachableError, match="no such database") as told:
        Ledger(f"{postgresql_url}_missing").checkpoint(trusted)
    assert "pa55" not in _told(told.value)


@pytest.mark.slow
def test_the_password_may_come_from_pgpassword(postgresql_url, signer, trusted, subject, monkeypatch):
    bare = postgresql_url.replace(":pa55-of-the-test", "")
    with pytest.raises(LedgerUnreachableError):
        Ledger(bare).append(b"x", [subject(1)], signer)
    monkeypatch.setenv("PGPASSWORD", "pa55-of-the-test")
    Ledger(bare).append(b"x", [subject(1)], signer)
    monkeypatch.delenv("PGPASSWORD")
    assert Ledger(postgresql_url).checkpoint(trusted).size == 1


@pytest.mark.slow
def test_tls_that_is_asked_for_is_not_given_up(postgresql_url, trusted):
    """The test's server has no TLS: what asks for it must not get through without."""
    for mode in ("require", "verify-full"):
        with pytest.raises(LedgerUnreachableError):
            Ledger(f"{postgresql_url}?sslmode={mode}").checkpoint(trusted)
    with pytest.raises(LedgerUnreachableError, match="nothing in it yet"):
        Ledger(f"{postgresql_url}?sslmode=disable").checkpoint(trusted)
    assert ssl.HAS_SNI


@pytest.mark.slow
def test_a_user_who_may_only_read_reads_and_does_not_append(
    postgresql, postgresql_url, signer, trusted, subject
):
    import sqlalchemy as sa

    owner = Ledger(postgresql_url)
    owner.append(b"x", [subject(1)], signer)
    with owner._database.writing() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS reader"))
        connection.execute(sa.text("CREATE ROLE reader LOGIN PASSWORD 'reader'"))
        connection.execute(sa.text("GRANT USAGE ON SCHEMA public TO reader"))
        connection.execute(sa.text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    reader = Ledger(f"postgresql://reader:reader@127.0.0.1:{postgresql.port}/postgres")
    now = reader.checkpoint(trusted)
    assert len(reader.entries_of(subject(1), now).entries) == 1
    with pytest.raises(LedgerUnreachableError, match="grant"):
        reader.append(b"y", [subject(1)], signer)
    assert owner.verify(trusted).entries == 1


@pytest.mark.slow
def test_a_server_that_was_stopped_is_one_sentence_and_nothing_is_lost(
    postgresql, postgresql_url, signer, trusted, subject
):
    ledger = Ledger(postgresql_url)
    ledger.append(b"x", [subject(1)], signer)
    postgresql.stop()
    try:
        with pytest.raises(LedgerUnreachableError, match="does not answer"):
            ledger.append(b"y", [subject(1)], signer)
    finally:
        postgresql.start()
    assert ledger.append(b"y", [subject(1)], signer).index == 1
    assert ledger.verify(trusted).entries == 2
