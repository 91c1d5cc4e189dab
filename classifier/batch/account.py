"""What a run has spent, kept in its folder at every call, so that a kill forgets nothing."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pydantic import ValidationError

from classifier.errors import ClassifierError, ConfigurationError
from classifier.models.budget import Ledger
from classifier.models.prices import Overrides, tariff
from classifier.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from classifier.batch.manifest import Manifest
    from classifier.records import Usage

NAME = "account.json"
_BYTES = 512  # always the same, so that a new text takes the place of the old one in one write
_ZERO = Decimal(0)


class Books(Record):
    """A run's account in USD. `reserved` is for calls that are in flight: where the process was
    killed, they count as spent. `inputs` is how many were met, and `complete` says that is all.
    """

    schema_version: int = 1
    spent: Decimal = _ZERO
    reserved: Decimal = _ZERO
    priced: bool = False
    inputs: int = 0
    complete: bool = False

    @property
    def total(self) -> Decimal:
        """All that may have been spent."""
        return self.spent + self.reserved


def load_books(run: Path) -> Books | None:
    """The account in a run folder; None where there is none that can be read."""
    for _ in range(3):  # a reader may meet a write half way
        try:
            found = _books_in((run / NAME).read_bytes())
        except OSError:
            return None
        if found is not None:
            return found
    return None


def spent_before(
    books: Books | None, manifest: Manifest, usage: Callable[[], Usage], overrides: Overrides
) -> Decimal:
    """What earlier starts of a run spent, in USD: by its account, else by the usage of all its
    reports, which knows nothing of failures and takes a while to add up; 0 where calls have no
    price.
    """
    if books is not None and books.priced:
        return books.total
    known = tariff(manifest.model.name, manifest.model.endpoint, overrides)
    return known.price(usage()) if known else _ZERO


@dataclass
class _Kept:
    """The open account file. A start of a run makes it anew, so that one that is left over from an
    earlier start finds out that it is no more the account, and spends nothing more.
    """

    handle: int
    path: Path

    def write(self, books: Books) -> None:
        try:
            if os.name == "nt":
                os.lseek(self.handle, 0, os.SEEK_SET)
                os.write(self.handle, _encoded(books))
            else:
                os.pwrite(self.handle, _encoded(books), 0)
            ours = os.path.samestat(os.fstat(self.handle), self.path.stat())
        except OSError as error:
            raise ClassifierError(
                f"{self.path} cannot be written: {error.strerror or error}. Free space or mend "
                "the disk, and run the same command again to go on."
            ) from error
        if not ours:
            raise ClassifierError(f"{self.path} was taken over: another process goes on with it.")


def _encoded(books: Books) -> bytes:
    return json.dumps(books.model_dump(mode="json")).encode().ljust(_BYTES - 1) + b"\n"


def _taken_over(path: Path, books: Books) -> tuple[_Kept, Books | None]:
    """A new file in the place of the account, and what the old one said last."""
    with ExitStack() as closing:
        before = None
        with suppress(FileNotFoundError):
            before = closing.enter_context(path.open("rb"))
        begun = path.with_name(path.name + ".new")
        begun.write_bytes(_encoded(books))
        begun.replace(path)
        # after that, for the old one is believed by nobody any more
        said = _books_in(before.read()) if before else None
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
    return _Kept(os.open(path, flags), path), said


def _books_in(data: bytes) -> Books | None:
    try:
        return Books.model_validate_json(data)
    except ValidationError:
        return None


def _nano(amount: Decimal) -> int:
    """An amount of the ledger's in its own unit."""
    return int(amount.scaleb(9))


class KeptLedger(Ledger):
    """A ledger whose account stands in the run folder before each call is sent.

    It is written without waiting for the disk: a killed process loses nothing, a power cut the
    last moments.
    """

    def __init__(self, cap: Decimal | None = None, spent: Decimal = _ZERO) -> None:
        super().__init__(cap, spent)
        self._kept: _Kept | None = None
        self._priced = cap is not None
        self._inputs, self._complete = 0, False

    @property
    def priced(self) -> bool:
        """Whether calls have a price; where they have none, nothing is reserved."""
        return self._priced or self.account.spent > 0

    def keep_in(self, run: Path) -> None:
        """Write the account to the folder from now on; raises `ConfigurationError`.

        What the account there says is spent counts, also where it was spent a moment ago.
        """
        path = run / NAME
        try:
            self._kept, before = _taken_over(path, self._books)
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be written: {error.strerror or error}. Nothing was sent: make it "
                "writable."
            ) from error
        if before is not None and before.priced:
            self._spent = _nano(before.total)
        self._write()

    def release(self, amount: Decimal) -> None:
        """Take back so many USD that were reserved and are not needed, to a billionth."""
        self._reserved -= _nano(amount)
        self._write()

    def reserve(self, amount: Decimal) -> bool:
        """As `Ledger.reserve`, and kept."""
        fits = super().reserve(amount)
        if fits:
            self._priced = True
            self._write()
        return fits

    def settle(self, reserved: Decimal, actual: Decimal | None) -> None:
        """As `Ledger.settle`, and kept."""
        super().settle(reserved, actual)
        self._write()

    def met(self, inputs: int, *, complete: bool) -> None:
        """Note how many inputs were met so far."""
        self._inputs, self._complete = inputs, complete
        self._write()

    def close(self) -> None:
        """Close the file."""
        if self._kept is not None:
            with suppress(OSError):
                os.fsync(self._kept.handle)
            os.close(self._kept.handle)
            self._kept = None

    def _write(self) -> None:
        if self._kept is None:
            return
        self._kept.write(self._books)

    @property
    def _books(self) -> Books:
        now = self.account
        return Books(
            spent=now.spent,
            reserved=now.reserved,
            priced=self.priced,
            inputs=self._inputs,
            complete=self._complete,
        )
