"""Which incidents to take where not all can be: a sample that keeps the share of every option."""

from __future__ import annotations

import math
import random
from collections import Counter

from eval.gold import Gold, GoldIncident

Label = tuple[str, str]


def sample(gold: Gold, limit: int | None, seed: int = 0) -> Gold:
    """At most `limit` incidents, the same ones for the same gold and seed.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011): the rarest option that still
    lacks incidents is served first, with one that serves most others too.
    """
    if limit is None or limit >= len(gold.incidents):
        return gold
    labels = {i.id: _labels(i) for i in gold.incidents}
    left = sorted(labels)
    random.Random(seed).shuffle(left)  # noqa: S311 - a sample, not a secret
    share = limit / len(left)
    wanted = {o: n * share for o, n in Counter(o for ls in labels.values() for o in ls).items()}
    taken: set[str] = set()
    while len(taken) < limit:
        best = _next(left, labels, wanted)
        left.remove(best)
        taken.add(best)
        for label in labels[best]:
            wanted[label] -= 1
    return gold.only(taken)


def _labels(incident: GoldIncident) -> frozenset[Label]:
    return frozenset((c, o) for c, options in incident.labels.items() for o in options or ("-",))


def _next(left: list[str], labels: dict[str, frozenset[Label]], wanted: dict[Label, float]) -> str:
    supply = Counter(label for i in left for label in labels[i])
    lacking = [label for label in supply if wanted[label] > 0]
    if not lacking:
        return left[0]
    rarest = min(lacking, key=lambda label: (supply[label], -wanted[label], label))
    able = [i for i in left if rarest in labels[i]]
    # sets have another order in each process, and a plain sum another last digit with it
    return max(able, key=lambda i: math.fsum(wanted[label] for label in labels[i]))
