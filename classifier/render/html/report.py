"""One report as a page: its claims beside the articles, each claim a click from its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from classifier.records import Article, Report
from classifier.render.html.kit import data_block, environment, page, there
from classifier.render.html.texts import usable
from classifier.render.html.views import view_of, words_of
from classifier.taxonomy import Taxonomy

_STYLES = ("base.css", "report.css")
_SCRIPTS = ("report.js",)
_CORRECTING = ("correcting_answers.js", "correcting.js")


@dataclass(frozen=True)
class Correcting:
    """Where a person's corrections are sent: the address, what lets them in, and whose they are."""

    save_url: str
    token: str
    annotator: str


def report_html(
    report: Report,
    taxonomy: Taxonomy,
    articles: Mapping[str, Article],
    *,
    correcting: Correcting | None = None,
) -> str:
    """The report as one HTML file, beside the articles, which are given by their ids.

    An article that is missing, or whose text is not the one that the report was made from, is
    named as such and has no marks. Without `correcting` a person can download corrections; with
    it they are sent to its address.
    """
    environment_ = _environment()
    return page(
        environment_,
        "report.html.jinja",
        styles=[*_STYLES, *there(environment_, ["correcting.css"])],
        scripts=[*_SCRIPTS, *there(environment_, ["correcting_answers.js", "correcting.js"])],
        connect=correcting.save_url if correcting else "",
        view=view_of(report, taxonomy, articles),
        correcting=correcting,
        data=data_block(_data(report, taxonomy, articles, correcting)),
    )


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    made = environment()
    made.globals["words"] = words_of
    made.filters["breakable"] = lambda text: Markup("/<wbr>").join(text.split("/"))
    return made


def _data(
    report: Report,
    taxonomy: Taxonomy,
    articles: Mapping[str, Article],
    correcting: Correcting | None,
) -> dict[str, Any]:
    """What the page's scripts read; the comment at the top of report.html.jinja describes it."""
    refs = report.incident.articles
    texts = [articles[ref.id] for ref in refs if usable(ref, articles.get(ref.id))]
    return {
        "report": report.model_dump(mode="json"),
        "taxonomy": _questions(taxonomy),
        "articles": [article.model_dump(mode="json") for article in texts],
        "correcting": asdict(correcting) if correcting else None,
    }


def _questions(taxonomy: Taxonomy) -> dict[str, Any]:
    """The taxonomy as far as a person needs it to answer: its categories, in their order."""
    return {
        "name": taxonomy.name,
        "version": taxonomy.version,
        "title": taxonomy.title,
        "unknown": taxonomy.unknown,
        "sections": [s.model_dump(mode="json") for s in taxonomy.sections],
        "categories": [c.model_dump(mode="json") for c in taxonomy.categories.values()],
    }
