"""What every HTML page shares: templates that escape, a policy of hashes, data that stays data.

A page is one file that needs nothing else. Its content security policy allows the page's own style
and script, by their hashes, and no network; whatever an article or a model wrote is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader, StrictUndefined, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from classifier.render.text import one_line

# A browser shows no control characters, and a lone surrogate cannot be written as UTF-8.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# What could end a block of data, or begin a comment in it.
_STEERING = re.compile("[<>&\u2028\u2029\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINKABLE = re.compile(r"https?://[^\s<>\"'\\]+")
_ORIGIN = re.compile(
    r"(https?://[A-Za-z0-9.\-]+(?::\d+)?|https?://\[[0-9a-fA-F:]+\](?::\d+)?)(?:/|$)"
)


def environment(package: str = "", folder: str = "templates") -> ImmutableSandboxedEnvironment:
    """A sandbox for templates of a package's folder, and for those that all pages share."""
    shared = PackageLoader("classifier.render", "html")
    own = [PackageLoader(package, folder)] if package else []
    made = ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([*own, shared]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_written,
    )
    made.filters["line"] = one_line
    return made


def page(
    of: ImmutableSandboxedEnvironment,
    template: str,
    *,
    styles: Sequence[str],
    scripts: Sequence[str],
    connect: str = "",
    **values: Any,
) -> str:
    """The page: a template with its style and script files inlined, in this order.

    `connect` is the one address that the script may send to; without it there is none.
    """
    style, script = _joined(of, styles), _joined(of, scripts)
    sources = [
        "default-src 'none'",
        f"style-src '{_hash(style)}'",
        f"script-src '{_hash(script)}'",
        "img-src data:",
        *([f"connect-src {origin(connect)}"] if connect else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    given = {"style": Markup(style), "script": Markup(script), "policy": "; ".join(sources)}  # noqa: S704
    return of.get_template(template).render(**given, **values)


def data_block(value: object) -> Markup:
    """A value as JSON that no text in it can end: for a `<script type="application/json">`."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", plain))  # noqa: S704


def link(url: str) -> str | None:
    """The URL where a browser may follow it: never one with a scheme that runs something."""
    found = _LINKABLE.fullmatch(url)
    return found[0] if found else None


def origin(url: str) -> str:
    """What a policy says of an address: its scheme, host and port, or that it is the page's own."""
    found = _ORIGIN.match(url)
    return found[1] if found else "'self'"


def there(of: ImmutableSandboxedEnvironment, names: Sequence[str]) -> list[str]:
    """Those of the files that exist."""
    return [name for name in names if name in of.list_templates()]


def _joined(of: ImmutableSandboxedEnvironment, names: Sequence[str]) -> str:
    """The files as they will be hashed: browsers see line feeds alone."""
    return "\n".join("\n".join(_source(of, name).splitlines()) for name in names)


def _source(of: ImmutableSandboxedEnvironment, name: str) -> str:
    if of.loader is None:
        raise TemplateNotFound(name)
    return of.loader.get_source(of, name)[0]


def _hash(block: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()


def _written(value: Any) -> Any:
    """What is put into a page, with a mark for each character that no page can hold."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _UNWRITABLE.sub("\ufffd", value)
