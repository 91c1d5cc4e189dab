"""Where gold meets predictions, as arrays: what everything statistical works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


def _any(cells: Flags) -> Flags:
    return np.asarray(cells.any(axis=1), dtype=np.bool_)


@dataclass(frozen=True, eq=False)
class CategoryCases:
    """The decisions of one category: those of incidents to which people gave it a label.

    With n decisions and O options (in the taxonomy's order, without `unknown`): `rows` (n,) says
    to which place of `Cases.incidents` a decision belongs; `gold` and `predicted` (n, O) say which
    options hold, and are all False for `unknown` and for a true-or-false category that is false;
    an answer that holds both options and `unknown`, as some models give, counts its options;
    `usable` (n,) is False where the prediction failed, is missing, was left for a person to review,
    or says that the category does not apply where people gave it a label; `unknown_gold` and
    `unknown_predicted` (n,); `probability` (n, O) lies between 0 and 1, nan where there is none.
    `failed`, `missing` and `review` are counts within n. Raises ValueError where the arrays do not
    fit one another.
    """

    name: str
    options: tuple[str, ...]
    rows: NDArray[np.intp]
    gold: Flags
    predicted: Flags
    usable: Flags
    unknown_gold: Flags
    unknown_predicted: Flags
    probability: NDArray[np.float64]
    failed: int = 0
    missing: int = 0
    review: int = 0

    def __post_init__(self) -> None:
        self._check_shapes()
        unusable = int((~self.usable).sum())
        lost = (self.failed, self.missing, self.review)
        if min(lost) < 0 or sum(lost) > unusable:
            counts = f"{self.failed} failed, {self.missing} missing and {self.review} for review"
            raise ValueError(f"{self.name}: {counts} of {unusable} decisions that are not usable")
        for what, wrong in self._contradictions().items():
            if wrong.any():
                raise ValueError(f"{self.name}: decision {int(wrong.argmax())} {what}")

    def _check_shapes(self) -> None:
        n, cells = (len(self.rows),), (len(self.rows), len(self.options))
        wanted: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("gold", "predicted", "probability"), cells
        )
        wanted |= dict.fromkeys(("rows", "usable", "unknown_gold", "unknown_predicted"), n)
        for field, shape in wanted.items():
            array = getattr(self, field)
            kind = {"rows": "i", "probability": "f"}.get(field, "b")
            if array.shape != shape or array.dtype.kind != kind:
                found = f"{array.shape} of {array.dtype}"
                raise ValueError(f"{self.name}: {field} is {found}, not {shape} of kind {kind}")

    def _contradictions(self) -> Mapping[str, Flags]:
        outside = _any((self.probability < 0) | (self.probability > 1))
        return {
            "is not usable and predicts options": _any(self.predicted) & ~self.usable,
            "has a probability outside 0 to 1": outside,
        }

    @property
    def n(self) -> int:
        """How many decisions there are."""
        return len(self.rows)

    @property
    def exact(self) -> Flags:
        """(n,): usable, and the very options of the gold; `unknown` counts as the empty set."""
        same: Flags = (self.gold == self.predicted).all(axis=1)
        return self.usable & same


@dataclass(frozen=True, eq=False)
class Cases:
    """All decisions with gold; `incidents` are their ids, which the categories' `rows` index.

    Raises ValueError for a row outside the incidents, and for one incident twice in a category.
    """

    incidents: tuple[str, ...]
    categories: tuple[CategoryCases, ...]

    def __post_init__(self) -> None:
        for category in self.categories:
            rows = category.rows
            if rows.size and not 0 <= rows.min() <= rows.max() < len(self.incidents):
                allowed = f"0 to {len(self.incidents) - 1}"
                raise ValueError(
                    f"{category.name}: rows {rows.min()} to {rows.max()}, not {allowed}"
                )
            if np.bincount(rows, minlength=1).max() > 1:
                raise ValueError(f"{category.name}: an incident has two decisions")

    @property
    def n(self) -> int:
        """How many decisions there are in all categories."""
        return sum(category.n for category in self.categories)
