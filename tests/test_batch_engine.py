"""The engine and its patience: who is to blame for a failure, what stops a run, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from scripted import Scripted, article, opened, plays, recipes
from virtual_time import now, virtually

from classifier.batch.account import KeptLedger, load_books
from classifier.batch.engine import Ended, Engine
from classifier.batch.estimating import Load, totals
from classifier.batch.folder import MENDED
from classifier.batch.inputs import Unread
from classifier.batch.known import Known
from classifier.batch.patience import SILENT, EndpointGoneError, Patient, asked_about
from classifier.batch.progress import Progress, duration, usd
from classifier.batch.register import Register
from classifier.batch.tally import Tally
from classifier.batch.worker import Worker
from classifier.errors import (
    BudgetError,
    ClassifierError,
    ModelAccessError,
    ModelBusyError,
    ModelError,
    ModelQuotaError,
    ModelRequestError,
    ModelUnreachableError,
    ReplyError,
)
from classifier.models.seam import Message, Reply, Request
from classifier.records import Incident, Usage

RECIPES = recipes()
ANSWERS = plays(RECIPES)
USED = Usage(calls=1, prompt_tokens=10, completion_tokens=5)


class Kept:
    """A run folder in memory; it takes so many reports before its disk is full."""

    def __init__(self, room: int = 1000) -> None:
        self.reports: list[str] = []
        self.failures: dict[str, str] = {}
        self.room = room

    def append_report(self, report: Any) -> None:
        if len(self.reports) >= self.room:
            raise ClassifierError("reports.jsonl cannot be written: No space left on device")
        self.reports.append(report.incident.id)

    def append_failure(self, id_: str, stage: str, reason: str) -> None:
        self.failures[id_] = stage


def incidents(*ids: str) -> list[Incident | Unread]:
    return [Incident(id=i, articles=(article(f"About {i}. It is served warm."),)) for i in ids]


def worked(
    script: Any,
    stream: Iterable[Incident | Unread],
    *,
    known: Known | None = None,
    kept: Kept | None = None,
    again: bool = False,
    at_once: int = 1,
    interrupt_after: float | None = None,
    pause: float | None = None,
    **patience: Any,
) -> tuple[Ended, Kept, Scripted]:
    """What the engine makes of the stream, in virtual time."""
    model, kept = Scripted(script, pause=pause), kept or Kept()

    async def work() -> Ended:
        patient = Patient(model, sleep=asyncio.sleep, clock=now, **patience)
        worker = Worker(RECIPES, opened(model), patient)
        register = Register(kept, known or Known())
        engine = Engine(worker, register, at_once=at_once, again=again)
        if interrupt_after is not None:
            asyncio.get_running_loop().call_later(interrupt_after, engine.interrupt)
        return await engine.run(iter(stream))

    # threads end in real time, so that the clock of a test cannot leap over them
    return asyncio.run(work()), kept, model


def failing(error: Exception, *ids: str) -> Any:
    """The error for these incidents, an answer for the others."""

    def play(request: Request) -> Any:
        told = request.messages[-1].content
        return error if any(f"About {i}." in told for i in ids) else ANSWERS(request)

    return play


def sums(ended: Ended) -> tuple[int, int, int, int]:
    tally = ended.tally
    return tally.reports, tally.failures, tally.unread, tally.left


@pytest.mark.parametrize("at_once", [1, 3])
@pytest.mark.parametrize(
    "error",
    [
        ModelRequestError("too long"),
        ModelBusyError("500"),
        ModelUnreachableError("timeout"),
        ModelAccessError("403"),
        ReplyError("filtered"),
        ZeroDivisionError("a bug"),
    ],
)
def test_an_incident_that_always_fails_stops_no_other(error: Exception, at_once: int) -> None:
    ended, kept, _ = worked(failing(error, "b"), incidents(*"abcde"), at_once=at_once)
    assert (sums(ended), ended.stopped) == ((4, 1, 0, 0), None)
    assert sorted(kept.reports) == list("acde")
    assert [*kept.failures] == ["b"]


def test_the_last_incident_may_fail_too() -> None:
    ended, kept, _ = worked(failing(ModelBusyError("500"), "c"), incidents(*"abc"))
    assert (sums(ended), kept.failures) == ((2, 1, 0, 0), {"c": "ask"})


@pytest.mark.parametrize("error", [BudgetError("the cap"), ModelQuotaError("spent")])
def test_what_every_later_call_meets_stops_the_run_and_blames_nobody(error: Exception) -> None:
    ended, kept, _ = worked(failing(error, "c"), incidents(*"abcde"))
    assert (str(ended.stopped), ended.tally.complete) == (str(error), False)
    assert (kept.reports, kept.failures) == (["a", "b"], {})


@pytest.mark.parametrize(
    ("error", "calls"),
    [
        (ModelUnreachableError("refused", sent=False), 1),
        (ModelAccessError("401"), 1),
        (ModelUnreachableError("timeout"), SILENT),
        (ModelBusyError("503"), SILENT),
        (ModelRequestError("no such model"), SILENT),
    ],
)
def test_an_endpoint_that_never_answers_stops_the_run(error: Exception, calls: int) -> None:
    ended, kept, model = worked(failing(error, *"abcdefgh"), incidents(*"abcdefgh"))
    assert isinstance(ended.stopped, EndpointGoneError)
    assert (kept.reports, kept.failures, len(model.history)) == ([], {}, calls)


def test_failed_ones_that_are_tried_again_do_not_stop_a_run_that_has_answers() -> None:
    known = Known(done={"z"}, failed=dict.fromkeys("abcdef", "ask"))
    script = failing(ModelRequestError("too long"), *"abcde")
    ended, kept, _ = worked(script, incidents(*"abcdefz"), known=known, again=True, trusted=True)
    assert (sums(ended), kept.reports) == ((2, 5, 0, 0), ["f"])


class Calls:
    """A model of so many steps: an error, or an answer after so many seconds."""

    def __init__(self, *steps: Exception | float) -> None:
        self.steps, self.at = list(steps), []

    async def ask(self, request: Request) -> Reply:
        step = self.steps.pop(0) if self.steps else 1.0
        self.at.append(now())
        if isinstance(step, Exception):
            await asyncio.sleep(1)
            raise step
        await asyncio.sleep(step)
        return Reply("hi", "stop", USED)


REQUEST = Request((Message("user", "Hello"),), max_tokens=5)
DOWN = ModelUnreachableError("refused", sent=False)


def asked(calls: Calls, count: int, **more: Any) -> tuple[list[Any], Patient]:
    """So many incidents, one call each and one after the other, in virtual time."""

    async def work() -> tuple[list[Any], Patient]:
        patient = Patient(calls, sleep=asyncio.sleep, clock=now, **more)
        told = []
        for number in range(count):
            asked_about.set(str(number))
            try:
                told.append((await patient.ask(REQUEST)).text)
            except ModelError as error:
                told.append(type(error).__name__)
        return told, patient

    return virtually(work)


def test_an_endpoint_that_goes_away_for_a_minute_is_waited_for() -> None:
    said: list[str] = []
    calls = Calls(1.0, *[DOWN] * 6)
    told, patient = asked(calls, 2, say=said.append)
    assert (told, patient.absences) == (["hi", "hi"], 1)
    assert 60 < calls.at[-1] < 120
    assert [s.partition(".")[0] for s in said] == [
        "refused",
        "The endpoint answers again: going on",
    ]


def test_patience_ends() -> None:
    calls = Calls(1.0, *[DOWN] * 100)
    told, _ = asked(calls, 3, seconds=300)
    assert told == ["hi", "EndpointGoneError", "EndpointGoneError"]
    assert 300 < calls.at[-1] < 370
    assert len(calls.at) < 15


def test_those_that_failed_when_it_went_away_are_asked_again() -> None:
    timeouts = iter([*[ModelUnreachableError("timeout")] * 4])
    begun: list[str] = []

    def play(request: Request) -> Any:
        first = request.messages[-1].content.partition(".")[0]
        begun.append(first)
        return next(timeouts, None) or ANSWERS(request) if len(begun) > 4 else ANSWERS(request)

    ended, kept, _ = worked(play, incidents(*"abcdef"))
    assert (sums(ended), ended.stopped) == ((6, 0, 0, 0), None)
    assert sorted(kept.reports) == list("abcdef")


def test_a_full_disk_stops_the_run() -> None:
    ended, kept, _ = worked(ANSWERS, incidents(*"abcde"), kept=Kept(room=2))
    assert "No space left" in str(ended.stopped)
    assert (kept.reports, ended.tally.reports) == (["a", "b"], 2)


def test_what_is_done_or_has_failed_is_passed_by() -> None:
    known = Known(done={"a", "b"}, short={"b"}, failed={"c": "ask", "x:1": "read"})
    stream = [*incidents(*"abcd"), Unread("x:1", "no JSON")]
    ended, kept, _ = worked(ANSWERS, stream, known=known)
    assert (sums(ended), ended.tally.fell_short) == ((3, 1, 1, 0), 1)
    assert (kept.reports, kept.failures) == (["d"], {})


def test_retry_asks_what_failed_and_what_lacks_a_category() -> None:
    known = Known(done={"a", "b"}, short={"b"}, failed={"c": "ask", "x:1": "read"})
    ended, kept, _ = worked(ANSWERS, incidents(*"abcd"), known=known, again=True)
    assert (sums(ended), kept.reports) == ((3, 0, 0, 1), ["b", "c"])
    assert kept.failures == {"x:1": MENDED}


def test_a_retry_that_fails_keeps_the_old_report() -> None:
    known = Known(done={"a", "z"}, short={"a"})
    script = failing(ModelRequestError("no"), "a")
    ended, kept, _ = worked(script, incidents("a", "z"), known=known, again=True)
    assert (sums(ended), ended.tally.fell_short, kept.failures) == ((2, 0, 0, 0), 1, {})


def test_interrupted_once_it_finishes_what_is_in_flight() -> None:
    ended, kept, model = worked(
        ANSWERS, incidents(*"abcdefgh"), at_once=2, pause=0.05, interrupt_after=0.02
    )
    assert (ended.interrupted, ended.stopped) == (True, None)
    assert sorted(kept.reports) == ["a", "b"]
    assert model.most_at_once == 2


def test_an_incident_without_any_answer_is_a_failure() -> None:
    _, kept, _ = worked(failing(ReplyError("filtered"), "a"), incidents("a", "b"))
    assert (kept.reports, kept.failures) == (["b"], {"a": "answer"})


def test_the_account_outlives_a_kill(tmp_path) -> None:
    ledger = KeptLedger(Decimal(5))
    ledger.keep_in(tmp_path)
    for amount in ("1.5", "0.25"):
        assert ledger.reserve(Decimal(amount))
    ledger.settle(Decimal("1.5"), Decimal("0.7"))
    books = load_books(tmp_path)  # as a killed process leaves it
    ledger.close()
    assert (books.spent, books.reserved) == (Decimal("0.7"), Decimal("0.25"))
    assert books.total == Decimal("0.95")


def test_an_account_that_cannot_be_read_is_none(tmp_path) -> None:
    (tmp_path / "account.json").write_text('{"spent": ')
    assert load_books(tmp_path) is None
    assert load_books(tmp_path / "nowhere") is None


def test_progress_says_rate_and_time_left() -> None:
    times = iter([0.0, *[120.0] * 20])
    tally = Tally(reports=30, made=20, failures=2, failed=2, usage=USED)
    progress = Progress(tally, 76, lambda: Decimal("0.0375"), clock=lambda: next(times))
    assert str(progress) == (
        "32/76 inputs, 2 failed, 11.0/min, 15 tokens, 0.0375 USD, 4 min 0 s left"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (61, "1 min 1 s"), (3600 * 3 + 60, "3 h 1 min"), (90000, "1 d 1 h")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("amount", "words"), [("0", "0"), ("0.0000004", "0"), ("0.05", "0.05"), ("1234.5", "1,234.50")]
)
def test_amounts(amount: str, words: str) -> None:
    assert usd(Decimal(amount)) == words


def test_all_loads_are_summed_and_some_extrapolated() -> None:
    loads = [Load(calls=c, usd=None) for c in (4, 6)]
    assert totals(loads, 2)["usd"] is None
    counted, guessed = totals(loads, 2)["calls"], totals(loads, 102)["calls"]
    assert (counted.low, counted.high) == (10, 10)
    # the mean 5 of 100 more, +- 1.96 * sqrt(2) * sqrt(100 * 100 / 2 + 100)
    assert guessed.low == pytest.approx(510 - 197.95, abs=0.01)
    assert guessed.high == pytest.approx(510 + 197.95, abs=0.01)
