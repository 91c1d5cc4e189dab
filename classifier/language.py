"""Names the language of a text."""

from __future__ import annotations

# More text makes the answer no surer, only slower.
_CHARACTERS = 4000


def language_of(text: str) -> str:
    """The likeliest language of a text as its ISO 639-1 code, such as `en` or `es`; `und`
    (undetermined) where it has no letters, and where no temporary file can be made.
    """
    import py3langid

    if not any(c.isalpha() for c in text[:_CHARACTERS]):
        return "und"
    try:
        code, _ = py3langid.classify(text[:_CHARACTERS])
    except OSError:  # at the first use it unpacks its model into a temporary file
        return "und"
    return str(code)
