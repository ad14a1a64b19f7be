"""Named arrays of numbers in one npz, read without ever unpickling."""

import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 256 * 1024 * 1024


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The same bytes for the same arrays."""
    target = BytesIO()
    np.savez(target, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})
    return target.getvalue()


def unpack(data: bytes) -> dict[str, NDArray[Any]]:
    """Raises ValueError where the bytes are damaged, claim too much, or hold anything but finite numbers."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as files:
            claimed = sum(one.file_size for one in files.infolist())
        if claimed > LARGEST:
            raise ValueError(f"it claims {claimed:,} bytes")
        with np.load(BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"not an archive of arrays: {error}") from error
    for name, values in arrays.items():
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            raise ValueError(f"{name} has something else than finite numbers")
    return arrays
