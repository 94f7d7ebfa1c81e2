"""The database of a ledger: SQLite by default, PostgreSQL by URL, through SQLAlchemy.

A path, or ``sqlite:///PATH``, is an SQLite file. ``postgresql://USER@HOST/DATABASE`` is PostgreSQL,
through pg8000 unless the URL names another driver (``postgresql+DRIVER://``). TLS is asked for as
elsewhere: ``?sslmode=verify-full&sslrootcert=FILE``. A password that is not in the URL is taken from
``PGPASSWORD``.

Whatever goes wrong becomes one sentence that names host and database. The URL itself, and what a
driver says, never enter it: they may hold the password.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from lockgate.errors import MissingExtraError
from lockgate.ledger.errors import LedgerUnreachableError, LedgerUrlError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_WAIT = 60  # seconds for other writers, and for a server to answer
_LOCK = 0x6C6F636B67617465  # "lockgate" in ASCII: the advisory lock of who appends
_OURS = "lockgate#_ledger#_%"
_COMPUTED = "computed"
_COMPUTED_IN = (
    "SELECT count(*) FROM sqlite_master AS m WHERE type NOT IN ('table', 'index') "
    "OR (m.name LIKE ? ESCAPE '#' AND EXISTS (SELECT 1 FROM pragma_table_xinfo(m.name) WHERE hidden <> 0))"
)
_SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


class Database:
    """Where a ledger lies; a connection lives for one transaction, so threads and forks share nothing.

    Args:
        url: A path or URL.

    Raises:
        LedgerUrlError: It names no database that a ledger can be in.
        MissingExtraError: Its driver is not installed.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        said = os.fspath(url)
        self.path: Path | None = None
        if not said.strip():
            raise LedgerUrlError("the ledger's reference is empty; give a path, or a database URL")
        if _SCHEME.match(said):
            parsed = _parsed(said)
            self.place = _shown(parsed)
            self.path = _sqlite_path(parsed)
        else:
            parsed = None
            self.place = said
            self.path = Path(said)
        self._engines: dict[bool, Engine] = {}
        if self.path is None and parsed is not None:
            self._engines = dict.fromkeys((False, True), _postgresql(parsed, self.place))
        self._made = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Connect, for reading one state of the database.

        Raises:
            LedgerUnreachableError: There is no ledger, or it does not answer.
        """
        if self.path is not None and not os.path.exists(self.path):  # noqa: PTH110 - also where no path can be
            raise LedgerUnreachableError(
                f"there is no ledger at {self.path}; check the path, or append to it first"
            )
        with self._transaction(write=False) as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Connect, as the one writer, in a transaction that is committed at the end or leaves nothing.

        The tables are made when they are missing.

        Raises:
            LedgerUnreachableError: It does not answer, or other writers kept it for too long.
        """
        from lockgate.ledger.tables import METADATA

        with self._transaction(write=True) as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            if not self._made:
                METADATA.create_all(connection)
            yield connection
        self._made = True

    @contextlib.contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        from sqlalchemy.exc import DBAPIError

        if write not in self._engines and self.path is not None:
            self._engines[write] = _sqlite(self.path, write=write)
        try:
            opened = self._engines[write].connect()
        except Exception as error:  # noqa: BLE001 - drivers raise anything, and it may hold the password
            self._refuse(error)
        try:
            with opened as connection:
                if not write and self.path is None:  # one state, whatever others write meanwhile
                    connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield connection
        except (DBAPIError, OSError) as error:
            self._refuse(error)
        except Exception as error:
            if not type(error).__module__.startswith("pg8000"):  # raised before SQLAlchemy wraps it
                raise
            self._refuse(error)

    def _refuse(self, error: Exception) -> NoReturn:
        raise LedgerUnreachableError(f"the ledger at {self.place} {_reason(error)}") from None

    def __repr__(self) -> str:
        return f"Database({self.place!r})"


def _parsed(said: str) -> URL:
    from sqlalchemy import make_url

    if said.startswith("postgres://"):
        said = f"postgresql://{said.removeprefix('postgres://')}"
    try:
        url = make_url(said)
        kind = url.get_backend_name()
    except Exception:  # noqa: BLE001 - whatever it is, its text may hold the URL
        raise LedgerUrlError(
            "the ledger's URL cannot be read; write sqlite:///PATH or postgresql://USER@HOST/DATABASE"
        ) from None
    if kind not in ("sqlite", "postgresql"):
        raise LedgerUrlError(f"a ledger cannot be in {kind}; use SQLite (a path) or PostgreSQL")
    return url


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return url.database or "sqlite"
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"


def _sqlite_path(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite":
        return None
    if url.query or not url.database or url.database == ":memory:":
        raise LedgerUrlError(
            "an SQLite ledger is a file and its URL has no options; write sqlite:///PATH, or the path"
        )
    return Path(url.database)


def _sqlite(path: Path, *, write: bool) -> Engine:
    """Return an engine for an SQLite file whose writers queue up before they read (BEGIN IMMEDIATE)."""
    from sqlalchemy import NullPool, create_engine, event

    def connect() -> sqlite3.Connection:
        name = quote(os.fspath(path.absolute()))
        made = sqlite3.connect(
            f"file:{name}?{_sqlite_mode(path, write=write)}",
            uri=True,
            timeout=_WAIT,
            isolation_level=None,
            check_same_thread=False,
        )
        made.execute("PRAGMA trusted_schema=OFF")  # the file may come from anybody
        _refuse_code(made)
        if write:
            made.execute("PRAGMA journal_mode=WAL")
            made.execute("PRAGMA synchronous=FULL")  # a commit outlives a power cut
        return made

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _refuse_code(connection: sqlite3.Connection) -> None:
    """Refuse a file in which something is computed when it is read or written: that need never end.

    A view may stand under the name of a table, a trigger behind it, and a column may be made by a formula.
    """
    try:
        found = connection.execute(_COMPUTED_IN, (_OURS,)).fetchone()[0]
    except sqlite3.Error:
        connection.close()
        raise
    if found:
        connection.close()
        raise sqlite3.DatabaseError(_COMPUTED)


def _sqlite_mode(path: Path, *, write: bool) -> str:
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        return "mode=rwc"
    beside = path.with_name(f"{path.name}-wal")
    # On a medium that cannot be written to, SQLite reads a WAL database only when told that nobody writes.
    if not os.access(path.parent, os.W_OK) and not (beside.exists() and beside.stat().st_size):
        return "mode=ro&immutable=1"
    return "mode=rw"


def _postgresql(url: URL, place: str) -> Engine:
    from sqlalchemy import NullPool, create_engine

    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+pg8000")
    if not url.password and os.environ.get("PGPASSWORD"):
        url = url.set(password=os.environ["PGPASSWORD"])
    arguments: dict[str, Any] = {}
    if url.get_driver_name() == "pg8000":
        url, arguments = _pg8000(url, place)
    try:
        return create_engine(
            url,
            poolclass=NullPool,
            hide_parameters=True,
            isolation_level="READ COMMITTED",  # a writer that waited for the lock sees what the other wrote
            connect_args=arguments,
        )
    except ImportError:
        raise MissingExtraError("postgresql", url.get_driver_name()) from None
    except Exception:  # noqa: BLE001 - whatever it is, its text may hold the URL
        raise LedgerUrlError(f"the URL of the ledger at {place} has an option that is not known") from None


def _pg8000(url: URL, place: str) -> tuple[URL, dict[str, Any]]:
    """Say to pg8000 in its own words what libpq's options of a URL mean."""
    import ssl

    known = ("sslmode", "sslrootcert", "unix_sock", "application_name")
    for name in url.query:
        if name not in known:
            raise LedgerUrlError(
                f"the URL of the ledger at {place} has an option that is not known; "
                f"known are {', '.join(known)}"
            )
    mode = str(url.query.get("sslmode", "prefer"))
    if mode not in _SSL_MODES:
        raise LedgerUrlError(
            f"the sslmode of the ledger at {place} is not known; use one of {', '.join(_SSL_MODES)}"
        )
    arguments: dict[str, Any] = {"timeout": _WAIT}
    if mode == "disable":
        arguments["ssl_context"] = False
    elif mode == "require":
        arguments["ssl_context"] = True
    elif mode.startswith("verify"):
        authority = url.query.get("sslrootcert")
        try:
            context = ssl.create_default_context(cafile=str(authority) if authority else None)
        except OSError:
            raise LedgerUrlError(
                f"the sslrootcert of the ledger at {place} cannot be read; give a file of certificates"
            ) from None
        context.check_hostname = mode == "verify-full"
        arguments["ssl_context"] = context
    return url.difference_update_query(["sslmode", "sslrootcert"]), arguments


_STATES = {  # SQLSTATE, PostgreSQL's appendix A
    "28": "refuses this user; check user and password, in the URL or PGPASSWORD",
    "3D": "is not there: the server has no such database; create it",
    "42501": "cannot be used by this user; grant it the tables of the ledger",
    "42P01": "has nothing in it yet; append to it first",
    "23": "holds rows that a signed ledger cannot have; run: lockgate ledger verify",
}


def _reason(error: Exception) -> str:
    """Return what is wrong and what to do, in words of our own."""
    import ssl

    original = getattr(error, "orig", error)
    said = original.args[0] if original.args else ""
    if isinstance(original, AttributeError):  # pg8000, of a password that it has not
        return _STATES["28"]
    state = str(said.get("C", "")) if isinstance(said, dict) else ""
    for start, meaning in _STATES.items():
        if state.startswith(start):
            return meaning
    if isinstance(original, sqlite3.Error):
        return _sqlite_reason(original, str(said))
    if isinstance(original, ssl.SSLError):
        return "does not prove who it is; check sslmode and sslrootcert"
    if state:
        return f"answers with the error {state}; see the server's log"
    return "does not answer; check that the server runs, and its host and port"


def _sqlite_reason(error: sqlite3.Error, said: str) -> str:
    if isinstance(error, sqlite3.IntegrityError):
        return _STATES["23"]
    if said == _COMPUTED:
        return "has a view, trigger or computed column, which no ledger has; restore it from a copy"
    if "no such table" in said:
        return _STATES["42P01"]
    if "locked" in said:
        return f"was kept busy by other writers for {_WAIT} seconds; try again"
    if "not a database" in said or "malformed" in said:
        return "is no SQLite database, or a damaged one; restore it from a copy"
    if "readonly" in said:
        return "cannot be written to; check the file's permissions"
    if "unable to open" in said:
        return "cannot be opened; check the path and its permissions"
    if "full" in said:
        return "has no room left on its disk; make room"
    return "cannot be read or written; check the disk"
