"""Replaces a file whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, text: str) -> None:
    """Write the text as UTF-8 beside the file, then put it in its place; raises `OSError`.

    Where that fails the file is as it was, and nothing stands beside it.
    """
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(text.encode())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def is_device(path: Path) -> bool:
    """Whether it is no file, such as /dev/null: it must be written to, never replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()
