"""What the processes of a cluster tell each other: small records that are pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from classifier.models.budget import Account
    from classifier.models.headers import Kind, Told

ZERO = Decimal(0)


@dataclass
class News:
    """What a worker has to tell since it last did.

    `settled` are calls: what was reserved, and what they cost (None: not known), in USD;
    `unneeded` USD are given back. `requests` were taken and not sent; `tokens` were used beyond
    what was taken. `told` is what the endpoint's headers said last, `pauses` are the waits in
    seconds that it asked for (None: until its limit is whole again), `quota` says that it is spent.
    """

    settled: list[tuple[Decimal, Decimal | None]] = field(default_factory=list)
    unneeded: Decimal = ZERO
    requests: int = 0
    tokens: float = 0.0
    told: dict[Kind, Told] = field(default_factory=dict)
    pauses: list[float | None] = field(default_factory=list)
    quota: str = ""
    said: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Tickets:
    """So many of the calls that were asked for may be sent now; none where `quota` is spent."""

    count: int
    counts_tokens: bool
    quota: str = ""


@dataclass(frozen=True)
class Leased:
    """So many USD may be spent; 0 where they do not fit. `account` tells how it stands."""

    amount: Decimal
    account: str


@dataclass(frozen=True)
class Order:
    """What all workers are to do: go on (0), finish what is in flight (1), or cancel it (2);
    `recall`: give money back that is not in use. `counts_tokens`: tokens are limited.
    """

    halted: int = 0
    recall: bool = False
    counts_tokens: bool = False


@dataclass(frozen=True)
class Stop:
    """Why the run stops; `wrong`: it is the settings that are to blame."""

    reason: str
    wrong: bool = False


@dataclass(frozen=True)
class Looked:
    """How the cluster stands, and what it had to say since the last look."""

    account: Account
    priced: bool
    stopped: Stop | None = None
    said: tuple[str, ...] = ()


class Counter(Protocol):
    """The bank, as a worker reaches it. Raises `BudgetError` where it is gone: nothing can be sent
    then that would be counted.
    """

    async def tickets(self, worker: str, news: News, tokens: list[float]) -> Tickets:
        """Wait until at least the first of these calls may be sent; `tokens` are their sizes."""

    async def lease(
        self, worker: str, news: News, least: Decimal, wanted: Decimal, *, wait: bool
    ) -> Leased:
        """Reserve what is wanted, or at least the least."""

    async def pulse(self, worker: str, news: News) -> Order:
        """Hear the news, and say what is to be done."""

    async def stop(self, stop: Stop) -> None:
        """End the run everywhere."""
