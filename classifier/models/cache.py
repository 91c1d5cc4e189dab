"""Keeps replies on disk, so that nothing is asked, waited for or paid for twice."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from platformdirs import user_cache_path
from pydantic import TypeAdapter, ValidationError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from classifier.errors import ModelError
from classifier.models.seam import Reply
from classifier.models.together import Together
from classifier.records import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from classifier.models.seam import Model, ModelInfo, Request

SCHEMA_VERSION = 1
_CREATE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, reply TEXT NOT NULL, stored REAL NOT NULL
) WITHOUT ROWID
"""
_HIT = Usage(cache_hits=1)
_Found = TypeVar("_Found")


def default_path() -> Path:
    """Where the cache is kept unless told otherwise: in the user's cache folder."""
    return user_cache_path("fail-classifier") / "responses.sqlite"


def identity_of(info: ModelInfo) -> dict[str, str | None]:
    """What shapes a model's answers beside the request, as the cache knows it."""
    return {
        "model": info.name,
        "digest": info.digest,
        "endpoint": info.endpoint,
        "software": info.software,
    }


def request_key(identity: Mapping[str, Any], request: Request) -> str:
    """The SHA-256, in hexadecimal, of all that shapes the answer.

    The order of keys does not count, except in the schema: decoding follows its properties' order.
    """
    shape = _plain(request)
    shape["schema"] = None if request.schema is None else _canonical(request.schema, ordered=True)
    for late in ("state", "embed"):  # keys from before there were any
        if not shape[late]:
            del shape[late]
    shape["temperature"] = float(request.temperature)
    text = _canonical({"version": SCHEMA_VERSION, "identity": identity, "request": shape})
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _canonical(value: object, *, ordered: bool = False) -> str:
    return json.dumps(value, sort_keys=not ordered, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Any:
    if is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a cache key cannot hold {value!r}: give text, numbers, lists or mappings")


@cache
def _adapter() -> TypeAdapter[Reply]:
    return TypeAdapter(Reply)


def _packed(reply: Reply) -> str:
    # not dump_json: it turns an infinite log-probability into null, and stops at lone surrogates
    return json.dumps(_adapter().dump_python(reply))


def _unpacked(text: str) -> Reply | None:
    try:
        return _adapter().validate_python(json.loads(text))
    except (ValueError, ValidationError):
        return None


@dataclass(frozen=True)
class CacheInfo:
    """The cache's state; `oldest` is in seconds since the epoch, null where it is empty."""

    path: Path
    entries: int
    bytes: int
    oldest: float | None


class _DamagedError(Exception):
    """The file is a database, but not one of ours of this version."""


class ResponseCache:
    """Replies by key in one SQLite file, shared by any number of threads and processes.

    Whatever fails is told to `warn`, once, and never raised: a damaged file is set aside as
    `*.damaged` and a new one begun; a file that stays locked for `patience` seconds, cannot be
    written, or a full disk, stops the reading or the writing for the life of the object.
    """

    def __init__(
        self, path: Path | None = None, *, warn: Callable[[str], None], patience: float = 5.0
    ) -> None:
        self.path = path or default_path()
        self._warn = warn
        self._patience = patience
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._off: set[str] = set()
        self._warned = False

    def get(self, key: str) -> Reply | None:
        """The reply under the key, if there is one that can be read."""
        row = self._guarded(
            "read",
            lambda c: c.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone(),
        )
        return _unpacked(row[0]) if row else None

    def put(self, key: str, reply: Reply) -> None:
        """Keep the reply under the key, in place of an earlier one."""
        self.put_many([(key, reply)])

    def get_many(self, keys: Sequence[str]) -> list[Reply | None]:
        """The reply under each key, in their order."""
        return list(map(self.get, keys))

    def put_many(self, replies: Sequence[tuple[str, Reply]]) -> list[None]:
        """Keep all of them, in one transaction: as dear as to keep one."""
        rows = [(key, _packed(reply), time.time()) for key, reply in replies]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT OR REPLACE INTO replies VALUES (?, ?, ?)", rows)
            connection.execute("COMMIT")

        self._guarded("write", work)
        return [None] * len(rows)

    def info(self) -> CacheInfo:
        """How much is kept, and where."""
        query = "SELECT count(*), min(stored) FROM replies"
        row = self._guarded("read", lambda c: c.execute(query).fetchone())
        entries, oldest = row or (0, None)
        return CacheInfo(self.path, entries, sum(map(_size, _files(self.path))), oldest)

    def clear(self) -> int:
        """Forget all replies; returns how many there were."""
        return self._guarded("write", _clear) or 0

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            self._disconnect()

    def _guarded(self, kind: str, work: Callable[[sqlite3.Connection], _Found]) -> _Found | None:
        with self._lock:
            if kind in self._off:
                return None
            try:
                return self._attempt(work)
            except (sqlite3.Error, OSError, _DamagedError) as error:
                self._disconnect()
                self._off.add(kind)
                self._tell(f"cannot {kind} the response cache {self.path}: {error}. {_GO_ON}")
                return None

    def _attempt(self, work: Callable[[sqlite3.Connection], _Found]) -> _Found:
        try:
            return work(self._connected())
        except (sqlite3.DatabaseError, _DamagedError) as error:
            if not _is_damage(error):
                raise
            self._disconnect()
            self._set_aside(error)
            return work(self._connected())

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._inode = _inode(self.path)
            self._connection = sqlite3.connect(
                self.path, timeout=self._patience, isolation_level=None, check_same_thread=False
            )
            _prepare(self._connection, self._patience)
            self._inode = _inode(self.path)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _set_aside(self, error: Exception) -> None:
        """Rename the files, unless another process has done so since we opened them."""
        aside = self.path.with_name(self.path.name + ".damaged")
        if _inode(self.path) == self._inode:
            # the log goes with its database: a new one would take it for its own
            for file, target in zip(_files(self.path), _files(aside), strict=True):
                with suppress(FileNotFoundError):
                    file.replace(target)
        self._tell(f"the response cache {self.path} is damaged ({error}): it is kept as {aside}")

    def _tell(self, message: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(message)


_PAUSE = 0.02  # seconds
_GO_ON = "The work goes on without it; check the disk, or remove the file"


def _prepare(connection: sqlite3.Connection, patience: float) -> None:
    connection.execute("BEGIN")  # both from one moment: another process may be creating the table
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("COMMIT")
    if version != SCHEMA_VERSION and (version or tables):
        raise _DamagedError(f"its schema version is {version}, not {SCHEMA_VERSION}")
    connection.execute("PRAGMA synchronous = NORMAL")
    if version == SCHEMA_VERSION:
        return
    # where two switch at the same moment, SQLite refuses one of them without waiting
    for attempt in Retrying(
        retry=retry_if_exception(_is_busy),
        stop=stop_after_delay(patience),
        wait=wait_fixed(_PAUSE),
        reraise=True,
    ):
        with attempt:
            connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_CREATE)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _clear(connection: sqlite3.Connection) -> int:
    count = connection.execute("DELETE FROM replies").rowcount
    connection.execute("VACUUM")
    return count


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def _is_damage(error: Exception) -> bool:
    """Whether the file is to blame: the other errors of SQLite are operational ones."""
    if isinstance(error, sqlite3.OperationalError):
        return str(error).startswith(("no such table", "no such column", "table replies has"))
    return isinstance(error, _DamagedError) or type(error) is sqlite3.DatabaseError


def _files(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


@dataclass
class _Flight:
    task: asyncio.Task[Reply]
    waiting: int = 0


class Kept:
    """Asks the model, and has kept its reply when it gives it: what counts calls in flight outside
    of this counts one until its reply is safe. Failures are not kept.

    `identity` is what shapes the answer besides the request: the model's name, the digest of its
    weights, its endpoint. The cache is reached in a thread, so that a lock held by another process
    never stops the event loop.
    """

    def __init__(self, model: Model, cache: ResponseCache, identity: Mapping[str, Any]) -> None:
        self._model = model
        self._identity = dict(identity)
        self._put = Together(cache.put_many)

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does; raises the model's errors."""
        reply = await self._model.ask(request)
        await self._put.do((request_key(self._identity, request), reply))
        return reply


class Cached:
    """Answers from the cache, else asks the model, whose replies `Kept` keeps.

    `identity` is that of `Kept`. A hit costs `Usage(cache_hits=1)`. Identical requests in flight
    are asked once, and the call is cancelled when the last of its askers is.
    """

    def __init__(self, model: Model, cache: ResponseCache, identity: Mapping[str, Any]) -> None:
        self._model = model
        self._identity = dict(identity)
        self._flights: dict[str, _Flight] = {}
        self._get = Together(cache.get_many)

    async def ask(self, request: Request) -> Reply:
        """Answer from the cache or as the model does; raises the model's errors."""
        key = request_key(self._identity, request)
        flight = self._flights.get(key)
        if flight is None:
            return await self._joined(self._depart(key, request))
        try:
            return replace(await self._joined(flight), usage=_HIT)
        except ModelError as error:
            raise _unpaid(error) from error

    def _depart(self, key: str, request: Request) -> _Flight:
        flight = _Flight(asyncio.create_task(self._answer(key, request)))
        self._flights[key] = flight
        flight.task.add_done_callback(lambda _: self._land(key, flight))
        return flight

    def _land(self, key: str, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.task.cancelled():
            flight.task.exception()  # its askers may be gone: asyncio would print a traceback

    async def _joined(self, flight: _Flight) -> Reply:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()

    async def _answer(self, key: str, request: Request) -> Reply:
        hit = await self._get.do(key)
        if hit is not None:
            return replace(hit, usage=_HIT)
        return await self._model.ask(request)


def _unpaid(error: ModelError) -> ModelError:
    """The error for those who waited along: its usage is counted by the one who asked."""
    told = copy.copy(error)
    told.usage = None
    return told
