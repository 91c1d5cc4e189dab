"""Holds a run to a money cap: what a call may cost is reserved before it, and settled after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Protocol

from classifier.errors import (
    BudgetError,
    ConfigurationError,
    ModelError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.records import Usage

if TYPE_CHECKING:
    from datetime import datetime

    from classifier.models.estimate import Estimate
    from classifier.models.prices import Tariff
    from classifier.models.seam import Model, Reply, Request

_NANO = 10**9


class Purse(Protocol):
    """Where money is reserved: the ledger of this run, or a stand-in for one elsewhere."""

    def reserve(self, amount: Decimal) -> bool:
        """Set so many USD aside for a call; False, and nothing set aside, if they do not fit."""
        ...

    def settle(self, reserved: Decimal, actual: Decimal | None) -> None:
        """Put what the call cost in the place of what was reserved; None: it is not known."""
        ...


@dataclass(frozen=True)
class Account:
    """A ledger at one moment, in USD. `spent` holds what earlier runs spent; `estimated` and
    `actual` are what this run's settled calls were reserved for and what they cost. Of `actual`,
    `assumed` is not known: the endpoint did not say, so the whole reservation counts.
    """

    cap: Decimal | None
    spent: Decimal
    reserved: Decimal
    calls: int
    estimated: Decimal
    actual: Decimal
    assumed: Decimal

    def __str__(self) -> str:
        of_cap = "" if self.cap is None else f" of {self.cap:f}"
        return f"{self.spent:f}{of_cap} USD spent, {self.reserved:f} reserved"


class Ledger:
    """What was spent and is reserved, never more than `cap` USD together (None: no cap).

    `spent` is what the run had spent before it was taken up again. Amounts are kept in billionths
    of a USD, rounded up. Only a call that cost more than was reserved for it exceeds the cap.
    """

    def __init__(self, cap: Decimal | None = None, spent: Decimal = Decimal(0)) -> None:
        self._cap = None if cap is None else _nano(_checked("--max-cost", cap))
        self._spent = _nano(_checked("the amount spent before", spent))
        self._reserved = self._calls = self._estimated = self._actual = self._assumed = 0

    def reserve(self, amount: Decimal) -> bool:
        """Set so many USD aside; False, and nothing set aside, if they do not fit."""
        nano = _nano(amount)
        if self._cap is not None and self._spent + self._reserved + nano > self._cap:
            return False
        self._reserved += nano
        return True

    def settle(self, reserved: Decimal, actual: Decimal | None) -> None:
        """Put what the call cost in the place of what was reserved; None: all of it, assumed."""
        before = _nano(reserved)
        cost = before if actual is None else _nano(actual)
        self._reserved -= before
        self._spent += cost
        self._calls += 1
        self._estimated += before
        self._actual += cost
        self._assumed += cost if actual is None else 0

    def grant(self, amount: Decimal) -> None:
        """Raise the cap by so many USD, such as a lease from a ledger that many workers share."""
        if self._cap is not None:
            self._cap += _nano(amount)

    @property
    def account(self) -> Account:
        """All figures at this moment."""
        cap = None if self._cap is None else _usd(self._cap)
        sums = (self._estimated, self._actual, self._assumed)
        return Account(cap, _usd(self._spent), _usd(self._reserved), self._calls, *map(_usd, sums))

    def __str__(self) -> str:
        return str(self.account)


def _checked(what: str, amount: Decimal) -> Decimal:
    if not (amount.is_finite() and 0 <= amount < 10**12):
        raise ConfigurationError(f"{what} is {amount}: give USD, 0 or more")
    return amount


def _nano(amount: Decimal) -> int:
    """Billionths of a USD, rounded up."""
    if not (amount.is_finite() and amount >= 0):
        raise ValueError(f"an amount of {amount} USD: give 0 or more")
    return int(amount.scaleb(9).to_integral_value(ROUND_CEILING))


def _usd(nano: int) -> Decimal:
    return Decimal(nano) / _NANO


Lease = Callable[[Decimal], Awaitable[bool]]


class Budgeted:
    """Asks the model as long as the purse holds what the call may cost at most.

    A call that does not fit waits while others run, for most cost less than was reserved. Where
    none runs any more, `lease` is asked to put at least so many USD into the purse; without it the
    call, and every later one, raises `BudgetError` unsent. So no call is under way when the first
    `BudgetError` rises, and nothing that was paid for is lost.
    """

    def __init__(
        self,
        model: Model,
        tariff: Tariff,
        purse: Purse,
        estimate: Estimate,
        *,
        lease: Lease | None = None,
    ) -> None:
        self._model = model
        self._tariff = tariff
        self._purse = purse
        self._estimate = estimate
        self._lease = lease
        self._under_way = 0
        self._settled = asyncio.Event()
        self._over: BudgetError | None = None

    async def ask(self, request: Request) -> Reply:
        """Answer as the model does; raises its errors, and `BudgetError` at the cap."""
        prompt = await self._estimate.prompt(request)
        at = self._tariff.clock()  # a dearer hour that begins meanwhile is not this call's
        reserved = self._tariff.most(prompt, request.max_tokens, at)
        await self._reserve(reserved)
        cost: Decimal | None = None  # also of a call that is cancelled: it may be billed
        try:
            reply = await self._model.ask(request)
            cost = self._cost(reply.usage, at)
        except ModelError as error:
            cost = self._cost(error.usage, at) if may_be_billed(error) else Decimal(0)
            raise
        except ConfigurationError:  # nothing was sent
            cost = Decimal(0)
            raise
        finally:
            self._settle(reserved, cost)
        return reply

    def _cost(self, usage: object, at: datetime) -> Decimal | None:
        """None where the endpoint does not say how many tokens it counted."""
        if not isinstance(usage, Usage):
            return None
        counts = (usage.prompt_tokens, usage.completion_tokens)
        return self._tariff.price(usage, at) if min(counts) >= 0 < max(counts) else None

    async def _reserve(self, amount: Decimal) -> None:
        while True:
            if self._over is not None:
                raise BudgetError(*self._over.args) from self._over
            if self._purse.reserve(amount):
                self._under_way += 1
                return
            if self._under_way:
                await self._settled.wait()
            elif self._lease is not None and await self._lease(amount):
                continue
            elif not self._under_way:  # a smaller call may have begun while the lease was asked for
                self._over = BudgetError(
                    f"the next call may cost {amount:f} USD, more than is left: {self._purse}. "
                    "What is answered is kept: raise --max-cost and start the run again"
                )

    def _settle(self, reserved: Decimal, cost: Decimal | None) -> None:
        self._purse.settle(reserved, cost)
        self._under_way -= 1
        # wakes those who wait now; those who come to wait later need a later settlement
        self._settled.set()
        self._settled = asyncio.Event()


def may_be_billed(error: ModelError) -> bool:
    """Whether a failed call may cost something: it was answered, or nobody knows.

    A status other than 200 is not billed; a request that was never sent is not either.
    """
    if isinstance(error, ModelUnreachableError):
        return error.sent
    return isinstance(error, ReplyError) or error.usage is not None
