"""What a review answers to each request; sockets and threads are the server's business."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from classifier.errors import ClassifierError, InputError
from classifier.records import Article
from eval.reviewing.guard import Asked, Guard
from eval.reviewing.judging import RefusedError, judge
from eval.reviewing.names import annotator_name
from eval.reviewing.pages import entry_page, list_page, message_page
from eval.reviewing.saving import ConflictError, Saved, Shelf

if TYPE_CHECKING:
    from classifier.batch.texts import Texts
    from classifier.records import Report
    from classifier.taxonomy import Taxonomy
    from eval.reviewing.incidents import Incidents, Listed

MOST_BYTES = 64 << 20
"""The largest gold that is taken; it holds the articles."""

HTML = "text/html; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True)
class Answered:
    """A reply: its status, body, kind and what else stands in its head."""

    status: HTTPStatus
    body: bytes
    kind: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)


class App:
    """The pages of a run and the gold beside it, for one browser.

    `annotator` is the only one who may save, where it is given. `told` is called with the name of
    whoever saved and the incident's id.
    """

    def __init__(
        self,
        incidents: Incidents,
        shelf: Shelf,
        texts: Texts,
        taxonomy: Taxonomy,
        guard: Guard,
        annotator: str = "",
        told: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self._incidents = incidents
        self._shelf = shelf
        self._texts = texts
        self._taxonomy = taxonomy
        self._guard = guard
        self._annotator = annotator
        self._told = told

    def answer(self, asked: Asked, body: Callable[[int], bytes]) -> Answered:
        """The reply; `body` reads at most so many bytes of the body, once all else is well."""
        if (why := self._guard.refusal_of_host(asked)) is not None:
            return _told(HTTPStatus.FORBIDDEN, why)
        if (cookie := self._guard.cookie_for(asked)) is not None:
            entry = entry_page().encode()
            # no redirect: sent here by another program's page, a browser would not bring the cookie
            head = {"Set-Cookie": cookie, "Refresh": "0; url=/"}
            return Answered(HTTPStatus.OK, entry, headers=head)
        if (why := self._guard.refusal(asked)) is not None:
            return _told(HTTPStatus.FORBIDDEN, why)
        try:
            return self._routed(asked, body)
        except (ClassifierError, OSError) as error:
            return _told(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _routed(self, asked: Asked, body: Callable[[int], bytes]) -> Answered:
        method = "GET" if asked.method == "HEAD" else asked.method
        match [method, *asked.path.split("/")[1:]]:
            case ["GET", ""]:
                return self._list()
            case ["GET", "incident", key] if (listed := self._listed(key)) is not None:
                return self._page(listed)
            case ["GET", "incident", key, "gold"] if (listed := self._listed(key)) is not None:
                return self._saved(listed, asked)
            case ["POST", "incident", key, "gold"] if (listed := self._listed(key)) is not None:
                return self._save(listed, asked, body)
        why = f"There is no such page for {method}. The list of incidents is at /."
        return _told(HTTPStatus.NOT_FOUND, why)

    def _listed(self, key: str) -> Listed | None:
        found = self._incidents.get(key)
        if found is None:  # written since
            self._incidents.refresh()
        return found or self._incidents.get(key)

    def _list(self) -> Answered:
        self._incidents.refresh()
        page = list_page(self._incidents.all(), self._shelf.reviewed(), self._taxonomy)
        return Answered(HTTPStatus.OK, page.encode())

    def _page(self, listed: Listed) -> Answered:
        from classifier.render.html import Correcting, report_html

        report = self._incidents.report(listed)
        articles = {a.id: a for a in self._texts.articles(report.incident)}
        correcting = Correcting(
            f"/incident/{listed.key}/gold", self._guard.page_token, self._annotator
        )
        page = report_html(report, self._taxonomy, articles, correcting=correcting)
        return Answered(HTTPStatus.OK, page.encode())

    def _saved(self, listed: Listed, asked: Asked) -> Answered:
        """What the annotator saved, and where the incident stands among the others."""
        place = self._incidents.place(listed.key)
        about: dict[str, Any] = {
            "list": "/",
            "number": place.number,
            "of": place.of,
            "previous": place.previous and f"/incident/{place.previous}",
            "next": place.next and f"/incident/{place.next}",
        }
        if name := asked.query.get("annotator", ""):
            try:
                about |= _as_json(self._shelf.load(annotator_name(name), listed.key))
            except InputError as error:
                return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        return _json(HTTPStatus.OK, about)

    def _save(self, listed: Listed, asked: Asked, body: Callable[[int], bytes]) -> Answered:
        before = asked.header("if-match")
        if before is None and asked.header("if-none-match") != "*":
            return _refused(HTTPStatus.PRECONDITION_REQUIRED, "It does not say what it replaces.")
        if asked.header("content-type") != JSON:
            return _refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Gold is sent as {JSON}.")
        size = asked.header("content-length") or ""
        if not (size.isascii() and size.isdigit()):
            return _refused(HTTPStatus.LENGTH_REQUIRED, "It does not say how long it is.")
        if len(size) > len(str(MOST_BYTES)) or int(size) > MOST_BYTES:
            why = f"Gold may have {MOST_BYTES:,} bytes, and this has more."
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, why)
        try:
            return self._stored(listed, body(int(size)), before and before.strip('"'))
        except RefusedError as error:
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, *error.reasons)
        except ConflictError as error:
            about = {"errors": [str(error)], "etag": error.etag}
            return _json(HTTPStatus.CONFLICT, about)
        except (ClassifierError, OSError) as error:
            return _refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _stored(self, listed: Listed, data: bytes, before: str | None) -> Answered:
        articles = self._articles(self._incidents.report(listed))
        judged = judge(data, listed.id, articles, self._taxonomy)
        if self._annotator and judged.annotator != self._annotator:
            raise RefusedError(f"Only {self._annotator!r} may save here, by --annotator.")
        etag = self._shelf.save(judged.annotator, listed.key, judged.gold, before)
        self._told(judged.annotator, listed.id)
        about = {"etag": etag, "labels": len(judged.gold.labels), "remarks": judged.remarks}
        return _json(HTTPStatus.OK, about)

    def _articles(self, report: Report) -> list[Article]:
        articles = self._texts.articles(report.incident)
        if len(articles) < len(report.incident.articles):
            raise RefusedError(
                "Not all articles of this incident are at hand, and gold needs them. Start "
                "`classifier review` with --articles PATH."
            )
        return articles


def _as_json(saved: Saved | None) -> dict[str, Any]:
    gold = saved.gold.model_dump(mode="json", exclude={"articles"}) if saved else None
    return {"gold": gold, "etag": saved and saved.etag}


def _told(status: HTTPStatus, text: str) -> Answered:
    return Answered(status, message_page(f"{status} {status.phrase}", text).encode())


def _refused(status: HTTPStatus, *reasons: str) -> Answered:
    return _json(status, {"errors": reasons})


def _json(status: HTTPStatus, value: object) -> Answered:
    return Answered(status, json.dumps(value).encode(), JSON)
