"""Settings: flags over environment over `classifier.toml` over defaults; no secret in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from classifier.errors import ConfigurationError

TOML_FILE = "classifier.toml"


class Settings(BaseSettings):
    """What shapes a run. `model` is `embedded`, `embedded:NAME`, `gguf:PATH`, or the name of a
    model at the OpenAI-compatible endpoint `base_url`; times are in seconds, `context` in tokens.
    `via` is how calls go there: one by one, or gathered in the provider's batches.
    `calibration` is `auto` (the taxonomy's own, where one fits), `none` or a file; a decision
    less sure than `min_confidence`, or than what `target_precision` takes, needs review. `fields`
    says whether the open fields are asked beside the categories.
    """

    model_config = SettingsConfigDict(
        env_prefix="CLASSIFIER_", toml_file=TOML_FILE, extra="forbid", frozen=True
    )

    model: str = Field(default="embedded", min_length=1)
    base_url: str | None = None
    taxonomy: str = "fail"
    method: str | None = None
    context: int | None = Field(default=None, ge=512)
    concurrency: int | None = Field(default=None, ge=1, le=256)
    threads: int | None = Field(default=None, ge=1)
    tries: int = Field(default=6, ge=1)
    total_seconds: float = Field(default=900, ge=0)
    timeout: float = Field(default=600, gt=0, allow_inf_nan=False)
    requests_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    tokens_per_minute: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    via: Literal["direct", "openai-batch"] = "direct"
    prices: Path | None = None
    cache: bool = True
    cache_path: Path | None = None
    allow_private: bool = False
    calibration: str = Field(default="auto", min_length=1)
    min_confidence: float | None = Field(default=None, ge=0, le=1)
    target_precision: float | None = Field(default=None, gt=0, le=1)
    fields: bool = True

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


class _OpenAI(BaseSettings):
    """The environment that every OpenAI client shares."""

    model_config = SettingsConfigDict(env_prefix="OPENAI_", extra="ignore")

    api_key: SecretStr = SecretStr("")
    base_url: str | None = None


def load_settings(**flags: Any) -> Settings:
    """The settings with the flags that were given (None: not given).

    Raises `ConfigurationError` for a value out of its range and for an unknown key.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise ConfigurationError("\n".join(map(_explain, error.errors()))) from error
    except (OSError, ValueError) as error:  # not TOML, or not even UTF-8
        raise ConfigurationError(
            f"{TOML_FILE} cannot be read: {error}. Mend it, or run from another folder."
        ) from error


def openai_environment() -> tuple[SecretStr, str | None]:
    """OPENAI_API_KEY and OPENAI_BASE_URL."""
    read = _OpenAI()
    return read.api_key, read.base_url


def _explain(detail: Any) -> str:
    name = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        allowed = ", ".join(Settings.model_fields)
        return (
            f"There is no setting {name!r}; look for it in {TOML_FILE}. Allowed: {allowed}. A key "
            "belongs into the environment alone, as OPENAI_API_KEY."
        )
    given, message = str(detail["input"])[:80], str(detail["msg"])
    return (
        f"The setting {name!r} is {given!r}: {message[:1].lower()}{message[1:]}. "
        f"It comes from a flag, from CLASSIFIER_{name.upper()} or from {TOML_FILE}."
    )
