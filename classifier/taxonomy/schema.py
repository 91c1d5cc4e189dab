"""What a taxonomy's folder says, as typed records; an unknown key is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from classifier.calibration import Calibration
from classifier.records import UNKNOWN, Record
from classifier.taxonomy.audit_rules import AuditRule

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
MergeRule = Literal["union", "majority", "strongest"]


class Option(Record):
    """One answer. `specify` asks the rationale to say which; `excludes` cannot stand beside it."""

    name: Name
    letter: Annotated[str, StringConstraints(pattern=r"^[a-z]$")]
    definition: Text
    specify: bool = False
    excludes: tuple[Name, ...] = ()


class Opposite(Record):
    """What holds where the option of a true-or-false category does not: judged beside it, a small
    model tells the two apart better than it says yes or no. `threshold` is the least probability
    of the option, were these two all there is.
    """

    name: Name
    definition: Text
    threshold: float = Field(default=0.5, ge=0, le=1)


class Gate(Record):
    """The category is asked only where `option` of `category` holds."""

    category: Name
    option: Name


class Category(Record):
    """One question. `any`: any number of options; `one`: exactly one; `boolean`: one option that
    holds or does not. `merge` says how the answers of several chunks become one.
    """

    name: Name
    label: Text
    question: Text
    select: Literal["any", "one", "boolean"] = "any"
    merge: MergeRule = "union"
    gate: Gate | None = None
    opposite: Opposite | None = None
    options: tuple[Option, ...] = Field(min_length=1)

    def option(self, name: str) -> Option:
        """The option of that name; KeyError where there is none."""
        for option in self.options:
            if option.name == name:
                return option
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the options, in their order."""
        return tuple(o.name for o in self.options)

    @property
    def judged(self) -> tuple[str, ...]:
        """What is scored: the options, and where there is but one its opposite or `unknown`."""
        if self.opposite:
            return (*self.names, self.opposite.name)
        return (*self.names, UNKNOWN) if self.select == "boolean" else self.names


class Section(Record):
    """A part of the report page: its title, its three column heads and its categories in order.

    `closed` stands in the cells of a category whose gate is closed.
    """

    title: Text
    columns: tuple[Text, Text, Text]
    categories: tuple[Name, ...] = Field(min_length=1)
    closed: str = "None"


class OpenField(Record):
    """A question that is answered in words. `text` is one statement; `items` is a list of them;
    `time` is a list of which each says when.

    Fields of the same `group` are asked together. `infer` lets items stand that no article states,
    marked as such. No item of it may say the same as one of a field that it stands `apart_from`.
    One that is not on the `page` is in the report all the same.
    """

    name: Name
    label: Text
    question: Text
    kind: Literal["text", "items", "time"] = "items"
    group: Name
    most_items: int = Field(default=5, ge=1, le=50)
    most_characters: int = Field(default=200, ge=20, le=4000)
    infer: bool = False
    apart_from: tuple[Name, ...] = ()
    page: bool = True


class Postmortem(Record):
    """The file fields.yaml: the part of the page that `title` heads, and its fields in order.

    The answer to the field `heading` is the title of the whole report.
    """

    title: Text
    heading: Name | None = None
    fields: tuple[OpenField, ...] = Field(min_length=1)

    def groups(self) -> tuple[tuple[OpenField, ...], ...]:
        """The fields that are asked together, in the order of each group's first one."""
        names = dict.fromkeys(f.group for f in self.fields)
        return tuple(tuple(f for f in self.fields if f.group == name) for name in names)


class Method(Record):
    """How the categories are asked.

    `decide`: `typed` takes the options from one typed answer, `scored` from the probability of
    each option, `threshold` being the least that holds. `categories_per_call` is how
    many categories one call asks; `tokens_per_option` bounds what is written for one option.
    `explain` false leaves the rationale and quotes of `scored` out, and the open fields: for
    scoring, not for readers. `items_per_field`, `item_characters` and `text_characters` bound the
    open fields further than they do themselves; `tokens_per_item` bounds what is written for one.
    """

    decide: Literal["typed", "scored"]
    categories_per_call: int = Field(default=1, ge=1)
    tokens_per_option: int = Field(default=400, ge=16)
    rationale_characters: int = Field(default=600, ge=20)
    quotes_per_option: int = Field(default=3, ge=1)
    threshold: float = Field(default=0.5, ge=0, le=1)
    explain: bool = True
    items_per_field: int | None = Field(default=None, ge=1)
    item_characters: int | None = Field(default=None, ge=20)
    text_characters: int | None = Field(default=None, ge=20)
    tokens_per_item: int = Field(default=150, ge=16)

    def bounded(self, field: OpenField) -> OpenField:
        """The field with what this method lets it have of items and characters."""
        most = self.text_characters if field.kind == "text" else self.item_characters
        characters = min(field.most_characters, most or field.most_characters)
        items = min(field.most_items, self.items_per_field or field.most_items)
        return field.model_copy(update={"most_items": items, "most_characters": characters})


class Header(Record):
    """The file taxonomy.yaml."""

    name: Name
    title: Text
    version: int = Field(ge=1)
    unknown: Text
    sections: tuple[Section, ...] = ()
    methods: Mapping[Name, Method] = Field(min_length=1)


class Taxonomy(Header):
    """A whole taxonomy. `categories` are in the order in which a report lists them; `wording`
    maps the name of a template to its source; the digests are SHA-256 of the files' contents,
    without the `calibrations`, of which each names the questions that it fits.
    """

    categories: Mapping[str, Category]
    postmortem: Postmortem | None = None
    rules: tuple[AuditRule, ...] = ()
    wording: Mapping[str, str]
    sha256: str
    wording_sha256: str
    calibrations: tuple[Calibration, ...] = ()

    def without_fields(self) -> Taxonomy:
        """The same taxonomy with no open fields to ask."""
        return self.model_copy(update={"postmortem": None})

    def waves(self) -> tuple[tuple[Category, ...], ...]:
        """The categories in groups that can be asked together: a gate's own category first."""
        waves: list[tuple[Category, ...]] = []
        done: set[str] = set()
        while len(done) < len(self.categories):
            wave = tuple(
                c
                for c in self.categories.values()
                if c.name not in done and (c.gate is None or c.gate.category in done)
            )
            waves.append(wave)
            done.update(c.name for c in wave)
        return tuple(waves)

    def allowed(self, category: str) -> tuple[str, ...]:
        """Every name that may stand in the options of a category, `unknown` last."""
        return (*self.categories[category].names, UNKNOWN)
