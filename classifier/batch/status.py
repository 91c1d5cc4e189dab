"""What stands in a run folder, also while a run goes on: counts, failures, cost, the writer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.batch.account import Books, load_books
from classifier.batch.folder import RunFolder
from classifier.batch.known import Known
from classifier.batch.lock import held_by
from classifier.batch.progress import usd
from classifier.batch.worker import READ

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.records import Usage

_MOST_REASONS = 10
_LONGEST_REASON = 160


@dataclass(frozen=True)
class RunStatus:
    """A run at a moment. `stages` counts failures by stage; `reasons` are the commonest, each as
    (stage, reason, count). `writer` is the process at work, None if there is none.
    """

    path: Path
    model: str
    taxonomy: str
    reports: int
    fell_short: int
    stages: Counter[str]
    reasons: list[tuple[str, str, int]]
    torn: int
    usage: Usage
    books: Books | None
    writer: str | None

    @property
    def failures(self) -> int:
        """Incidents that failed; those that could not be read are apart."""
        return self.stages.total() - self.unread

    @property
    def unread(self) -> int:
        """Inputs that could not be read."""
        return self.stages[READ]

    @property
    def left(self) -> int | None:
        """Inputs not asked yet; None where the inputs were not gone through to their end."""
        if self.books is None or not self.books.complete:
            return None
        return max(0, self.books.inputs - self.reports - self.stages.total())

    def as_record(self) -> dict[str, Any]:
        """All of it as JSON values; amounts are texts, in USD."""
        priced = self.books is not None and self.books.priced
        return {
            "run": str(self.path),
            "model": self.model,
            "taxonomy": self.taxonomy,
            "reports": self.reports,
            "fell_short": self.fell_short,
            "failures": self.failures,
            "unread": self.unread,
            "left": self.left,
            "stages": dict(self.stages),
            "reasons": [
                dict(zip(("stage", "reason", "count"), r, strict=True)) for r in self.reasons
            ],
            "torn_lines": self.torn,
            "usage": self.usage.model_dump(),
            "usd": str(self.books.total) if self.books and priced else None,
            "writer": self.writer,
        }

    def __str__(self) -> str:
        left = "not all inputs were met yet" if self.left is None else f"{self.left} not asked yet"
        at_work = f"process {self.writer} is at work" if self.writer else "nobody is at work"
        lines = [
            f"{self.path}: {self.model}, {self.taxonomy}; {at_work}",
            f"{self.reports:,} reports, {self.failures:,} failures, {self.unread:,} unread; {left}",
        ]
        if self.fell_short:
            lines.append(f"{self.fell_short:,} reports lack a category")
        lines += [f"  {count:,} {stage}: {reason}" for stage, reason, count in self.reasons]
        usage = self.usage
        lines.append(
            f"Reports took {usage.calls:,} calls, {usage.prompt_tokens:,} prompt tokens, "
            f"{usage.completion_tokens:,} written; {usage.cache_hits:,} answers from the cache"
        )
        if self.books is not None and self.books.priced:
            lines.append(
                f"{usd(self.books.total)} USD spent, failures and calls in flight included"
            )
        if self.torn:
            lines.append(f"{self.torn} torn lines: a process was killed while it wrote them")
        return "\n".join(lines)


def status_of(path: Path) -> RunStatus:
    """What stands in the folder; `ConfigurationError` where it is no run folder."""
    run = RunFolder.open(path)
    known = Known.of(run)
    stages: Counter[str] = Counter(known.failed.values())
    reasons = Counter((f.stage, _alike(f.id, f.reason)) for f in run.failures(known.done))
    return RunStatus(
        path=path,
        model=run.manifest.model.name,
        taxonomy=run.manifest.taxonomy,
        reports=len(known.done),
        fell_short=len(known.short),
        stages=stages,
        reasons=[(*key, count) for key, count in reasons.most_common(_MOST_REASONS)],
        torn=run.torn(),
        usage=known.usage,
        books=load_books(path),
        writer=held_by(path),
    )


def _alike(id_: str, reason: str) -> str:
    """The reason without what differs from input to input."""
    return reason.replace(id_, "…")[:_LONGEST_REASON]
