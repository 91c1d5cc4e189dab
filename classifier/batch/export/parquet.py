"""Parquet: typed columns, zstd, row groups of bounded size, and metadata on where it is from."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from classifier.batch.extras import needed

if TYPE_CHECKING:
    from classifier.batch.export.table import Kind, Row, Table

ROW_GROUP = 16_384
"""Rows of a row group: as many are held in memory at a time."""


def check() -> None:
    """Raise `ConfigurationError` where the library is missing."""
    _arrow()


def write_parquet(file: BinaryIO, table: Table) -> None:
    """All rows, and the table's notes as key and value metadata of the file."""
    arrow, parquet = _arrow(), needed("pyarrow.parquet", "parquet", "Parquet")
    fields = [arrow.field(column.name, _types(arrow)[column.kind]) for column in table.columns]
    schema = arrow.schema(fields, metadata=table.notes)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while block := list(islice(table.rows, ROW_GROUP)):
            writer.write_table(_block(arrow, schema, block), row_group_size=ROW_GROUP)


def _arrow() -> Any:
    return needed("pyarrow", "parquet", "Parquet")


def _types(arrow: Any) -> dict[Kind, Any]:
    return {
        "text": arrow.string(),
        "whole": arrow.int64(),
        "number": arrow.float64(),
        "truth": arrow.bool_(),
        "day": arrow.date32(),
        "texts": arrow.list_(arrow.string()),
    }


def _block(arrow: Any, schema: Any, rows: list[Row]) -> Any:
    columns = zip(*rows, strict=True)
    arrays = [arrow.array(cells, f.type) for cells, f in zip(columns, schema, strict=True)]
    return arrow.Table.from_arrays(arrays, schema=schema)
