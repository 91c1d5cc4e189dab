"""Agreement between people as text, and a model's place beside them."""

from __future__ import annotations

from eval.agreement import AgreementScore, Band, CategoryAgreement
from eval.render.tables import between, number, signed, table

_PEOPLE = ("category", "n", "exact", "95%", "kappa", "alpha")
_MODEL = ("model", "alpha", "difference", "95%", "human band")
BANDS: dict[Band, str] = {
    "above": "above",
    "within": "within",
    "below": "below",
    "too_few": "too few to tell",
}


def agreement_text(found: AgreementScore) -> str:
    """The table, and what its last column means."""
    head = (*_PEOPLE, *_MODEL) if found.model else _PEOPLE
    rows = [_row(c) for c in (*found.categories, found.overall)]
    told = [
        f"raters: {', '.join(found.raters)}, on {found.incidents} incidents of {found.gold}",
        *([f"model:  {found.model}"] if found.model else []),
        "",
        table(head, rows),
    ]
    if found.model:
        told += [
            "",
            (
                f"'{BANDS['within']}': agrees with people as they do with each other, a lag of "
                f"{found.margin:.2f} or more being excluded; '{BANDS['below']}': agrees less."
            ),
        ]
    return "\n".join(told) + "\n"


def _row(category: CategoryAgreement) -> tuple[str, ...]:
    people, model, difference = category.people, category.model, category.difference
    cells = (
        category.name,
        str(category.decisions),
        number(people.exact.value),
        between(people.exact.low, people.exact.high),
        number(people.kappa.value),
        number(people.alpha.value),
    )
    if model is None or difference is None or category.band is None:
        return cells
    return (
        *cells,
        number(model.exact.value),
        number(model.alpha.value),
        signed(difference.value),
        between(difference.low, difference.high),
        BANDS[category.band],
    )
