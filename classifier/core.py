"""One core's work, in a process of its own: from bytes to an opinion, beside no other thread of Python.

A process that answers requests holds its interpreter's lock half of the time; a decoder or a network that has to wait
for it between two steps takes twice as long. Here they wait for nobody. And a picture on which a decoder dies, whether it
is asked about or only shown, takes no process with it but this one. Run as `python -m classifier DESCRIPTOR FOLDER...`
by who holds the other end of that socket; it ends when that one does. This is no boundary for attackers: both ends
trust each other.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, perf_counter
from typing import Literal

import numpy as np
from PIL import Image

from classifier.bundle import read_bundle
from classifier.child import NICE, begin, bounded_memory, refuses_by_itself, say
from classifier.classifier import Classifier, Opinion
from classifier.engine import Engine
from classifier.pictures import BadPicture, Limits, Picture, Reason, open_picture
from classifier.properties import measure

# models that stay loaded: who answers, who did before, and one that is on its way
KEPT = 3
# bytes that decoding may take, and for each pixel that a picture may have: all that is known to need more is refused before,
# and what is not known ends here
DECODING, PIXEL = 2**28, 20
# before a bundle that could not be loaded is read and digested again, for a picture
RETRY_SECONDS = 30.0
# up to this side a picture is shown without loss: JPEG would blur what there is little of
SMALL = 512
# but not so small a one, of which a page has many
THUMBNAIL = 160


@dataclass(frozen=True, eq=False)
class Seen:
    """What was found out about one picture. Without an `opinion` no network was asked, or `failed` says what it failed at.

    `picture.pixels` are left out, (0, 0, 3), where nobody needs them. `check` is what the decoder took, milliseconds.
    """

    picture: Picture
    properties: dict[str, float]
    check: float
    opinion: Opinion | None = None
    failed: str | None = None


@dataclass(frozen=True)
class Task:
    """A picture to look at, and the folder of the bundle to ask about it; without `data` the bundle is only loaded.

    With a `side` it is to be shown, no larger than that, and nothing else is found out about it.
    """

    data: bytes | None
    limits: Limits
    bundle: str | None
    pixels: bool
    side: int | None = None


@dataclass(frozen=True)
class Shrunk:
    """A picture to be shown: upright, its pixels only, as a file of its own."""

    data: bytes
    format: Literal["jpeg", "png"]


@dataclass(frozen=True)
class Refused:
    """Why nothing was found out; without a `reason` it was not the picture's fault."""

    reason: Reason | None
    sentence: str


@dataclass(frozen=True)
class Decoded:
    """The picture is decoded and measured, and the network is asked: from here on the picture is not to blame."""


# None: the bundle is loaded
Told = Seen | Shrunk | Refused | None


def see(data: bytes, limits: Limits, classifier: Classifier | None) -> Seen:
    """Raises BadPicture; what a network fails at is in the answer."""
    return _asked(_look(data, limits), classifier)


def shrink(data: bytes, limits: Limits, side: int) -> Shrunk:
    """Made from the decoded pixels, neither side longer than `side`. Raises BadPicture."""
    image = Image.fromarray(open_picture(data, limits).pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    written = BytesIO()
    if max(image.size) <= SMALL and side > THUMBNAIL:
        image.save(written, "png")
        return Shrunk(written.getvalue(), "png")
    image.save(written, "jpeg", quality=90, subsampling=0)
    return Shrunk(written.getvalue(), "jpeg")


def _look(data: bytes, limits: Limits) -> Seen:
    started = perf_counter()
    picture = open_picture(data, limits)
    check = 1000 * (perf_counter() - started)
    return Seen(picture, measure(picture), check)


def _asked(seen: Seen, classifier: Classifier | None) -> Seen:
    if classifier is None:
        return seen
    picture = seen.picture
    try:
        return replace(seen, opinion=classifier.opine(picture, seen.properties))
    except Exception as error:  # noqa: BLE001  # whatever it was, another model may be asked
        return replace(seen, failed=f"{type(error).__name__}: {error}"[:500])


class Models:
    """The last few that were asked for, by the folders of their bundles; whoever names one has proved it before."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()
        self._again_at: dict[str, float] = {}

    def get(self, folder: str) -> Classifier:
        """Raises BundleError or NetworkError."""
        found = self._loaded.get(folder)
        if found is None:
            # by the name of its folder: not another one than was proved
            bundle = read_bundle(Path(folder), Path(folder).name)
            found = self._loaded[folder] = Classifier(bundle, Engine(bundle.network))
        self._loaded.move_to_end(folder)
        while len(self._loaded) > KEPT:
            self._loaded.popitem(last=False)
        return found

    def find(self, folder: str) -> Classifier | None:
        """None where it cannot be loaded here: who asked has it, too."""
        if folder not in self._loaded and monotonic() < self._again_at.get(folder, 0.0):
            return None
        try:
            return self.get(folder)
        except Exception as error:  # noqa: BLE001  # said on standard error, and the picture is looked at all the same
            self._again_at[folder] = monotonic() + RETRY_SECONDS
            say("bundle_not_loaded", folder=folder, why=str(error))
            return None


def work(connection: "Connection[Told | Decoded, Task]", models: Models) -> None:
    """Do what is asked, one after the other, until the other end is closed; `Decoded` comes before an answer with a network."""
    while True:
        try:
            task = connection.recv()
            connection.send(_told(task, models, connection.send))
        except (EOFError, OSError):
            return


def _told(task: Task, models: Models, tell: Callable[[Decoded], None]) -> Told:
    if task.data is None:
        return _load(task, models)
    try:
        with bounded_memory(DECODING + PIXEL * task.limits.max_pixels):
            if task.side is not None:
                return shrink(task.data, task.limits, task.side)
            seen = _look(task.data, task.limits)
        if task.bundle is not None:
            # before a network is loaded or asked: what comes now is its doing
            tell(Decoded())
            seen = _asked(seen, models.find(task.bundle))
    except BadPicture as bad:
        return Refused(bad.reason, str(bad))
    except MemoryError:
        # where the machine may be out of memory, the picture need not be to blame
        reason: Reason | None = None if refuses_by_itself() else "too_many_parts"
        return Refused(reason, "The picture would take more memory than its pixels need.")
    except Exception as error:  # noqa: BLE001  # who asked has to know, and the next picture is another's
        return Refused(None, f"{type(error).__name__}: {error}")
    if task.pixels or (task.bundle is not None and seen.opinion is None):
        return seen
    return replace(seen, picture=replace(seen.picture, pixels=_NO_PIXELS))


def _load(task: Task, models: Models) -> Refused | None:
    try:
        if task.bundle is not None:
            models.get(task.bundle)
    except Exception as error:  # noqa: BLE001  # whatever it was, who asked must not take it for loaded
        return Refused(None, str(error))
    return None


_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


def main(descriptor: int, folders: Sequence[str]) -> None:
    """Load these bundles, say that it is ready (None), and work until the other end is closed."""
    begin(descriptor)
    # what is small and prompt (a refusal, a look at health) goes before what computes
    os.nice(NICE)
    connection, models = Connection(descriptor), Models()
    for folder in folders:
        # what cannot be loaded is said when it is asked about
        with suppress(Exception):
            models.get(folder)
    with suppress(OSError):
        connection.send(None)
    work(connection, models)
