"""The review's own pages: the list of incidents, the first page, and what is said instead."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from classifier.render.html.kit import environment, page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from classifier.taxonomy import Taxonomy
    from eval.reviewing.incidents import Listed
    from eval.reviewing.saving import Reviewed


def list_page(
    incidents: Sequence[Listed], reviewed: Mapping[str, Sequence[Reviewed]], taxonomy: Taxonomy
) -> str:
    """Every incident of the run, who reviewed it, and how many categories they confirmed."""
    return _page(
        "list.html.jinja",
        incidents=incidents,
        reviewed=reviewed,
        done=sum(one.key in reviewed for one in incidents),
        categories=len(taxonomy.categories),
    )


def entry_page() -> str:
    """Leads on to the list."""
    return _page("entry.html.jinja")


def message_page(title: str, text: str) -> str:
    """A sentence."""
    return _page("message.html.jinja", title=title, text=text)


def _page(template: str, **values: Any) -> str:
    return page(_environment(), template, styles=["base.css", "list.css"], scripts=[], **values)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return environment("eval.reviewing")
