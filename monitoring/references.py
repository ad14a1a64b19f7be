"""What a model version's pictures were like, from its bundle; the last ones that were read stay at hand."""

from dataclasses import dataclass

from classifier.bundle import BundleError, read_bundle
from classifier.domain import Reference
from store.bundles import BundleStore
from store.errors import Invalid, NotFound

AT_HAND = 3


class NoReference(Exception):
    """Why there is nothing to compare with, in a sentence for people."""


@dataclass(frozen=True, eq=False)
class Known:
    """A bundle's reference, and its classes in the order in which the reference numbers them."""

    reference: Reference
    classes: tuple[str, ...]

    @property
    def pictures(self) -> int:
        """How many held-out pictures the reference has."""
        return len(self.reference.table().get("predicted", ()))


class References:
    """References by the digest of their bundle."""

    def __init__(self, bundles: BundleStore) -> None:
        self._bundles = bundles
        self._kept: dict[str, Known] = {}

    def of(self, digest: str) -> Known:
        """Raises NoReference when the bundle cannot be read, Unavailable when the storage cannot be reached."""
        if digest not in self._kept:
            known = self._read(digest)
            # an incumbent and a candidate take turns
            self._kept = {**dict([*self._kept.items()][1 - AT_HAND :]), digest: known}
        return self._kept[digest]

    def _read(self, digest: str) -> Known:
        try:
            return self._try(digest)
        except (BundleError, OSError):
            # the local copy may be what is broken
            self._bundles.forget(digest)
        try:
            return self._try(digest)
        except BundleError as error:
            raise NoReference(f"The model's bundle cannot be read: {error}") from error

    def _try(self, digest: str) -> Known:
        try:
            bundle = read_bundle(self._bundles.fetch(digest), digest)
        except (NotFound, Invalid) as error:
            raise NoReference(f"The model's bundle cannot be fetched: {error}") from error
        return Known(bundle.reference, bundle.classes)
