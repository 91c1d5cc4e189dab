"""Fixtures that several topics share."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier.models import catalogue, weights


@pytest.fixture(scope="session")
def small_weights() -> Path:
    """The 0.5B model's weights, in the user's own folder; pulled when a test first asks."""
    return weights.pull(catalogue.find("qwen2.5-coder-0.5b"), weights.models_folder())
