"""The records that flow through the pipeline, from an article to a report.

Text offsets count Unicode code points of `Article.text`; `start` is included, `end` is not.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Match = Literal["exact", "normalised", "fuzzy", "not_found"]
Status = Literal["answered", "unknown", "not_applicable", "failed", "needs_review"]
Severity = Literal["info", "warning", "error"]

UNKNOWN = "unknown"


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Identifier = Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=200)]


class Record(BaseModel):
    """Immutable, and strict about names: an unknown key is an error, never dropped."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Article(Record):
    """One news text. `published` is the day of publication; `text` is never changed once read."""

    id: Identifier
    text: str = Field(min_length=1)
    title: str = ""
    published: date | None = None
    source: str = ""
    url: str = ""

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text in UTF-8, as 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


class Incident(Record):
    """The articles that report the same failure, in the order in which they were given."""

    id: Identifier
    articles: tuple[Article, ...] = Field(min_length=1)
    title: str = ""

    @property
    def published(self) -> date | None:
        """The earliest day of publication, where any article has one."""
        return min((a.published for a in self.articles if a.published), default=None)


class ArticleRef(Record):
    """What a report keeps of an article: all but its text, which `sha256` identifies; null where
    nobody had the text, as in a report that was read from a page.
    """

    id: Identifier
    title: str = ""
    source: str = ""
    url: str = ""
    published: date | None = None
    sha256: str | None = None


class IncidentRef(Record):
    """The incident as a report names it; `published` is the earliest article's day."""

    id: Identifier
    title: str = ""
    published: date | None = None
    articles: tuple[ArticleRef, ...]


class Evidence(Record):
    """A quote pinned to the text of an article.

    `quote` is what the model gave. Where `match` is `not_found`, `start` and `end` are null and
    the quote supports nothing; otherwise `text[start:end]` is the passage that carries it.

    `support` is between 0 and 1 where a ranking chose the sentence: how likely it is that a person
    would have made the claim and quoted it for it. It is `weak` where that is less than the ranking
    asks for: then it is the nearest sentence, and may show nothing of what is claimed.
    """

    article_id: Identifier
    quote: str
    start: int | None = Field(default=None, ge=0)
    end: int | None = Field(default=None, ge=0)
    match: Match
    support: float | None = Field(default=None, ge=0, le=1)
    weak: bool = False

    @property
    def located(self) -> bool:
        """Whether the quote was found in the article."""
        return self.match != "not_found"


class Finding(Record):
    """What was found about one option.

    `confidence` is between 0 and 1, or null where the model gave none; `provenance.confidence`
    says where it comes from and whether it is a calibrated probability.
    """

    option: str
    applies: bool
    rationale: str = ""
    confidence: float | None = Field(default=None, ge=0, le=1)
    evidence: tuple[Evidence, ...] = ()


class Part(Record):
    """The passage of one article that stood in a chunk."""

    article_id: Identifier
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class ChunkAnswer(Record):
    """What one chunk answered, kept so that a merged decision can be traced."""

    parts: tuple[Part, ...]
    options: tuple[str, ...]
    status: Status


class Merge(Record):
    """How the answers of several chunks became one decision."""

    rule: str
    chunks: tuple[ChunkAnswer, ...]


class Decision(Record):
    """The answer to one category: options, rationale, evidence and status.

    `options` is empty where a gate closes the category, where it failed or needs review, and where
    a true-or-false category is false; it is `("unknown",)` where the articles do not say. What
    needs review has its findings: what would hold, were it sure enough. `reason` says why a
    category failed, does not apply or needs review. `merge` is null where the incident fitted one
    chunk.
    """

    options: tuple[str, ...] = ()
    status: Status
    rationale: str = ""
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    merge: Merge | None = None


class When(Record):
    """When something happened: the days from `start` to `end`, both included.

    `clue` are the words of an article that say so; `counted_from` is the day of publication that
    they were resolved from, null where they name the date themselves; `arithmetic` shows how.
    """

    clue: str
    start: date
    end: date
    counted_from: date | None = None
    arithmetic: str = ""


class Item(Record):
    """One statement of an open field, with the articles that it cites and the quotes for it.

    What is `inferred` is the model's own conclusion, which no article states.
    """

    text: str = Field(min_length=1)
    articles: tuple[Identifier, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    inferred: bool = False
    when: When | None = None


class FieldAnswer(Record):
    """The answer to one open field. `lead` is what stands before the first item; `reason` says why
    a field failed, or of one that is answered what of it is missing: a date, or some chunks.
    """

    status: Literal["answered", "unknown", "failed"]
    items: tuple[Item, ...] = ()
    lead: str = ""
    reason: str | None = None


class AuditFinding(Record):
    """Something about the report that its reader should know; `place` names where it is."""

    check: str
    severity: Severity
    message: str
    place: str = ""


class Usage(Record):
    """What a run cost. `cached_tokens` are the prompt tokens that were not evaluated again;
    `cache_hits` are the calls answered by the response cache, which cost nothing.
    """

    calls: int = 0
    cache_hits: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        total = {n: getattr(self, n) + getattr(other, n) for n in type(self).model_fields}
        return Usage.model_validate(total)


class ConfidenceOrigin(Record):
    """Where confidences come from; only a calibrated one may be called a probability."""

    source: Literal["none", "logprobs", "votes"] = "none"
    calibrated: bool = False


class ModelRef(Record):
    """The model that answered; `digest` is the SHA-256 of its weights where they are local."""

    name: str
    digest: str | None = None
    endpoint: str = ""


class Provenance(Record):
    """All that is needed to say how a report came about, and to repeat it."""

    versions: dict[str, str]
    taxonomy: str
    taxonomy_sha256: str
    prompts_sha256: str
    articles_sha256: str
    model: ModelRef
    method: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    confidence: ConfidenceOrigin = ConfidenceOrigin()
    chunks: int = 1
    usage: Usage = Usage()
    seconds: float = 0.0


class Report(Record):
    """All decisions of an incident. Reports are written with `schema_version` 1."""

    schema_version: Literal[1] = 1
    incident: IncidentRef
    categories: dict[str, Decision]
    fields: dict[str, FieldAnswer] = Field(default_factory=dict)
    audit: tuple[AuditFinding, ...] = ()
    provenance: Provenance

    def to_json(self) -> str:
        """The report as indented JSON, with a newline at its end."""
        return self.model_dump_json(indent=2) + "\n"
