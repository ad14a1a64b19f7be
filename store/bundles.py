"""Bundles by digest: folders of files that hold all it takes to answer, kept where the pictures are.

What a bundle's files mean is the classifier's business; here they are a manifest and the files that it names.
The digest of a bundle is the SHA-256 of its `manifest.json`, which holds one digest for every other file.
"""

import hashlib
import json
import shutil
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from store import room
from store.errors import Invalid
from store.objects import Objects
from store.tables import StoredBundle

MANIFEST = "manifest.json"


class BundleStore:
    """The files of bundles. `cache` is a local folder that holds fetched bundles ready to be read."""

    def __init__(self, objects: Objects, cache: Path) -> None:
        self._objects = objects
        self._cache = cache

    def keep(self, folder: Path) -> str:
        """Keep every file that the folder's manifest names, the manifest last; the bundle's digest."""
        manifest = (folder / MANIFEST).read_bytes()
        digest = hashlib.sha256(manifest).hexdigest()
        for name in _names(manifest):
            self._objects.put(f"bundles/{digest}/{name}", (folder / name).read_bytes())
        self._objects.put(f"bundles/{digest}/{MANIFEST}", manifest)
        return digest

    def fetch(self, digest: str, *, anew: bool = False) -> Path:
        """A local folder with the bundle's files; whoever reads them checks their digests.

        `anew`: the stored files, in place of a local copy that is damaged. Raises Unavailable, also where there is no
        room for them (`disk_full`).
        """
        ready = self._cache / digest
        if ready.is_dir() and not anew:
            return ready
        with room.told("bundle cache"):
            self._fetch(digest, ready, anew)
        return ready

    def forget(self, digest: str) -> None:
        """Drop the local copy, so that the next fetch reads the stored files again."""
        with (
            suppress(OSError),
            tempfile.TemporaryDirectory(dir=self._cache, prefix=".going-") as going,
        ):
            # at once: who reads it meanwhile does not find half of it
            (self._cache / digest).replace(Path(going) / digest)

    def _fetch(self, digest: str, ready: Path, anew: bool) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        manifest = self._objects.get(f"bundles/{digest}/{MANIFEST}")
        if hashlib.sha256(manifest).hexdigest() != digest:
            raise Invalid("The stored bundle is not the one that was registered.", "bundle_altered")
        coming = Path(tempfile.mkdtemp(dir=self._cache, prefix=".coming-"))
        try:
            for name in _names(manifest):
                path = coming / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._objects.get(f"bundles/{digest}/{name}"))
            (coming / MANIFEST).write_bytes(manifest)
            if anew:
                self.forget(digest)
            try:
                coming.replace(ready)
            except OSError:
                # else another process was faster with the same files
                if not ready.is_dir():
                    raise
        finally:
            shutil.rmtree(coming, ignore_errors=True)


def record(session: Session, digest: str, size_bytes: int, now: datetime) -> None:
    """The row of a bundle whose files are kept; the same bundle twice is one row."""
    if session.get(StoredBundle, digest) is None:
        session.add(StoredBundle(digest=digest, size_bytes=size_bytes, created_at=now))
        session.flush()


def _names(manifest: bytes) -> list[str]:
    try:
        names = list(json.loads(manifest)["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid("The bundle's manifest cannot be read.", "bundle_manifest") from error
    for name in names:
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or not parts:
            raise Invalid(
                f"The bundle's manifest names a file outside of it: {name!r}.", "bundle_manifest"
            )
    return names
