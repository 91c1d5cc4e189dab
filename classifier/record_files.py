"""Reads a record from its JSON file, or says in a sentence why that is not one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from classifier.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.errors import ClassifierError

_Kept = TypeVar("_Kept", bound=Record)


def load_record(
    path: Path, kind: type[_Kept], name: str, mend: str, refusal: type[ClassifierError]
) -> _Kept:
    """The record in a file. `name` is what it is, as in "calibration", and `mend` the sentence
    that says what to do; raises `refusal` with both where the file is missing or is something else.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise refusal(
            f"The {name} {str(path)!r} cannot be read: {error.strerror}. {mend}"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise refusal(f"{str(path)!r} is no {name}: {where}: {first['msg']}. {mend}") from error
