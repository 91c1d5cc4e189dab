"""Parquet files: some rows of the needed columns at a time, their values made plain."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from classifier.articles.dates import FORMAT
from classifier.articles.files import explained
from classifier.articles.naming import quoted, shown
from classifier.batch.extras import needed
from classifier.batch.inputs.options import Unread, flag
from classifier.batch.inputs.rows import Spot, row
from classifier.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.batch.inputs.options import InputOptions
    from classifier.batch.inputs.rows import Found
    from classifier.batch.inputs.sources import SourceFile

_ROWS = 64
_BUFFER = 1 << 20  # else a column of a whole row group is read at once
_FITTING = {
    "id": ("text", "number"),
    "incident": ("text", "number"),
    "title": ("text", "number"),
    "source": ("text", "number"),
    "url": ("text",),
    "text": ("text",),
    "published": ("text", "day"),
}
_ALLOWED = {
    "published": f"dates, timestamps, or text ({FORMAT}); numbers such as seconds since 1970 are "
    "not told apart from others, so write them as dates",
    "text": "text",
    "url": "text",
}


def check(file: SourceFile, options: InputOptions) -> None:
    """Raises ConfigurationError for a column that is missing, or is of a type that cannot be it."""
    try:
        with _opened(file) as table:
            _columns(table.schema_arrow, file, options)
    except InputError:
        return  # the stream will say so


def fields(file: SourceFile, options: InputOptions) -> set[str]:
    """The fields of an article that the table has a column for."""
    try:
        with _opened(file) as table:
            return set(_columns(table.schema_arrow, file, options))
    except InputError:
        return set()


def count(file: SourceFile) -> int | None:
    """How many rows there are; None where the file cannot be read."""
    try:
        with _opened(file) as table:
            return int(table.metadata.num_rows)
    except InputError:
        return None


def rows(file: SourceFile, options: InputOptions) -> Iterator[Found]:
    """What each row holds. Raises InputError where the file cannot be read at all."""
    with _opened(file) as table:
        columns = _columns(table.schema_arrow, file, options)
        done = 0
        for group in range(table.num_row_groups):
            end = done + table.metadata.row_group(group).num_rows
            yield from _group_rows(table, group, columns, Spot(file, done + 1), end, options)
            done = end


def _group_rows(
    table: Any, group: int, columns: dict[str, str], first: Spot, end: int, options: InputOptions
) -> Iterator[Found]:
    """The rows of a row group; where its reading stops, one Unread for those that are left."""
    arrow = needed("pyarrow", "parquet", first.file.name)
    number = first.number
    try:
        for batch in table.iter_batches(
            _ROWS, row_groups=[group], columns=[*set(columns.values())], use_threads=False
        ):
            arrays = {c: _in_microseconds(batch.column(c)) for c in set(columns.values())}
            for index in range(batch.num_rows):
                spot = Spot(first.file, number)
                number += 1
                yield _found(arrays, index, columns, spot, options)
    except (arrow.ArrowException, OSError) as error:
        spot = Spot(first.file, number)
        reason = (
            f"{spot} to row {end}: cannot be read ({shown(str(error), 150)}). Write the file anew."
        )
        yield Unread(str(spot), reason, rows=end - number + 1)


def _found(
    arrays: dict[str, Any], index: int, columns: dict[str, str], spot: Spot, options: InputOptions
) -> Found:
    values: dict[str, object] = {}
    for field, column in columns.items():
        try:
            values[field] = _plain(arrays[column][index].as_py(), field)
        # Invalid UTF-8, a year that Python has not, an unknown time zone (pytz's is a KeyError).
        except (ValueError, ArithmeticError, LookupError) as error:
            problem = shown(str(error), 100)
            reason = (
                f"{spot}: the value of {quoted(column)} cannot be used ({problem}). Correct it."
            )
            return Unread(str(spot), reason)
    return row(values, spot, options)


def _plain(value: Any, field: str) -> object:
    """The value as JSON would have it; a whole number that is written otherwise is one."""
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    elif isinstance(value, uuid.UUID):
        value = str(value)
    elif isinstance(value, float | Decimal):
        value = None if value != value else _whole(value)  # pandas writes null as NaN
    textual = field in ("title", "source") and isinstance(value, int | float)
    return str(value) if textual else value


def _whole(number: float | Decimal) -> object:
    return int(number) if number == int(number) else float(number)


def _in_microseconds(array: Any) -> Any:
    """The column, without the nanoseconds that Python's times do not have."""
    arrow = needed("pyarrow", "parquet", "Parquet")
    if not arrow.types.is_timestamp(array.type) or array.type.unit != "ns":
        return array
    return array.cast(arrow.timestamp("us", array.type.tz), safe=False)


@contextmanager
def _opened(file: SourceFile) -> Iterator[Any]:
    """The file; raises InputError where it is none, ConfigurationError without the library."""
    arrow = needed("pyarrow", "parquet", file.name)
    parquet = needed("pyarrow.parquet", "parquet", file.name)
    try:
        table = parquet.ParquetFile(file.path, buffer_size=_BUFFER, pre_buffer=False)
    except arrow.ArrowException as error:
        raise InputError(
            f"{file.name}: is not Parquet ({shown(str(error), 150)}). Write the file anew."
        ) from error
    except OSError as error:
        raise explained(error, file.path) from error
    with table:
        yield table


def _columns(schema: Any, file: SourceFile, options: InputOptions) -> dict[str, str]:
    found = options.columns.found(schema.names, file.name)
    for field, column in found.items():
        type_ = schema.field(column).type
        kind = _kind(type_)
        if kind != "null" and kind not in _FITTING[field]:
            raise ConfigurationError(
                f"{file.name}: the column {quoted(column)} holds {shown(str(type_), 60)}, and "
                f"{flag(field)} needs {_ALLOWED.get(field, 'text or numbers')}. Name another "
                f"column: {flag(field)} NAME" + ("." if field == "text" else ", or '' for none.")
            )
    return found


def _kind(type_: Any) -> str:
    types = needed("pyarrow", "parquet", "Parquet").types
    if types.is_dictionary(type_):
        return _kind(type_.value_type)
    named = {
        "text": ("is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary"),
        "number": ("is_integer", "is_floating", "is_decimal"),
        "day": ("is_date", "is_timestamp"),
        "null": ("is_null",),
    }
    for kind, tests in named.items():
        if any(getattr(types, test)(type_) for test in tests):
            return kind
    return "text" if str(type_).startswith("extension<arrow.uuid") else "other"
