"""What is wrong with gold: each check is one small rule over an incident, or over all of them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from classifier.articles.naming import quoted
from classifier.records import UNKNOWN, Article, Record, Severity
from classifier.taxonomy import Category, Taxonomy
from eval.gold import Gold, GoldIncident, GoldReason, Labels

NEAR = 0.5
"""Two texts are near-duplicates above this Jaccard index of their runs of words."""

_RUN = 5  # words in a run
_NAMED = 5  # options that a summary names
_WORD = re.compile(r"\w+")


class GoldFinding(Record):
    """One finding: the file (or source) and incident it is about, `category` "" where it is about
    no one category, the name of the check, and what to know.
    """

    place: str
    incident: str
    category: str = ""
    check: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        about = f"{self.category}: " if self.category else ""
        return f"{self.place}: {self.severity}: {about}{self.message} [{self.check}]"


Said = tuple[str, str, Severity, str]  # category, check, severity, message


def check_gold(gold: Gold, taxonomy: Taxonomy, *, today: date | None = None) -> list[GoldFinding]:
    """Every finding about the gold, incident after incident; an empty list where all is well.

    `today`, by default the day in UTC, is what a day of publication cannot lie after.
    """
    day = today or datetime.now(UTC).date()
    across = _across(gold.incidents)
    findings: list[GoldFinding] = []
    for incident in gold.incidents:
        said = [*_incident(incident, taxonomy, day), *across[incident.id]]
        findings += [_finding(gold, incident.id, one) for one in said]
    return findings


def _finding(gold: Gold, incident: str, said: Said) -> GoldFinding:
    category, check, severity, message = said
    return GoldFinding(
        place=gold.place(incident),
        incident=incident,
        category=category,
        check=check,
        severity=severity,
        message=message,
    )


def _incident(incident: GoldIncident, taxonomy: Taxonomy, today: date) -> Iterator[Said]:
    yield from _labels(incident.labels, taxonomy)
    yield from _unlabelled(incident, taxonomy)
    for name, labels in incident.annotators.items():
        for category, check, severity, message in _labels(labels, taxonomy):
            yield category, check, severity, f"annotator {quoted(name)}: {message}"
    yield from _reasons(incident)
    yield from _quotes(incident)
    yield from _unexplained(incident)
    yield from _future(incident, today)


def _labels(labels: Labels, taxonomy: Taxonomy) -> Iterator[Said]:
    """The rules that hold for the labels of the gold and of each annotator."""
    for name, options in labels.items():
        category = taxonomy.categories.get(name)
        if category is None:
            allowed = ", ".join(taxonomy.categories)
            message = f"the taxonomy has no such category; allowed are {allowed}"
            yield name, "label-outside", "error", message
        elif options is not None:
            for rule in _RULES:
                for check, message in rule(category, options):
                    yield name, check, "error", message
    for category in taxonomy.categories.values():
        for message in _gate(category, labels):
            yield category.name, "gate", "error", message


Broken = tuple[str, str]  # check, message
Rule = Callable[[Category, Sequence[str]], Iterator[Broken]]


def _outside(category: Category, options: Sequence[str]) -> Iterator[Broken]:
    allowed = (*category.names, UNKNOWN)
    for option in options:
        if option not in allowed:
            yield "label-outside", f"no option {quoted(option)}; allowed are {', '.join(allowed)}"


def _twice(_: Category, options: Sequence[str]) -> Iterator[Broken]:
    for option, count in Counter(options).items():
        if count > 1:
            yield "label-twice", f"{option} is given {count} times; give it once"


def _empty(category: Category, options: Sequence[str]) -> Iterator[Broken]:
    if not options and category.select != "boolean":
        yield "no-label", "the list is empty; write options, or [unknown]"


def _unknown(_: Category, options: Sequence[str]) -> Iterator[Broken]:
    if UNKNOWN in options and len(set(options)) > 1:
        yield "unknown-with-options", "unknown stands beside options; keep it or them"


def _several(category: Category, options: Sequence[str]) -> Iterator[Broken]:
    chosen = [o for o in dict.fromkeys(options) if o != UNKNOWN]
    if category.select != "any" and len(chosen) > 1:
        yield "several-of-one", f"only one option may be given, not {', '.join(chosen)}"


def _excluded(category: Category, options: Sequence[str]) -> Iterator[Broken]:
    chosen = set(options)
    pairs = {
        frozenset((option.name, other))
        for option in category.options
        for other in option.excludes
        if {option.name, other} <= chosen
    }
    for pair in sorted(sorted(pair) for pair in pairs):
        yield "pair-excludes-itself", f"{' and '.join(pair)} exclude each other; keep one"


_RULES: tuple[Rule, ...] = (_outside, _twice, _empty, _unknown, _several, _excluded)


def _gate(category: Category, labels: Labels) -> Iterator[str]:
    if category.name not in labels:
        return
    options, gate = labels[category.name], category.gate
    if gate is None:
        if options is None:
            yield "null, though nothing gates this category; write options, or [unknown]"
        return
    if gate.category not in labels:
        return
    held = gate.option in (labels[gate.category] or ())
    if held and options is None:
        yield f"null, though {gate.category} is {gate.option}; write options, or [unknown]"
    if not held and options is not None:
        yield f"labelled, though {gate.category} is not {gate.option}; write null"


def _unlabelled(incident: GoldIncident, taxonomy: Taxonomy) -> Iterator[Said]:
    for name in taxonomy.categories:
        if name not in incident.labels:
            message = "has no label, and is not scored; write options, [unknown] or null"
            yield name, "no-label", "warning", message


def _reasons(incident: GoldIncident) -> Iterator[Said]:
    for category, reasons in incident.reasons.items():
        chosen = incident.labels.get(category) or ()
        for option in reasons:
            if option not in chosen:
                message = f"a reason for {quoted(option)}, which is not chosen; choose or remove it"
                yield category, "reason-without-label", "error", message


def _quotes(incident: GoldIncident) -> Iterator[Said]:
    """Quotes must stand in an article word for word; only white space may differ."""
    texts = [_spaced(article.text) for article in incident.articles]
    for category, option, reason in _given(incident):
        for quote in reason.quotes:
            wanted = _spaced(quote)
            if not wanted or not any(wanted in text for text in texts):
                message = (
                    f"{option}: no article has the quote {quoted(quote, 200)}; copy it exactly"
                )
                yield category, "quote-not-found", "error", message


def _given(incident: GoldIncident) -> Iterator[tuple[str, str, GoldReason]]:
    for category, reasons in incident.reasons.items():
        for option, reason in reasons.items():
            yield category, option, reason


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _unexplained(incident: GoldIncident) -> Iterator[Said]:
    """One line a file: published gold explains nothing at all."""
    chosen = [(c, o) for c, os in incident.labels.items() for o in os or () if o != UNKNOWN]
    reasons = {(c, o): reason for c, o, reason in _given(incident)}
    told = {key for key, reason in reasons.items() if reason.rationale.strip()}
    shown = {key for key, reason in reasons.items() if reason.quotes}
    without = [key for key in chosen if key not in told & shown]
    if not without:
        return
    silent, bare = (sum(key not in kept for key in chosen) for kept in (told, shown))
    counts = f"{silent} have no rationale and {bare} no quote"
    yield (
        "",
        "unexplained",
        "warning",
        f"of {len(chosen)} chosen options {counts}: {_named(without)}",
    )


def _named(keys: Sequence[tuple[str, str]]) -> str:
    named = ", ".join(f"{category}.{option}" for category, option in keys[:_NAMED])
    more = len(keys) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _future(incident: GoldIncident, today: date) -> Iterator[Said]:
    for article in incident.articles:
        if article.published and article.published > today:
            message = f"article {article.id} is dated {article.published}, after today, {today}"
            yield "", "published-in-future", "error", message


Across = Mapping[str, list[Said]]


def _across(incidents: Sequence[GoldIncident]) -> Across:
    """What shows only when incidents are held against each other, under the later one's id."""
    found: dict[str, list[Said]] = defaultdict(list)
    for incident in incidents:
        found[incident.id] = []
    pairs = [(incident.id, article) for incident in incidents for article in incident.articles]
    for rule in (_same_ids, _same_texts):
        for identifier, check, message in rule(pairs):
            found[identifier].append(("", check, "error", message))
    return found


Pairs = Sequence[tuple[str, Article]]  # incident id, article
Crossed = tuple[str, str, str]  # incident id, check, message


def _same_ids(pairs: Pairs) -> Iterator[Crossed]:
    first: dict[str, str] = {}
    for incident, article in pairs:
        other = first.setdefault(article.id, incident)
        if other != incident:
            message = f"the article id {quoted(article.id)} is taken by incident {quoted(other)}"
            yield incident, "article-id-twice", f"{message}; give each article its own"


def _same_texts(pairs: Pairs) -> Iterator[Crossed]:
    """Texts of other incidents that are the same, or share more than half of their runs.

    An index from run to texts keeps this near linear: only texts with a common run are compared.
    """
    sizes: list[int] = []
    index: dict[int, list[int]] = defaultdict(list)
    for place, (incident, article) in enumerate(pairs):
        runs = _runs(article.text)
        shared = Counter(other for run in runs for other in index[run])
        for other, common in sorted(shared.items()):
            alike = common / (len(runs) + sizes[other] - common)
            if pairs[other][0] != incident and alike > NEAR:
                yield incident, *_alike(article, pairs[other], alike)
        sizes.append(len(runs))
        for run in runs:
            index[run].append(place)


def _runs(text: str) -> set[int]:
    """The hashed runs of words in a text (shingles: Broder 1997); a shorter text is one run."""
    words = _WORD.findall(text.casefold()) or [text]
    last = max(1, len(words) - _RUN + 1)
    return {hash(tuple(words[at : at + _RUN])) for at in range(last)}


def _alike(article: Article, other: tuple[str, Article], alike: float) -> Broken:
    where = f"article {other[1].id} of incident {quoted(other[0])}"
    if article.sha256 == other[1].sha256:
        return "same-text", f"article {article.id} has the text of {where}; keep one of them"
    message = f"article {article.id} is nearly {where} (Jaccard {alike:.2f}, over {NEAR})"
    return "near-same-text", f"{message}; write it anew, or make them one incident"
