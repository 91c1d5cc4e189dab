"""Joins a Ray cluster, or makes one of this machine's cores for as long as a run takes."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier.batch.extras import needed
from classifier.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from classifier.batch.job import ClusterOptions

_HERE = "127.0.0.1"
_OBJECTS = 256 * 1024 * 1024  # bytes for what is on the way between processes

# Set before Ray is loaded, for it reads some of them then; its processes inherit them.
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anyone
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",
    # else Ray writes of workers that died to standard output, which is for data
    "RAY_DEDUP_LOGS": "1",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}


@contextmanager
def joined(options: ClusterOptions) -> Iterator[int]:
    """A cluster that is ready, for the life of the context; gives the number of workers.

    One of this machine's cores ends with the context, and its files go. Raises
    `ConfigurationError` where Ray is not installed, or no cluster answers at the address.
    """
    os.environ.update(_QUIET)
    if options.address is None:
        os.environ.update(_closed())
    ray = needed("ray", "ray", "--engine ray")
    needed("ray.data", "ray", "--engine ray")
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    folder = _folder() if options.address is None else None
    try:
        with _unheard():
            _join(ray, options, folder)
        yield options.workers or _cores(ray)
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _join(ray: Any, options: ClusterOptions, folder: Path | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if folder is not None:
        cores = max(options.workers or 0, os.cpu_count() or 1)
        ray.init(
            address="local",  # never one that the environment names, or that happens to run here
            num_cpus=cores,
            include_dashboard=False,
            object_store_memory=_OBJECTS,
            _node_ip_address=_HERE,
            _temp_dir=str(folder),
            **quiet,
        )
        return
    address = str(options.address)
    if "://" in address:
        raise ConfigurationError(
            f"--address {address!r} is for a Ray client, which cannot drive a run. Start the run "
            "on a machine of the cluster, with --address auto or HOST:PORT."
        )
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        told = str(error).strip().partition("\n")[0]
        raise ConfigurationError(
            f"No Ray cluster at --address {address!r}: {told}. Start one with `ray start --head`, "
            "or leave --address out for the cores of this machine."
        ) from error


def _closed() -> dict[str, str]:
    """A cluster of our own listens on loopback alone, and to those who hold a token; without one
    in the environment Ray would keep one in the user's home.
    """
    mode = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return mode | {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep from standard error what the native code of Ray writes there while it starts."""
    sys.stderr.flush()
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


def _folder() -> Path:
    """A place for Ray's sockets and logs: their paths may have 100 characters at most."""
    short = Path("/tmp")  # noqa: S108 - the folder in it is made for us alone
    return Path(tempfile.mkdtemp(prefix="ray-", dir=short if short.is_dir() else None))


def _cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
