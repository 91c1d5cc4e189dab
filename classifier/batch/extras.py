"""Libraries that only some commands need: imported when they are wanted, named when missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from classifier.errors import ConfigurationError


def needed(module: str, extra: str, what: str) -> Any:
    """The module; `ConfigurationError` with the pip command where it is not installed.

    `what` opens the message: it is what the user wanted to have.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ConfigurationError(
            f"{what} needs {package}, which cannot be loaded ({error}). "
            f"Install it: pip install 'fail-classifier[{extra}]'"
        ) from error
