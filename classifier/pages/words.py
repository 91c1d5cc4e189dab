"""What people and pages call the categories and options of a taxonomy, and the mistakes in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from classifier.articles.naming import quoted
from classifier.errors import InputError
from classifier.records import UNKNOWN
from classifier.taxonomy import Category, Taxonomy

Options = tuple[str, ...] | None

_MOST_PROBLEMS = 20
_LONGEST_WORD = 200  # a name has 64 characters; comparing long ones takes time in their square
_TRUE = ("yes", "true")
_FALSE = ("no", "false")


class Problems:
    """The mistakes in one file, told together; reading ends once there are twenty."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keeps an InputError of the block, so that what follows is read too. Not to be nested."""
        try:
            yield
        except InputError as error:
            self._lines.append(str(error))
        if len(self._lines) >= _MOST_PROBLEMS:
            raise InputError(
                "\n".join([*self._lines, "Correct these first: the rest was not read."])
            )

    def raise_any(self) -> None:
        """Raises InputError with a line for each mistake, where there is one."""
        if self._lines:
            raise InputError("\n".join(self._lines))


class Words:
    """What a taxonomy's categories and options may be called: a category by name or label, an
    option by name; in any case, with dashes, underscores or spaces.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        categories = taxonomy.categories
        self._categories = {c.name: c for c in categories.values()}
        self._loose = {key(c.label): c for c in categories.values()}
        self._loose |= {k: categories[n] for k, n in _by_key(categories).items()}
        self._closed = {n: s.closed for s in taxonomy.sections for n in s.categories}
        self._options = {n: _by_key([*c.names, UNKNOWN]) for n, c in categories.items()}

    def category(self, word: str) -> Category | None:
        """The category that is meant, or None."""
        return self._categories.get(word) or self._loose.get(key(word))

    def closed(self, category: Category) -> str:
        """The word that stands for a category whose gate is closed."""
        return self._closed.get(category.name, "None")

    def option(self, category: Category, word: str, place: str) -> str:
        """The option that is meant, or `unknown`. Raises InputError where there is none such."""
        allowed = (*category.names, UNKNOWN)
        if word in allowed:
            return word
        found = self._options[category.name].get(key(word))
        if found is None and category.select == "boolean" and key(word) in _TRUE:
            return category.names[0]
        if found is None:
            raise InputError(
                f"{place}: {quoted(word)} is no option of {category.name}"
                f"{nearest(word, allowed)}. Write {', '.join(allowed)}."
            )
        return found

    def answer(self, category: Category, words: Iterable[str], place: str) -> Options:
        """The label that words make, in the taxonomy's order.

        No word at all is null where the category has a gate, `()` where it is true or false, and
        an error elsewhere. Raises InputError for a word that is no option, and for `unknown`, or
        for "no", beside another.
        """
        said = [word.strip() for word in words if word.strip()]
        if category.gate and all(self.closes(category, w) for w in said):
            return None
        denied = [w for w in said if self.denies(category, w)]
        held = {self.option(category, w, place) for w in said if w not in denied}
        if (denied and held) or (UNKNOWN in held and len(held) > 1):
            both = ", ".join(sorted({*denied, *held}))
            raise InputError(f"{place}: {both} cannot stand together. Leave one of them out.")
        if not held and category.select != "boolean":
            allowed = ", ".join((*category.names, UNKNOWN))
            raise InputError(f"{place}: {category.name} is empty. Write one or more of {allowed}.")
        return tuple(name for name in (*category.names, UNKNOWN) if name in held)

    def closes(self, category: Category, word: str) -> bool:
        """Whether the word stands for a closed gate."""
        closed = key(self.closed(category))
        return key(word) == closed and closed not in self._options[category.name]

    def denies(self, category: Category, word: str) -> bool:
        """Whether the word says that the option of a true-or-false category does not hold."""
        if category.select != "boolean" or key(word) in self._options[category.name]:
            return False
        opposite = (category.opposite.name,) if category.opposite else ()
        return key(word) in map(key, (*opposite, *_FALSE))


def key(word: str) -> str:
    """A word without its case, and with one underscore for each run of dashes and spaces."""
    return re.sub(r"[\s_-]+", "_", word[:_LONGEST_WORD].strip().casefold())


def nearest(word: str, allowed: Iterable[str]) -> str:
    """What may have been meant, as the end of a clause; empty where nothing is like the word."""
    near = get_close_matches(key(word), allowed, n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def _by_key(names: Iterable[str]) -> dict[str, str]:
    """Each name by its key; names that only dashes or case tell apart must be written exactly."""
    listed = list(names)
    counts = Counter(map(key, listed))
    return {key(n): n for n in listed if counts[key(n)] == 1}
