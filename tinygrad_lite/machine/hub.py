"""`torch.hub`: files from addresses. Models are not fetched as code."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from typing import Any
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from ..serialization import load as _load
from .absent import _absent

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")  # the beginning of a file's SHA-256, in its name

_directory: str | None = None


def get_dir() -> str:
    """Where files are kept: `set_dir`, else $TORCH_HOME/hub, else ~/.cache/torch/hub."""
    if _directory is not None:
        return _directory
    cache = os.environ.get("XDG_CACHE_HOME", os.path.join(os.path.expanduser("~"), ".cache"))
    return os.path.join(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Keep files in `d`."""
    global _directory
    _directory = os.path.expanduser(d)


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Write what `url` holds into the file `dst`; RuntimeError unless its SHA256 begins with
    `hash_prefix`. Nothing stands at `dst` before all of it has come."""
    digest = hashlib.sha256()
    dst = os.path.expanduser(dst)
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(dst) or ".", suffix=".partial")
    try:
        with (
            os.fdopen(handle, "wb") as file,
            urlopen(Request(url, headers={"User-Agent": "tinygrad_lite"})) as source,
        ):
            while block := source.read(1 << 20):
                file.write(block)
                digest.update(block)
        if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(
                f'invalid hash value (expected "{hash_prefix}", got "{digest.hexdigest()}")'
            )
        os.replace(partial, dst)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = True,
) -> dict[str, Any]:
    """`load` of the file at `url`, which is fetched once and then kept in `model_dir`.

    check_hash: the name ends in -<first 8 or more digits of the SHA256>, which must be right.
    """
    folder = os.path.join(get_dir(), "checkpoints") if model_dir is None else model_dir
    os.makedirs(folder, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        if progress:
            sys.stderr.write(f'Downloading: "{url}" to {path}\n')
        stem = os.path.splitext(name)[0]
        prefix = stem.rpartition("-")[2] if check_hash and "-" in stem else None
        download_url_to_file(url, path, prefix, progress)
    return _load(path, map_location=map_location, weights_only=weights_only)


load_url = load_state_dict_from_url  # its name in torch.utils.model_zoo
_INSTEAD = "code is not fetched; install the package that has the model, or copy its file"
load = _absent("hub.load", _INSTEAD)
list = _absent("hub.list", _INSTEAD)
help = _absent("hub.help", _INSTEAD)
