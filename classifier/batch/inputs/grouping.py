"""Which rows make which incident, and that each incident comes once."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from classifier.articles.items import Item, Placed, twin_articles
from classifier.articles.naming import shown
from classifier.articles.shapes import derived_id
from classifier.batch.inputs.options import Unread
from classifier.batch.inputs.rows import Member, Spot, Whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from classifier.batch.inputs.rows import Found
    from classifier.batch.inputs.sources import SourceFile
    from classifier.records import Incident

_MOST_ARTICLES = 10_000  # as in an incident of a JSON file
_ID_BYTES = 16
_NUMBER_BITS = 48


def grouped(found: Iterable[Found]) -> Iterator[Whole | Unread]:
    """Adjacent rows of one incident as that incident; a broken row between them parts nothing."""
    group: _Group | None = None
    for one in found:
        if isinstance(one, Unread):
            yield one
            continue
        if group is not None and not group.takes(one):
            yield from group.closed()
            group = None
        if isinstance(one, Whole):
            yield one
        else:
            group = group or _Group(one.incident, one.spot)
            group.add(one)
    if group is not None:
        yield from group.closed()


@dataclass
class _Group:
    """The rows of one incident so far; of too many only the number is kept."""

    id: str
    spot: Spot
    rows: int = 0
    members: list[Member] = field(default_factory=list)

    def takes(self, one: Whole | Member) -> bool:
        return isinstance(one, Member) and one.incident == self.id

    def add(self, member: Member) -> None:
        self.rows += 1
        if self.rows <= _MOST_ARTICLES:
            self.members.append(member)
        else:
            self.members.clear()

    def closed(self) -> Iterator[Whole | Unread]:
        if not self.members:
            reason = (
                f"{self.spot}: the incident '{shown(self.id)}' has {self.rows:,} rows, and "
                f"{_MOST_ARTICLES:,} are allowed. Name the column that tells incidents apart "
                "(--incident-column NAME), or an empty one to make each row an incident."
            )
            yield Unread(str(self.spot), reason, self.id, self.rows)
            return
        first: dict[str, Placed] = {}
        for member in self._placed():
            if (known := first.setdefault(member.article.id, member)) is not member:
                yield Unread(member.place, str(twin_articles(known, member)), member.article.id)
        yield Whole(Item(self.id, "", tuple(first.values())), self.spot, grouped=True)

    def _placed(self) -> Iterator[Placed]:
        for number, one in enumerate(self.members, start=1):
            spare = self.id if len(self.members) == 1 else derived_id(self.id, number)
            yield Placed(one.shape.article(spare), one.spot.file.path, str(one.spot))


class Seen:
    """The incidents so far: of each a digest of its id, one of its texts, and its place."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}
        self._files: list[SourceFile] = []

    def judged(self, whole: Whole) -> Incident | Unread:
        """The incident, or what says that one of its id was there before."""
        incident = whole.item.incident()
        key = _digest(_ID_BYTES, incident.id)
        texts = int.from_bytes(_digest(8, *(a.text for a in incident.articles)))
        now = (texts << 32 | self._index(whole.spot.file)) << _NUMBER_BITS | whole.spot.number
        before = self._first.setdefault(key, now)
        return incident if before is now else self._twin(whole, incident, before, texts)

    def _index(self, file: SourceFile) -> int:
        if not self._files or self._files[-1] is not file:
            self._files.append(file)
        return len(self._files) - 1

    def _twin(self, whole: Whole, incident: Incident, before: int, texts: int) -> Unread:
        where, number = divmod(before, 1 << _NUMBER_BITS)
        before_texts, index = divmod(where, 1 << 32)
        same = "with the identical text" if before_texts == texts else "with another text"
        advice = (
            "The rows of one incident stand together: sort the table by the column of the incident."
            if whole.grouped
            else "Leave one out, or give it an id of its own; files in folders have one where the "
            "folder above them is named instead of them."
        )
        rows = len(incident.articles) if whole.grouped else 1
        reason = (
            f"{whole.item.place}: duplicate id '{shown(incident.id)}', first seen at "
            f"{Spot(self._files[index], number)} {same}. {advice}"
        )
        return Unread(whole.item.place, reason, incident.id, rows)


def _digest(size: int, *texts: str) -> bytes:
    digest = blake2b(digest_size=size)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return digest.digest()
