"""What a run is, before its first call: the manifest of a taxonomy, a model and an input."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from classifier.batch.manifest import Manifest
from classifier.methods import model_ref
from classifier.pipeline import parameters, versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from classifier.models.seam import ModelInfo
    from classifier.taxonomy import Taxonomy


def manifest_of(
    taxonomy: Taxonomy,
    info: ModelInfo,
    input_fingerprint: str,
    settings: Mapping[str, Any] | None = None,
) -> Manifest:
    """The manifest of a run that begins now; `settings` are those that no other field holds."""
    return Manifest(
        created=datetime.now(UTC),
        versions=versions(info),
        taxonomy=f"{taxonomy.name} {taxonomy.version}",
        taxonomy_sha256=taxonomy.sha256,
        prompts_sha256=taxonomy.wording_sha256,
        model=model_ref(info),
        method=info.method,
        parameters=parameters(taxonomy, info),
        settings=dict(settings or {}),
        input_fingerprint=input_fingerprint,
    )
