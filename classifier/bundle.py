"""The bundle: a folder with everything it takes to answer, and proof that it is the one that was tested.

Reading: digests first (see `manifest`), then each file. Whether the network still gives the samples' answers is
checked where the network is run, in `classifier`. Never a pickle; weights for fine-tuning are carried unread.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from classifier.domain import Reference
from classifier.manifest import (
    MANIFEST,
    WEIGHTS,
    BundleError,
    Entry,
    Manifest,
    canonical,
    check_names,
    read_files,
    read_manifest,
)
from classifier.preprocessing import Preprocessing

__all__ = ["Bundle", "BundleContents", "BundleError", "Sample", "read_bundle", "write_bundle"]

MOST_CLASSES = 1000
LONGEST_CLASS = 200


@dataclass(frozen=True)
class Sample:
    """A picture file and the probabilities that the whole path, decoding included, must give for it.

    The two largest should lie further apart than rounding: the top class has to be met as well.
    """

    name: str
    data: bytes
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class BundleContents:
    """What goes into a bundle. `weights` (safetensors) are for fine-tuning and never read here.

    `calibration` holds further figures that belong to the temperature, `card` whatever people should know.
    Sample names are lower case with an ending, as in "bear-1.jpg".
    """

    created_at: datetime
    architecture: str
    classes: Sequence[str]
    network: bytes
    preprocessing: Preprocessing
    temperature: float
    reference: Reference
    samples: Sequence[Sample]
    card: Mapping[str, Any]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    weights: bytes | None = None


@dataclass(frozen=True)
class Bundle:
    """A bundle whose digests were right. `weights` is a file, or None; `size_bytes` is of the whole folder."""

    folder: Path
    digest: str
    size_bytes: int
    created_at: datetime
    architecture: str
    classes: tuple[str, ...]
    network: bytes
    preprocessing: Preprocessing
    temperature: float
    calibration: Mapping[str, Any]
    reference: Reference
    samples: tuple[Sample, ...]
    card: Mapping[str, Any]
    weights: Path | None


def write_bundle(folder: Path, contents: BundleContents) -> str:
    """Writes the folder, which must not exist, all or nothing; answers the bundle's digest."""
    files = _files(contents)
    check_names(files)
    manifest = Manifest(
        contents.created_at,
        contents.architecture,
        tuple(contents.classes),
        {name: Entry(hashlib.sha256(data).hexdigest(), len(data)) for name, data in files.items()},
    ).to_bytes()
    folder.parent.mkdir(parents=True, exist_ok=True)
    coming = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, data in {**files, MANIFEST: manifest}.items():
            (coming / name).parent.mkdir(exist_ok=True)
            (coming / name).write_bytes(data)
        read_bundle(coming)
        coming.rename(folder)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        raise
    return hashlib.sha256(manifest).hexdigest()


def _files(contents: BundleContents) -> dict[str, bytes]:
    files = {
        "network.onnx": contents.network,
        "classes.json": canonical(list(contents.classes)),
        "preprocessing.json": canonical(contents.preprocessing.to_json()),
        "calibration.json": canonical(
            {**contents.calibration, "temperature": contents.temperature}
        ),
        "reference.npz": contents.reference.save(),
        "samples.json": canonical(
            {sample.name: dict(sample.probabilities) for sample in contents.samples}
        ),
        "card.json": canonical(dict(contents.card)),
        **{f"samples/{sample.name}": sample.data for sample in contents.samples},
    }
    if contents.weights is not None:
        files[WEIGHTS] = contents.weights
    return files


def read_bundle(folder: Path, expected: str | None = None) -> Bundle:
    """Checks every digest, then reads; raises BundleError and nothing else for a bad bundle.

    `expected`: the digest of the bundle that it must be.
    """
    manifest, digest = read_manifest(folder)
    if expected not in (None, digest):
        raise BundleError("digest", "It is another bundle than the one that was asked for.")
    files = read_files(folder, manifest)
    classes = _classes(_json(files, "classes.json"), manifest.classes)
    calibration = _json(files, "calibration.json")
    try:
        return Bundle(
            folder=folder,
            digest=digest,
            size_bytes=sum(one.size for one in manifest.files.values())
            + (folder / MANIFEST).stat().st_size,
            created_at=manifest.created_at,
            architecture=manifest.architecture,
            classes=classes,
            network=files["network.onnx"],
            preprocessing=Preprocessing.from_json(_json(files, "preprocessing.json")),
            temperature=_temperature(calibration["temperature"]),
            calibration=calibration,
            reference=Reference.load(files["reference.npz"]),
            samples=_samples(files, classes),
            card=dict(_json(files, "card.json")),
            weights=folder / WEIGHTS if WEIGHTS in manifest.files else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError("format", f"The bundle cannot be read: {error}.") from error


def _json(files: Mapping[str, bytes], name: str) -> Any:
    try:
        return json.loads(files[name])
    except (ValueError, RecursionError) as error:
        raise BundleError("format", f"{name} is not JSON.") from error


def _classes(value: Any, expected: tuple[str, ...]) -> tuple[str, ...]:
    good = isinstance(value, list) and all(
        isinstance(one, str) and one == one.strip() and one.isprintable() and one for one in value
    )
    if not good or not 2 <= len(value) <= MOST_CLASSES or len(set(value)) != len(value):
        raise BundleError("classes", f"A bundle needs 2 to {MOST_CLASSES} different class names.")
    if max(map(len, value)) > LONGEST_CLASS:
        raise BundleError("classes", f"A class name is longer than {LONGEST_CLASS} characters.")
    if tuple(value) != expected:
        raise BundleError("classes", "The classes are not those of the manifest.")
    return tuple(value)


def _temperature(value: Any) -> float:
    if not isinstance(value, float | int) or not 0 < value < 1000:
        raise ValueError(f"the temperature is {value!r}")
    return float(value)


def _samples(files: Mapping[str, bytes], classes: tuple[str, ...]) -> tuple[Sample, ...]:
    answers = _json(files, "samples.json")
    pictures = {name.removeprefix("samples/") for name in files if name.startswith("samples/")}
    if not answers or set(answers) != pictures:
        raise BundleError("format", "The samples and their answers do not belong together.")
    for name, answer in answers.items():
        if set(answer) != set(classes):
            raise BundleError("classes", f"The answer to {name} is about other classes.")
    return tuple(
        Sample(name, files[f"samples/{name}"], {one: float(answer[one]) for one in classes})
        for name, answer in sorted(answers.items())
    )
