"""What a person sees of a batch run: a bar on a terminal, else a line now and then; Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from classifier.cli.console import counted, now_and_then, say, visible
from classifier.models.opening import Notices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from classifier.batch.job import Working
    from classifier.batch.progress import EventLog, Progress

_EVERY = 60.0


class View:
    """Looks on while a run goes on: it is told of events, and shows them on standard error."""

    def __init__(
        self,
        notices: Notices,
        log: EventLog | None,
        show: Callable[[Progress], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.notices = Notices(say=self._say, progress=notices.progress)
        self._notices = notices
        self._log = log
        self._show = show
        self._clock = clock
        self._told = clock()
        self._progress: Progress | None = None

    def begin(self, engine: Working, progress: Progress) -> None:
        """Show the progress from now on, and let Ctrl-C end the run in two steps."""
        self._progress = progress
        self._show(progress)
        loop = asyncio.get_running_loop()

        def pressed(*_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(self._interrupt, engine)

        with suppress(ValueError):  # not in the main thread, which alone gets signals
            signal.signal(signal.SIGINT, pressed)

    def tell(self, event: str, fields: Mapping[str, Any]) -> None:
        """Note an event; a failure is shown as it comes."""
        if self._log is not None:
            self._log.write(event, fields)
        if event == "failure":
            self._notices.say(f"{fields['id']}: {fields['reason']}")
        if self._clock() - self._told >= _EVERY and self._progress is not None:
            self._told = self._clock()
            if self._log is not None:
                self._log.write("progress", self._progress.fields())
            if not sys.stderr.isatty():
                say(str(self._progress))

    def _interrupt(self, engine: Working) -> None:
        if not engine.interrupted:
            self._say("Finishing what is in flight. Press Ctrl-C again to cancel it.")
        engine.interrupt()

    def _say(self, text: str) -> None:
        self._notices.say(text)
        if self._log is not None:
            self._log.write("notice", {"text": text})


@contextmanager
def shown_run(log: EventLog | None) -> Iterator[View]:
    """A view for the life of a run; afterwards Ctrl-C is as it was before."""
    before = signal.getsignal(signal.SIGINT)
    with ExitStack() as stack:
        if sys.stderr.isatty():
            notices, show = stack.enter_context(_bar())
        else:
            notices, show = Notices(say=say, progress=now_and_then()), lambda _: None
        try:
            yield View(notices, log, show)
        finally:
            with suppress(ValueError):
                signal.signal(signal.SIGINT, before)


@contextmanager
def _bar() -> Iterator[tuple[Notices, Callable[[Progress], None]]]:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task
    from rich.progress import Progress as Bar
    from rich.text import Text

    class Figures(ProgressColumn):
        """What is shown beside the bar, made anew each time that it is drawn."""

        max_refresh = 0.5

        def render(self, task: Task) -> Text:
            progress = task.fields.get("progress")
            if progress is None:
                return Text(task.description)
            task.completed = progress.tally.inputs
            return Text(visible(str(progress)), overflow="ellipsis")

    console = Console(stderr=True, emoji=False, markup=False, highlight=False)
    with Bar(BarColumn(20), Figures(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None, progress=None)

        def told(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total, description=visible(text)[:60])

        def show(progress: Progress) -> None:
            bar.update(task, total=progress.total, progress=progress)

        said = Notices(
            say=lambda text: bar.console.print(visible(text), soft_wrap=True), progress=told
        )
        yield said, show


def failures_in_words(stages: Mapping[str, int], unread: int) -> str:
    """Stages with their counts: `2 ask, 1 read`."""
    listed = [f"{count} {stage}" for stage, count in sorted(stages.items()) if count]
    return ", ".join([*listed, *([f"{unread} read"] if unread else [])])


def inputs_in_words(reports: int, failures: int, unread: int, left: int) -> str:
    """The sum that must come out even."""
    total = counted(reports + failures + unread + left, "input", "inputs")
    parts = [counted(reports, "report", "reports"), counted(failures, "failure", "failures")]
    parts.append(f"{unread} unread")
    if left:
        parts.append(f"{left} not asked yet")
    return f"{total} = {' + '.join(parts)}"
