"""Which incidents to take where not all can be: a sample that keeps the share of every option."""

from __future__ import annotations

import math
import random

from eval.gold import Gold, GoldIncident

Label = tuple[str, str]


def sample(gold: Gold, limit: int | None, seed: int = 0) -> Gold:
    """At most `limit` incidents, the same ones for the same gold and seed.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011): the rarest option that still
    lacks incidents is served first, with one that serves most others too.
    """
    if limit is None or limit >= len(gold.incidents):
        return gold
    left = _Left({i.id: _labels(i) for i in gold.incidents}, limit, seed)
    return gold.only({left.take() for _ in range(limit)})


def _labels(incident: GoldIncident) -> frozenset[Label]:
    return frozenset((c, o) for c, options in incident.labels.items() for o in options or ("-",))


class _Left:
    """The incidents that were not taken yet, and how many of each label are still wanted."""

    def __init__(self, labels: dict[str, frozenset[Label]], limit: int, seed: int) -> None:
        order = sorted(labels)
        random.Random(seed).shuffle(order)  # noqa: S311 - a sample, not a secret
        self._labels = labels
        self._left = dict.fromkeys(order)
        self._having: dict[Label, dict[str, None]] = {}
        for name in order:
            for label in labels[name]:
                self._having.setdefault(label, {})[name] = None
        share = limit / len(order)
        self._wanted = {label: len(having) * share for label, having in self._having.items()}

    def take(self) -> str:
        """The next incident of the sample."""
        best = self._next()
        del self._left[best]
        for label in self._labels[best]:
            del self._having[label][best]
            self._wanted[label] -= 1
        return best

    def _next(self) -> str:
        wanted, having = self._wanted, self._having
        lacking = [label for label in having if having[label] and wanted[label] > 0]
        if not lacking:
            return next(iter(self._left))
        rarest = min(lacking, key=lambda label: (len(having[label]), -wanted[label], label))
        # sets have another order in each process, and a plain sum another last digit with it
        labels = self._labels
        return max(having[rarest], key=lambda i: math.fsum(wanted[label] for label in labels[i]))
