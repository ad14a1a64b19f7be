"""The manifest of a bundle: which files, how large, with which digest; and the check of a folder against it.

Order: the manifest itself, the names in it, what lies in the folder, sizes, digests. No file is parsed before
every digest has been found right, and what is parsed are the very bytes that were digested.
Never follows a link, never leaves the folder, never accepts a file that the manifest does not name.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

FORMAT = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
REQUIRED = frozenset(
    {
        "network.onnx",
        "classes.json",
        "preprocessing.json",
        "calibration.json",
        "reference.npz",
        "samples.json",
        "card.json",
    }
)
SAMPLE = re.compile(r"samples/[a-z0-9][a-z0-9_-]{0,63}\.[a-z]{3,4}")
LARGEST_MANIFEST = 1024 * 1024
LARGEST_FILE = 2 * 1024**3
MOST_FILES = 100

Reason = Literal[
    "missing_file",
    "extra_file",
    "path",
    "link",
    "size",
    "digest",
    "format",
    "classes",
    "network",
    "sample_answer",
]


class BundleError(Exception):
    """A bundle that must not answer; `reason` is for programs, `str()` a sentence for people."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Entry:
    """What the manifest says of one file."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """`files` by name relative to the folder, with forward slashes; `created_at` is aware."""

    created_at: datetime
    architecture: str
    classes: tuple[str, ...]
    files: Mapping[str, Entry]

    def to_bytes(self) -> bytes:
        """The canonical bytes, whose SHA-256 is the bundle's digest."""
        return canonical(
            {
                "format": FORMAT,
                "created_at": self.created_at.isoformat(),
                "architecture": self.architecture,
                "classes": list(self.classes),
                "files": {
                    name: {"sha256": one.sha256, "size": one.size}
                    for name, one in self.files.items()
                },
            }
        )


def canonical(value: Any) -> bytes:
    """JSON with one spelling only; raises ValueError on numbers that are not finite."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode() + b"\n"


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """The manifest and the bundle's digest, or BundleError."""
    path = folder / MANIFEST
    if not folder.is_dir() or not os.path.lexists(path):
        raise BundleError("missing_file", f"There is no {MANIFEST} in {folder.name!r}.")
    if _regular(path) > LARGEST_MANIFEST:
        raise BundleError("size", f"{MANIFEST} is larger than {LARGEST_MANIFEST:,} bytes.")
    data = path.read_bytes()
    try:
        manifest = _parse(json.loads(data))
        if manifest.to_bytes() != data:
            raise ValueError("it is not written in the one canonical way")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError("format", f"{MANIFEST} cannot be read: {error}.") from error
    check_names(manifest.files)
    return manifest, hashlib.sha256(data).hexdigest()


def check_names(names: Iterable[str]) -> None:
    """Only the files of a bundle, by their exact names: none of them can lead out of the folder."""
    for name in names:
        if name not in REQUIRED and name != WEIGHTS and not SAMPLE.fullmatch(name):
            raise BundleError("path", f"No bundle has a file named {name!r}.")


def _parse(value: Any) -> Manifest:
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']!r}, this program reads {FORMAT}")
    files = {
        str(name): Entry(_digest(one["sha256"]), _size(one["size"]))
        for name, one in value["files"].items()
    }
    if len(files) > MOST_FILES:
        raise ValueError(f"{len(files)} files, at most {MOST_FILES}")
    created_at = datetime.fromisoformat(value["created_at"])
    if created_at.tzinfo is None:
        raise ValueError("created_at has no zone")
    return Manifest(created_at, str(value["architecture"]), tuple(value["classes"]), files)


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError("a digest is not 64 hexadecimal digits")
    return value


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_FILE:
        raise ValueError(f"a size is not a number of bytes up to {LARGEST_FILE:,}")
    return value


def read_files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """The content of every file but the weights, which are digested and left where they are."""
    named, there = set(manifest.files), _names(folder) - {MANIFEST}
    if missing := (REQUIRED | named) - (there & named):
        raise BundleError("missing_file", f"The bundle lacks {', '.join(sorted(missing))}.")
    if extra := there - named:
        raise BundleError("extra_file", f"The manifest does not name {sorted(extra)[0]!r}.")
    for name, expected in manifest.files.items():
        if _regular(folder / name) != expected.size:
            raise BundleError("size", f"{name} has not the size that the manifest says.")
    contents = {}
    for name, expected in manifest.files.items():
        if name == WEIGHTS:
            with (folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        else:
            contents[name] = (folder / name).read_bytes()
            digest = hashlib.sha256(contents[name]).hexdigest()
        if digest != expected.sha256:
            raise BundleError("digest", f"{name} is not the file that the manifest describes.")
    return contents


def _names(folder: Path) -> set[str]:
    """Every file below the folder, relative to it."""
    names: set[str] = set()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            if path.is_symlink():
                raise BundleError("link", f"{path.relative_to(folder).as_posix()!r} is a link.")
        names.update((Path(place) / name).relative_to(folder).as_posix() for name in files)
    return names


def _regular(path: Path) -> int:
    """The size of a file that is one, and no link or device."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise BundleError("link", f"{path.name!r} is not an ordinary file.")
    return status.st_size
