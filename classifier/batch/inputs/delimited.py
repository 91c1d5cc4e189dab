"""CSV and TSV files, a record at a time; one that is broken loses no other."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from classifier.batch.inputs import text_files
from classifier.batch.inputs.options import Unread
from classifier.batch.inputs.rows import Spot, row, too_long
from classifier.errors import InputError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from classifier.batch.inputs.options import InputOptions
    from classifier.batch.inputs.rows import Found
    from classifier.batch.inputs.sources import SourceFile

_DOUBLED = 2  # characters of CSV for one of the text, where it is a quotation mark
_DELIMITERS = ",;\t|"
_BARE = ("id", "incident")
_ENDS = ("\n", "\r")
_UNENDING = "the record is longer than {:,} characters (is a quotation mark not closed?)"
# The module's limit is one for the process. Ours is `_Feed`, which bounds a whole record.
_NO_LIMIT = (1 << 31) - 1


@dataclass(frozen=True)
class _Layout:
    """What the header says: how the file is parted, and the position of each field."""

    charset: str
    delimiter: str
    width: int
    positions: dict[str, int]


def check(file: SourceFile, options: InputOptions) -> None:
    """Raises ConfigurationError for a header that does not have the columns it must."""
    try:
        _layout(file, options)
    except InputError:
        return  # the stream will say so


def rows(file: SourceFile, options: InputOptions) -> Iterator[Found]:
    """What each record holds. Raises InputError where the file cannot be read any further."""
    layout = _layout(file, options)
    with text_files.text(file, layout.charset, "") as stream:
        records = iter(_Records(file, stream, layout.delimiter, options))
        next(records, None)  # the header
        for one in records:
            yield _found(one, layout, Spot(file, one.line), options)


@dataclass(frozen=True)
class _Record:
    """The fields of a record, or what is wrong with it; `line` and `last` count from 1."""

    fields: list[str]
    line: int
    last: int
    wrong: str | None = None


class _Records:
    """The records of a stream, each with its lines; blank lines are none.

    Raises InputError where the stream cannot be read any further.
    """

    def __init__(
        self, file: SourceFile, stream: io.TextIOWrapper, delimiter: str, options: InputOptions
    ) -> None:
        csv.field_size_limit(_NO_LIMIT)
        self._file = file
        self._feed = _Feed(stream, options)
        self._reader = csv.reader(self._feed, delimiter=delimiter, strict=True)

    def __iter__(self) -> Iterator[_Record]:
        while True:
            self._feed.begin()
            first = self._feed.line + 1
            try:
                fields, wrong = self._next()
            except StopIteration:
                return
            except text_files.UNREADABLE as error:
                raise text_files.broken(self._file, first, error) from error
            if fields or wrong:
                yield _Record(fields, first, self._feed.line, wrong)

    def _next(self) -> tuple[list[str], str | None]:
        try:
            return next(self._reader), None
        except csv.Error as error:  # the reader goes on with the next line
            return [], f"is not CSV ({error}). Quotation marks within a field are doubled."
        except InputError as error:
            return [], str(error)


class _Feed:
    """Lines for the reader of one record after the other; a record that is too long is left.

    Its rest is passed over up to the quotation mark that closes it, so that a long article costs
    no memory and leaves no pieces that look like records.
    """

    def __init__(self, stream: io.TextIOWrapper, options: InputOptions) -> None:
        self.line = 0
        self._stream = stream
        self._options = options
        self._longest = options.longest(_DOUBLED)
        self.begin()

    def begin(self) -> None:
        """A new record begins."""
        self._left = self._longest
        self._quoted = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        text = self._stream.readline(self._left + 1)
        if not text:
            raise StopIteration
        self.line += 1
        self._left -= len(text)
        if self._left < 0:
            self._pass_over(text)
            raise too_long(_UNENDING.format(self._longest), self._options)
        self._quoted = True  # whoever asks for another line of a record is within quotation marks
        return text

    def _pass_over(self, text: str) -> None:
        quotes = text.count('"') + self._quoted
        while text and (quotes % 2 or not text.endswith(_ENDS)):
            ended = text.endswith(_ENDS)
            text = self._stream.readline(text_files.PIECE)
            quotes += text.count('"')
            self.line += bool(ended and text)


def _layout(file: SourceFile, options: InputOptions) -> _Layout:
    """Raises InputError where there is no header to be read."""
    charset = text_files.charset(file, options)
    tabs = file.path.lower().endswith((".tsv", ".tsv.gz"))
    tried = options.delimiter or ("\t" if tabs else _DELIMITERS)
    headers = {one: _header(file, charset, one, options) for one in tried}
    wanted = options.columns.names()["text"]
    fitting = (one for one, header in headers.items() if wanted in header)
    delimiter = next(fitting, max(headers, key=lambda one: len(headers[one])))
    header = headers[delimiter]
    found = options.columns.found(header, file.name)
    positions = {field: header.index(column) for field, column in found.items()}
    return _Layout(charset, delimiter, len(header), positions)


def _header(file: SourceFile, charset: str, delimiter: str, options: InputOptions) -> list[str]:
    with text_files.text(file, charset, "") as stream:
        first = next(iter(_Records(file, stream, delimiter, options)), None)
    return [name.strip() for name in first.fields] if first else []


def _found(one: _Record, layout: _Layout, spot: Spot, options: InputOptions) -> Found:
    place = str(spot)
    wrong = one.wrong or _misfit(one.fields, layout)
    if wrong is None:
        return row(_values(one.fields, layout), spot, options)
    lines = f" (up to line {one.last})" if one.last > one.line else ""
    return Unread(place, f"{place}{lines}: {wrong}", _id(one.fields, layout))


def _misfit(parted: list[str], layout: _Layout) -> str | None:
    if len(parted) != layout.width:
        return (
            f"the number of fields is {len(parted)}, and that of the header is {layout.width}. "
            "Put fields that hold the delimiter or a line break in quotation marks."
        )
    strange = (text_files.strays(field, layout.charset) for field in parted)
    return next((problem for problem in strange if problem), None)


def _values(parted: list[str], layout: _Layout) -> dict[str, object]:
    values: dict[str, object] = {f: parted[i] for f, i in layout.positions.items()}
    bare = {f: parted[layout.positions[f]].strip() or None for f in _BARE if f in layout.positions}
    return values | bare


def _id(parted: list[str], layout: _Layout) -> str | None:
    """The id in a record that is too short or strange, where it can be shown."""
    position = layout.positions.get("id", layout.width)
    given = parted[position].strip() if position < len(parted) else ""
    return given if given.isprintable() and 0 < len(given) <= 200 else None
