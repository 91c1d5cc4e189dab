"""Bytes to text: byte order mark, then UTF-8, then a charset that convinces, or an error."""

from __future__ import annotations

import codecs
import re

from classifier.articles.cleaning import is_blank
from classifier.errors import InputError
from classifier.language import language_of

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_TEXT_CODEC = re.compile(r"iso8859|cp\d|koi8|shift_jis|euc_|gb|big5|utf-16|mac-")
# No news was ever published in these, and for short texts they beat what it was published in.
_OF_DOS = ["cp437", "cp720", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858"]
_OF_DOS += ["cp860", "cp861", "cp862", "cp863", "cp864", "cp865", "cp869", "cp1006", "cp1125"]
_LATIN = re.compile(
    r"(?:cp125[0247]|latin_1|iso8859_(?:[12349]|1[03456])|hp_roman8|mac_(?:roman|latin2|turkish))$"
)
# The charsets of languages that are not written in Western Europe's, the likelier one first.
_CHARSETS = {
    **dict.fromkeys(("bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl"), ("cp1250", "iso8859_2")),
    **dict.fromkeys(("az", "tr"), ("cp1254",)),
    **dict.fromkeys(("et", "lt", "lv"), ("cp1257", "iso8859_4")),
}
_STRANGE = re.compile(rb"[\x80-\xff]")
_CONTROL_SHARE = 0.1
_SAMPLE = 1 << 16


def decode(data: bytes, name: str) -> str:
    """The text of a file; `name` is for the messages.

    Raises InputError where the bytes are empty, binary or in no charset that can be told.
    """
    charset = marked_charset(data)
    text = _decoded(data, charset, name) if charset else _unmarked(data, name)
    if is_blank(text):
        raise empty(name)
    if _is_noise(text):
        raise binary(name)
    return text


def marked_charset(data: bytes) -> str | None:
    """The charset that a byte order mark announces."""
    return next((charset for mark, charset in _MARKS if data.startswith(mark)), None)


def refuse_binary(data: bytes, name: str) -> None:
    """Raises InputError for bytes that cannot be text, and for none at all."""
    if not data.strip():
        raise empty(name)
    if data.startswith(b"%PDF-") or (b"\0" in data and not marked_charset(data)):
        raise binary(name)


def transcoded(data: bytes, charset: str | None) -> bytes:
    """The bytes as UTF-8, where they are indeed in the charset that is declared for them.

    As browsers do (WHATWG Encoding Standard), Latin-1 and ASCII are read as Windows-1252.
    """
    try:
        codec = codecs.lookup(charset or "utf-8").name
        codec = "cp1252" if codec in ("iso8859-1", "ascii") else codec
        return data.decode(codec).encode() if _TEXT_CODEC.match(codec) else data
    except (LookupError, ValueError):  # no such charset; other bytes than those of the charset
        return data


def empty(name: str) -> InputError:
    """The error for a source without any text."""
    return InputError(f"{name}: is empty. An article needs text: give a file that has some.")


def binary(name: str) -> InputError:
    """The error for bytes that are not text."""
    return InputError(
        f"{name}: looks binary, not like text. Give text, Markdown, HTML, JSON, JSON Lines or "
        "YAML; save the text of a PDF or a word processor's document as a .txt file."
    )


def _unmarked(data: bytes, name: str) -> str:
    refuse_binary(data, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(data, _detected(data), name)


def _decoded(data: bytes, charset: str | None, name: str) -> str:
    try:
        return data.decode(charset) if charset else _undecodable(name)
    except UnicodeError:
        return _undecodable(name)


def _undecodable(name: str) -> str:
    raise InputError(
        f"{name}: is neither UTF-8 nor in another charset that can be told. Save it as UTF-8."
    )


def _detected(data: bytes) -> str | None:
    """The best match; of the charsets for Latin letters, the one that the language takes."""
    from charset_normalizer import from_bytes

    sample = _sample(data)
    matches = from_bytes(sample, cp_exclusion=_OF_DOS)
    best = matches.best()
    if best is None:
        return None
    western = (m for m in matches if "cp1252" in m.could_be_from_charset)
    tied = any(m.chaos <= best.chaos and m.coherence >= best.coherence for m in western)
    is_latin = tied or _LATIN.match(best.encoding)
    return (_latin(sample) if is_latin else None) or best.encoding


def _latin(data: bytes) -> str | None:
    """The charset of the language in which the bytes are written, Western Europe's for most.

    The letters that all charsets share are enough to tell a language by. A library that goes by
    the others can take a French text for a Hungarian one, with an ű for every û.
    """
    language = language_of(data.decode("ascii", "ignore"))
    charsets = _CHARSETS.get(language, ("cp1252",))
    readings = ((c, _letters(data, c)) for c in charsets)
    fitting = {charset: letters for charset, letters in readings if letters is not None}
    return max(fitting, key=lambda charset: fitting[charset], default=None)


def _letters(data: bytes, charset: str) -> int | None:
    """How many letters the bytes are in a charset; None where they are not in it."""
    try:
        return sum(map(str.isalpha, data.decode(charset)))
    except UnicodeError:
        return None


def _sample(data: bytes) -> bytes:
    """About 64 KiB around the first byte that is not ASCII, cut so as not to cut a character."""
    strange = _STRANGE.search(data)
    start = data.rfind(b"\n", 0, strange.start()) + 1 if strange else 0
    part = data[start : start + _SAMPLE]
    end = max(part.rfind(b"\n"), part.rfind(b" "))
    return part[:end] if len(part) == _SAMPLE and not part[: max(end, 0)].isascii() else data


def _is_noise(text: str) -> bool:
    sample = text[:_SAMPLE]
    return len(_CONTROL.findall(sample)) > _CONTROL_SHARE * len(sample)
