"""What a run came to so far: how many inputs ended how, and what they cost in tokens."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from classifier.records import Usage


@dataclass
class Tally:
    """Counts of one start of a run. Inputs that were done before count where they are met again.

    `made` are the reports of this start alone, and `failed` its failures; `left` are inputs that
    this start was not to ask about. `complete` says that all inputs were gone through.
    """

    reports: int = 0
    failures: int = 0
    unread: int = 0
    left: int = 0
    fell_short: int = 0
    made: int = 0
    failed: int = 0
    usage: Usage = field(default_factory=Usage)
    stages: Counter[str] = field(default_factory=Counter)
    complete: bool = False

    @property
    def inputs(self) -> int:
        """All inputs that were met so far, and ended as one of the others."""
        return self.reports + self.failures + self.unread + self.left

    @property
    def tokens(self) -> int:
        """Prompt and reply tokens of this start."""
        return self.usage.prompt_tokens + self.usage.completion_tokens

    @property
    def well(self) -> bool:
        """Whether every input has a report in which every category has an answer."""
        return self.complete and not (self.failures or self.unread or self.left or self.fell_short)
