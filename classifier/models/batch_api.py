"""A provider's Files and Batches endpoints: upload, create, find, look, download."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import openai
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from classifier.errors import (
    ConfigurationError,
    ModelAccessError,
    ModelError,
    ModelQuotaError,
    ModelUnreachableError,
)
from classifier.models.batch_files import URL, LineFile, line_id
from classifier.models.endpoint import FOREIGN, as_model_error, open_client, shown
from classifier.models.retry import asked_wait, is_retryable

if TYPE_CHECKING:
    from pathlib import Path

    from tenacity import RetryCallState

    from classifier.models.endpoint import EndpointSettings

_T = TypeVar("_T")
_Read = TypeVar("_Read", bound=BaseModel)

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
TAG = "fail_classifier_part"
"""The key in a batch's metadata under which our own name for it stands."""

_PAGE = 100
_MOST_PAGES = 100
_DOWNLOADS = 3
_DAY = 86_400.0
_FRESH, _LOOKS, _BETWEEN_LOOKS = 600.0, 3, 10.0
_NO_SUCH_PATH = (404, 405, 501)


class _File(BaseModel):
    id: str = Field(min_length=1)


class BatchError(BaseModel):
    """Why a batch failed; `line` counts from 1."""

    code: str | None = None
    line: int | None = None
    message: str | None = None


class _Errors(BaseModel):
    data: list[BatchError] | None = None


class Counts(BaseModel):
    """The requests of a batch by what became of them."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(BaseModel):
    """A batch as far as it is read; servers differ in the rest, so it is not checked."""

    id: str = Field(min_length=1)
    status: Annotated[str, AfterValidator(str.lower)] = ""
    created_at: float | str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    request_counts: Counts | None = None
    errors: _Errors | list[Any] | None = None
    metadata: dict[str, Any] | None = None

    @property
    def counts(self) -> Counts:
        """The counts, 0 where there are none."""
        return self.request_counts or Counts()

    @property
    def reasons(self) -> list[BatchError]:
        """Why it failed, if it did."""
        if isinstance(self.errors, list):
            return [BatchError(message=str(error)) for error in self.errors]
        return (self.errors.data if self.errors else None) or []

    @property
    def files(self) -> list[str]:
        """The files with its outcomes; there is none before its end."""
        return [f for f in (self.output_file_id, self.error_file_id) if f]  # some send ""


class _Batches(BaseModel):
    data: list[Batch] = []
    has_more: bool | None = None


class BatchApi:
    """The batch API of one endpoint. Each method tries `tries` times where that may help.

    Raises `ConfigurationError` where the endpoint has no batch API or does not take what it is
    sent, `ModelAccessError` and `ModelQuotaError`, and the last error of what may pass.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        tries: int = 6,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._client = open_client(settings)
        self._tries = tries
        self._sleep = sleep
        self._clock = clock

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def upload(self, name: str, lines: LineFile) -> str:
        """The id of a new file with these lines."""
        create = self._client.files.with_raw_response.create

        async def send() -> str:
            # some servers take a file by the end of its name alone
            file = (f"{name}.jsonl", lines.whole(), "application/jsonl")
            response = await create(file=file, purpose="batch")
            return self._read(_File, response.http_response.content).id

        return await self._insist("/files", send)

    async def create(self, name: str, input_file: str) -> Batch:
        """A new batch of an uploaded file.

        It is made once: after an answer that never came, the batches there are looked through.
        """
        make, begun = self._client.batches.with_raw_response.create, self._clock()
        unsure = False

        async def send() -> Batch:
            nonlocal unsure
            if unsure and (made := await self._found(name, begun)) is not None:
                return made
            unsure = True
            response = await make(
                input_file_id=input_file,
                endpoint=URL,
                completion_window="24h",
                metadata={TAG: name},
            )
            return self._read(Batch, response.http_response.content)

        return await self._insist("/batches", send)

    async def find(self, name: str, since: float) -> Batch | None:
        """The batch of that name that was made after `since` (seconds since the epoch), if any.

        A list may lack what is new: a short while after `since` it is looked at several times.
        """
        looks = _LOOKS if self._clock() - since < _FRESH else 1
        found: Batch | None = None
        while found is None and looks:
            found = await self._insist("/batches", lambda: self._found(name, since))
            looks -= 1
            if found is None and looks:
                await self._sleep(_BETWEEN_LOOKS)
        return found

    async def look(self, batch: str) -> Batch | None:
        """The batch as it is now; None where nobody there knows it. One try alone."""
        retrieve = self._client.batches.with_raw_response.retrieve

        async def send() -> Batch:
            response = await asyncio.wait_for(retrieve(batch), self._settings.timeout)
            return self._read(Batch, response.http_response.content)

        return await self._known(send)

    async def download(self, file: str, folder: Path, least: int) -> LineFile | None:
        """The file's lines by custom id; None where nobody there has it any more.

        A file with fewer than `least` sound lines was torn on the way, and is fetched again; what
        came last is then taken. Of two lines with the same id the first counts.
        """
        found: LineFile | None = None
        for _ in range(_DOWNLOADS):
            if found is not None:
                found.close()
            found = await self._insist(
                "/files", lambda: self._known(lambda: self._got(file, folder))
            )
            if found is None or len(found) >= least:
                break
        return found

    async def _got(self, file: str, folder: Path) -> LineFile:
        lines, rest = LineFile(folder), b""
        try:
            async with self._client.files.with_streaming_response.content(file) as response:
                async for chunk in response.iter_bytes(1 << 16):
                    *whole, rest = (rest + chunk).split(b"\n")
                    _keep(lines, whole)
            _keep(lines, [rest])
        except BaseException:
            lines.close()
            raise
        return lines

    async def _found(self, name: str, since: float) -> Batch | None:
        """The newest come first, so the looking ends at those that are a day older."""
        listing, after = self._client.batches.with_raw_response.list, openai.omit
        for _ in range(_MOST_PAGES):
            response = await listing(limit=_PAGE, after=after)
            page = self._read(_Batches, response.http_response.content)
            for batch in page.data:
                if (batch.metadata or {}).get(TAG) == name:
                    return batch
            last = page.data[-1] if page.data else None
            if last is None or not page.has_more or _is_before(last, since - _DAY):
                return None
            after = last.id  # type: ignore[assignment]
        return None

    def _read(self, kind: type[_Read], content: bytes) -> _Read:
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            text = shown(content.decode("utf-8", "replace"), self._settings)
            raise ModelUnreachableError(
                f"{self._settings.place} sent something else than its batch API should: {text!r}. "
                "Check base_url, and that the endpoint has a batch API"
            ) from error

    async def _known(self, send: Callable[[], Awaitable[_T]]) -> _T | None:
        """What is sent for by its id; None where it is not there."""
        try:
            return await self._mapped("", send)
        except _MissingError:
            return None

    async def _insist(self, path: str, send: Callable[[], Awaitable[_T]]) -> _T:
        retrying = AsyncRetrying(
            sleep=self._sleep,
            retry=retry_if_exception(is_retryable),
            wait=_wait,
            stop=stop_after_attempt(self._tries),
            reraise=True,
        )
        found: _T = await retrying(self._mapped, path, send)
        return found

    async def _mapped(self, path: str, send: Callable[[], Awaitable[_T]]) -> _T:
        """What `send` returns; its foreign errors become ours, and speak of the batch."""
        try:
            return await send()
        except ModelError:
            raise
        except openai.APIStatusError as error:
            raise self._refusal(path, error) from error
        except FOREIGN as error:
            raise as_model_error(error, self._settings) from error

    def _refusal(self, path: str, error: openai.APIStatusError) -> Exception:
        told = as_model_error(error, self._settings)
        if error.status_code in _NO_SUCH_PATH and not path:
            return _MissingError(str(told))
        # a file that was uploaded a moment ago may not be known everywhere yet
        if error.status_code in {400, 404} and path == "/batches" and "file" in str(error).lower():
            return ModelUnreachableError(str(told), sent=False)
        if error.status_code in _NO_SUCH_PATH:
            return ConfigurationError(
                f"{self._settings.place} has no batch API: {path} answered {error.status_code}. "
                "Leave out --via openai-batch, or name an endpoint that has one with --base-url."
            )
        if is_retryable(told) or isinstance(told, (ModelAccessError, ModelQuotaError)):
            return told
        return ConfigurationError(f"The batch was not taken: {told}")


def _is_before(batch: Batch, time_: float) -> bool:
    return isinstance(batch.created_at, float) and batch.created_at < time_


class _MissingError(ModelError):
    """What was asked for by its id is not there."""


def _keep(lines: LineFile, found: list[bytes]) -> None:
    for line in found:
        if (id_ := line_id(line)) is not None:
            lines.add(id_, line)


_jitter = wait_random_exponential(multiplier=1, max=60)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return max(asked_wait(error), _jitter(state))
