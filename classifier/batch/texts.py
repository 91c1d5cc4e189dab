"""The texts of a run, which its folder does not hold: read again, and found by their digest."""
# `classifier review` and `classifier report` both take their texts from here.

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from classifier.batch.command import NAME as COMMAND
from classifier.batch.command import load_start
from classifier.batch.inputs import InputOptions, Inputs, Unread
from classifier.errors import ConfigurationError
from classifier.records import Article

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from classifier.records import ArticleRef, IncidentRef

_HOW = "Name the files or folders with the articles: --articles PATH."


class Texts:
    """Texts by the SHA-256 that reports keep of them, in a temporary file: a corpus may be large.

    `remarks` are sentences for the user on inputs that could not be read. Any thread may ask.
    """

    def __init__(self, remarks: Sequence[str] = ()) -> None:
        self.remarks = tuple(remarks)
        self._thread = threading.Lock()
        # an empty name is a file that the system forgets
        self._base = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("CREATE TABLE texts (sha256 TEXT PRIMARY KEY, text BLOB) WITHOUT ROWID")

    def add(self, article: Article) -> None:
        """Keep the text of an article."""
        data = article.text.encode("utf-8", "surrogatepass")
        with self._thread:
            self._base.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (article.sha256, data))

    def text(self, sha256: str | None) -> str | None:
        """The text with this digest, or None where no input has it."""
        with self._thread, closing(self._base.cursor()) as cursor:
            row = cursor.execute("SELECT text FROM texts WHERE sha256 = ?", (sha256,)).fetchone()
        return None if row is None else str(row[0], "utf-8", "surrogatepass")

    def article(self, ref: ArticleRef) -> Article | None:
        """The article of a report, whole again; None where its text was not found."""
        text = self.text(ref.sha256)
        if text is None:
            return None
        return Article(**ref.model_dump(exclude={"sha256"}), text=text)

    def articles(self, incident: IncidentRef) -> list[Article]:
        """Those articles of a report's incident whose text was found, in their order."""
        found = (self.article(ref) for ref in incident.articles)
        return [article for article in found if article is not None]

    def close(self) -> None:
        """Forget them."""
        with self._thread:
            self._base.close()


def texts_of(run: Path, given: Sequence[str] = (), *, today: date | None = None) -> Texts:
    """The texts of the files and folders in `given`, else of the inputs that the run was given.

    Inputs that have gone, or that nobody noted, are a remark: then there are no texts. Raises
    `ConfigurationError` for a name in `given` that is nothing to read. `today` bounds the dates
    looked for in HTML pages, which no text depends on.
    """
    day = today or datetime.now(UTC).date()
    if given:
        return _texts(Inputs.open(given, InputOptions(today=day)))
    if not (run / COMMAND).exists():
        return Texts([f"{str(run)!r} does not say which articles it read. {_HOW}"])
    try:
        start = load_start(run).placed(Path.cwd())
        inputs = Inputs.open(start.sources, start.options(day))
    except ConfigurationError as error:
        return Texts([f"The inputs of the run cannot be read again: {error} {_HOW}"])
    return _texts(inputs)


def _texts(inputs: Inputs) -> Texts:
    unread: list[str] = []
    texts = Texts()
    for article in _read(inputs, unread):
        texts.add(article)
    texts.remarks = tuple(unread)
    return texts


def _read(inputs: Inputs, unread: list[str]) -> Iterator[Article]:
    for one in inputs.stream():
        if isinstance(one, Unread):
            unread.append(one.reason)
        else:
            yield from one.articles
