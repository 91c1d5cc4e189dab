"""Scores, comparisons and gold whose pages are looked at, plain and hostile."""

from __future__ import annotations

from collections.abc import Sequence

from classifier.records import Article, Evidence
from eval.changes import Change, Comparison, Flip
from eval.figures import (
    Bin,
    Calibration,
    CategoryScore,
    Constant,
    EvidenceScore,
    Figure,
    OptionScore,
    Score,
)
from eval.gold import Gold, GoldIncident, GoldReason
from eval.render.page import comparison_page, score_page

EMOJI = "🚨👩‍🚀 Ein Café in Köln\n"
QUOTE = "الخطأ في برنامج 🛰️ الملاحة"
TEXT = (
    f"{EMOJI}قال التقرير إن {QUOTE} أسقط الطائرة.\nBeginning, middle and end of it." + "\nx" * 200
)
HOSTILE = (
    "</script></style></title><script>window.ran=1</script><img src=x onerror='window.ran=1'>"
    '"\' onclick="window.ran=1" {{ 7 * 191 }}{% raw %}\x00\x1b\u202e end'
)


def figure(value: float | None) -> Figure:
    return Figure(value=value, low=value and value - 0.125, high=value and value + 0.125)


def category(name: str, exact: float | None, **more: object) -> CategoryScore:
    names = ("exact", "precision", "recall", "micro_f1", "macro_f1", "jaccard", "kappa", "alpha")
    figures = dict.fromkeys(names, figure(0.5)) | {"exact": figure(exact)}
    constant = Constant(options=("left",), exact=0.25, precision=0.25, recall=0.25, micro_f1=0.25)
    counts = {"decisions": 8, "failed": 1, "missing": 0}
    return CategoryScore(name=name, constant=constant, **figures, **counts, **more)


def options(*names: str) -> tuple[OptionScore, ...]:
    figures = dict.fromkeys(("precision", "recall", "f1", "kappa"), figure(0.5))
    return tuple(OptionScore(name=n, support=4, predicted=3, **figures) for n in names)


CALIBRATION = Calibration(
    options=16,
    brier=0.125,
    ece=0.0625,
    bins=(
        Bin(low=0, high=0.5, count=12, mean_probability=0.2, observed=0.25),
        Bin(low=0.5, high=0.75, count=0),
        Bin(low=0.75, high=1, count=4, mean_probability=0.9, observed=0.75),
    ),
    risk_coverage=((0.25, 0.0), (0.5, 0.25), (1.0, 0.375)),
    aurc=0.2,
)


def score(text: str = "run") -> Score:
    side = category(
        text, 0.375, options=options("left", text), confusion=((3, 1, 0), (0, 2, 1), (0, 0, 1))
    )
    categories = (category("b", 0.75), side, category("none", None), category("a", 0.875))
    return Score(
        gold=text,
        predictions=text,
        incidents=8,
        draws=100,
        seed=3,
        confidence=0.95,
        overall=category("all", 0.625),
        categories=categories,
        calibration=CALIBRATION,
        evidence=EvidenceScore.of(10, 9, 8, 2),
        notes=(text,),
    )


def gold(text: str = TEXT, name: str = "i1", quotes: Sequence[str] = (QUOTE,)) -> Gold:
    articles = (
        Article(id="a1", title=name, text=text, url="https://example.org/1"),
        Article(id="a2", title=name, text=f"other {text}", url="javascript:window.ran=1"),
    )
    reasons = {"side": {"left": GoldReason(rationale=name, quotes=tuple(quotes))}}
    one = GoldIncident(id=name, articles=articles, labels={"side": ("left",)}, reasons=reasons)
    return Gold((one,), name)


def evidence(quote: str, text: str = TEXT) -> Evidence:
    start = text.index(quote)
    end = start + len(quote)
    return Evidence(article_id="a1", quote=quote, start=start, end=end, match="exact")


def flip(
    incident: str = "i1", category: str = "side", helpful: bool = False, **more: object
) -> Flip:
    sides = {"gold": ("left",), "before": ("left",), "after": ("right",)}
    return Flip(**{"incident": incident, "category": category, "helpful": helpful, **sides, **more})


def change(name: str, value: float | None, verdict: str = "worse", **more: object) -> Change:
    figures = {"exact": figure(value), "micro_f1": figure(value)}
    counts = {"decisions": 8, "altered": 2, "helpful": 1, "harmful": 1, "p": 0.5}
    rates = {"before": 0.75, "after": 0.5, "adjusted": 0.0001}
    return Change(name=name, verdict=verdict, **figures, **{**counts, **rates, **more})


def comparison(*flips: Flip, text: str = "side", **more: object) -> Comparison:
    categories = (
        change(text, -0.25),
        change("other", 0.25, "better"),
        change("few", None, "too_few", needed=12, helpful=0, harmful=0),
    )
    rules = {"incidents": 8, "level": 0.05, "margin": 0.1, "draws": 100, "seed": 3}
    return Comparison(
        overall=change("all", -0.0625), categories=categories, flips=flips, **rules, **more
    )


FLIPS = (
    flip(
        evidence_before=(evidence("Beginning, middle"),),
        evidence_after=(evidence("middle and end"), evidence("Ein Café")),
    ),
    flip(helpful=True),
    flip(category="other"),
)


def hostile_pages() -> list[str]:
    lost = Evidence(article_id="a1", quote=HOSTILE, match="not_found")
    bad = flip(
        HOSTILE,
        HOSTILE,
        before=(HOSTILE,),
        rationale_after=HOSTILE,
        evidence_before=(evidence(HOSTILE, HOSTILE), lost),
    )
    labelled = gold(HOSTILE, "x")
    [one] = labelled.incidents
    renamed = one.model_copy(update={"id": HOSTILE, "reasons": {HOSTILE: one.reasons["side"]}})
    titled = [a.model_copy(update={"title": HOSTILE, "source": HOSTILE}) for a in one.articles]
    everywhere = Gold((renamed.model_copy(update={"articles": tuple(titled)}),), HOSTILE)
    compared = comparison(bad, text=HOSTILE, before=HOSTILE, after=HOSTILE, notes=(HOSTILE,))
    return [score_page(score(HOSTILE), everywhere), comparison_page(compared, everywhere)]


def plain_pages() -> list[str]:
    return [score_page(score(), gold()), comparison_page(comparison(*FLIPS), gold())]
