"""Tables of plain text: columns as wide as their widest cell, numbers to the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

Row = Sequence[str]


def table(head: Row, rows: Sequence[Row], left: int = 1) -> str:
    """The rows beneath the head, two spaces between columns; the first `left` columns stand to
    the left. Every row has as many cells as the head.
    """
    widths = [max(map(cell_len, column)) for column in zip(head, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(row, widths, left) for row in (head, rule, *rows))


def _line(row: Row, widths: Sequence[int], left: int) -> str:
    cells = []
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        room = " " * (width - cell_len(cell))
        cells.append(cell + room if place < left else room + cell)
    return "  ".join(cells).rstrip()


def number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash where it is not defined."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A change with its sign; no sign for none."""
    if value is None:
        return "-"
    return f"{value:+.{digits}f}" if round(value, digits) else f"{0:.{digits}f}"


def between(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval, or nothing where there is none."""
    return "" if low is None or high is None else f"[{low:.{digits}f}, {high:.{digits}f}]"
