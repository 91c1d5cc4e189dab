"""The embeddings of an incident's sentences: what each is about, as a model's first layers tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from classifier.records import Evidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Embeddings:
    """The embedding of each sentence that was read, by its words."""

    of: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def rows(self, sentences: Sequence[Evidence], otherwise: Sequence[float]) -> Floats:
        """(sentences, numbers); a sentence that was not read has the numbers of `otherwise`."""
        import numpy as np

        found = [self.of.get(s.quote, ()) for s in sentences]
        size = len(otherwise)
        rows = [row if len(row) == size else otherwise for row in found]
        return np.array(rows, dtype=float).reshape(len(rows), size)

    def mean(self, sentences: Sequence[Evidence]) -> tuple[float, ...]:
        """The mean of those that were read, longer sentences weighing more; empty without any."""
        import numpy as np

        known = [(self.of[s.quote], len(s.quote)) for s in sentences if s.quote in self.of]
        if not known:
            return ()
        rows, lengths = zip(*known, strict=True)
        return tuple(np.average(np.array(rows), axis=0, weights=lengths).round(4).tolist())

    def missing(self, sentences: Sequence[Evidence]) -> int:
        """How many of the sentences were not read."""
        return sum(s.quote not in self.of for s in sentences)
