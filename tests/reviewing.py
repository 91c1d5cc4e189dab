"""A run about cakes, its review on loopback, and a client that behaves like a browser's page."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reports import answered, found, provenance
from run_folders import of_recipes, run_of
from scripted import recipes

from classifier.batch.texts import Texts
from classifier.records import Article, ArticleRef, Decision, Evidence, IncidentRef, Report
from eval.reviewing import open_review
from eval.reviewing.names import incident_key

RECIPES = recipes()
QUOTE = "Serve it after the main dish"
TEXT = f"Käse 🧀 cake\n\nIt goes into a hot oven.\n{QUOTE},\nwith plums & <b>cream</b>. Ende."
UNKNOWN = Decision(options=("unknown",), status="unknown", rationale="It is not told.")
FAILED = Decision(status="failed", reason="no use")


def article(id_: str = "a1", text: str = TEXT, **more: Any) -> Article:
    return Article(id=id_, text=text, title=f"Title of {id_}", published=date(2020, 1, 2), **more)


def cake(id_: str = "cake", *articles: Article, **changed: Decision) -> Report:
    """A dessert that is baked, nobody knows how hot; `changed` are other decisions."""
    used = articles or (article(),)
    refs = tuple(ArticleRef(**a.model_dump(exclude={"text"}), sha256=a.sha256) for a in used)
    start = used[0].text.find(QUOTE)
    shown = Evidence(
        article_id=used[0].id, quote=QUOTE, start=start, end=start + len(QUOTE), match="exact"
    )
    evidence = (shown,) if start >= 0 else ()
    decisions = {
        "course": answered(found("dessert", "It ends the meal [a1].", evidence=evidence)),
        "diet": UNKNOWN,
        "garnish": answered(found("fruit", "Plums [a1].")),
        "baked": answered(found("baked", "It goes into an oven [a1].")),
        "heat": FAILED,
    }
    return Report(
        incident=IncidentRef(
            id=id_, title=used[0].title, published=used[0].published, articles=refs
        ),
        categories=decisions | changed,
        provenance=provenance(),
    )


def gold(id_: str = "cake", name: str = "ann", **changed: Any) -> dict[str, Any]:
    """What a page sends; `changed` are other keys."""
    labels = {"course": ["main"], "garnish": None}
    reasons = {"course": {"main": {"rationale": "So it says.", "quotes": ["a hot oven"]}}}
    return {
        "id": id_,
        "articles": [article().model_dump(mode="json")],
        "labels": labels,
        "reasons": reasons,
        "annotators": {name: labels},
        "notes": "",
    } | changed


@dataclass
class Client:
    """Speaks HTTP to a review; `headers` go with every request."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(urlsplit(self.url).port or 0)

    def ask(self, method: str, path: str, body: bytes | None = None, **more: str) -> Reply:
        """One request; `more` are headers, with _ for -."""
        given = self.headers | {name.replace("_", "-"): value for name, value in more.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as line:
            line.request(method, path, body, given)
            reply = line.getresponse()
            return Reply(reply.status, reply.read().decode(), dict(reply.getheaders()))

    def enter(self) -> Client:
        """Opens the printed address, and keeps what it is given."""
        reply = self.ask("GET", self.url.partition(str(self.port))[2])
        self.headers["Cookie"] = reply.headers["Set-Cookie"].partition(";")[0]
        page = self.ask("GET", f"/incident/{incident_key('cake')}").text
        token = page.partition('"save_url"')[2].partition('"token":"')[2].partition('"')[0]
        self.headers |= {"Origin": f"http://127.0.0.1:{self.port}", "X-Review-Token": token}
        return self

    def save(self, sent: object, key: str = "", etag: str = "", **more: str) -> Reply:
        """Sends gold as the page does."""
        data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
        before = {"If_Match": f'"{etag}"'} if etag else {"If_None_Match": "*"}
        path = f"/incident/{key or incident_key('cake')}/gold"
        return self.ask(
            "POST", path, data, **({"Content_Type": "application/json"} | before | more)
        )


@dataclass(frozen=True)
class Reply:
    """A status, a body and a head."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def run_folder(folder: Path, *reports: Report) -> Path:
    """A run with these reports, by default one."""
    return run_of(folder / "run", reports or (cake(),), manifest=of_recipes(RECIPES)).path


@contextmanager
def reviewed(run: Path, *articles: Article, **more: Any) -> Iterator[Client]:
    """A review of the run, which knows these articles, by default that of the cake."""
    with closing(Texts()) as texts:
        for one in articles or (article(),):
            texts.add(one)
        review = open_review(run, RECIPES, texts, **more)
        thread = threading.Thread(target=review.serve)
        thread.start()
        try:
            yield Client(review.url)
        finally:
            review.stop()
            thread.join()
            review.close()
