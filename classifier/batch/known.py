"""What a run folder holds when it is taken up: which inputs are done, and which have failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from classifier.records import Usage

if TYPE_CHECKING:
    from classifier.batch.folder import RunFolder


@dataclass(frozen=True)
class Known:
    """The ids of the reported incidents, those of them that lack a category, and the stage of
    each failure that no report outdoes; `usage` is that of all reports.
    """

    done: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    @classmethod
    def of(cls, run: RunFolder) -> Known:
        """What the folder holds; reads all of it, a line at a time."""
        done, short, counts = set[str](), set[str](), dict.fromkeys(Usage.model_fields, 0)
        for brief in run.briefs():
            done.add(brief.id)
            (short.add if brief.fell_short else short.discard)(brief.id)
            for name in counts:
                counts[name] += getattr(brief.usage, name)
        failed = {one.id: one.stage for one in run.failures(done)}
        return cls(done, short, failed, Usage(**counts))
