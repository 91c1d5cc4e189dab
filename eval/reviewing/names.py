"""What annotators and their files are called on disk: never a path, never the same for two."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from classifier.articles.naming import quoted
from classifier.errors import InputError

LONGEST_NAME = 100
_LONGEST_SLUG = 60
_PLAIN = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_DIGEST = re.compile(r".*-[0-9a-f]{8}")
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d")


def annotator_name(given: str) -> str:
    """The name as it is kept: composed (NFC), single spaces, none around it.

    Raises InputError where nothing is left, it is too long, or something in it cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", given).split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(
            f"The annotator's name is {quoted(given)}. Give one of 1 to {LONGEST_NAME} characters "
            "that can be seen."
        )
    return name


def annotator_folder(name: str) -> str:
    """The folder of an annotator: the name itself where it is a plain one, else a slug and a hash.

    Names that differ only in case have folders that differ in more.
    """
    plain = len(name) <= _LONGEST_SLUG and _PLAIN.fullmatch(name) and not _DEVICES.fullmatch(name)
    if plain and not _DIGEST.fullmatch(name):
        return name
    return f"{_slug(name, 'annotator')}-{_digest(name)[:8]}"


def incident_key(identifier: str) -> str:
    """What an incident is called in addresses and file names: a slug of its id, and a hash."""
    return f"{_slug(identifier, 'incident')}-{_digest(identifier)[:16]}"


def _slug(text: str, spare: str) -> str:
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_.lower()).strip("-")
    return slug[:_LONGEST_SLUG].strip("-") or spare


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
