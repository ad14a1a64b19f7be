"""Read a folder of class folders: every file verified by the one decoder, and whatever cannot be used is listed.

Nothing is written, moved or deleted here, and no picture is kept in memory.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from classifier.pictures import BadPicture, Limits, open_picture
from retrain.duplicates import fingerprint, same_pictures
from retrain.progress import Watch
from store.errors import Invalid
from store.pictures import NewPicture


@dataclass(frozen=True)
class FoundPicture:
    """A picture that can be used. `path` is relative to the folder, with forward slashes."""

    path: str
    label: str
    picture: NewPicture
    fingerprint: str


@dataclass(frozen=True)
class LeftOut:
    """A file that cannot be used, and why, in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True)
class Folder:
    """What a folder holds; `classes` in the order of their names."""

    root: Path
    classes: tuple[str, ...]
    pictures: tuple[FoundPicture, ...]
    left_out: tuple[LeftOut, ...]


def read_folder(root: Path, least_per_class: int, watch: Watch) -> Folder:
    """Raises Invalid with one sentence when no model can be made of it: fewer than two classes, too few pictures."""
    classes = _classes(root)
    left_out = [LeftOut(one.name, "It lies in no class folder.") for one in _loose(root)]
    files = [(path, name) for name in classes for path in _files(root / name)]
    found: list[FoundPicture] = []
    for number, (path, label) in enumerate(files):
        watch("verify", number / len(files), f"{number} of {len(files)} files")
        one = _verify(root, path, label)
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            found.append(one)
    watch("verify", 1.0, f"{len(files)} files")
    pictures, repeated = _once(found)
    pictures, disputed = _undisputed(pictures)
    left_out += [*repeated, *disputed]
    _check_numbers(classes, pictures, least_per_class)
    return Folder(root, tuple(classes), tuple(pictures), tuple(left_out))


def _classes(root: Path) -> list[str]:
    if not root.is_dir():
        raise Invalid(f"There is no folder {root}.", "no_folder")
    names = sorted(one.name for one in root.iterdir() if one.is_dir() and one.name[0] != ".")
    if len(names) < 2:
        has = f"only {names[0]!r}" if names else "none"
        raise Invalid(
            f"{root} must hold a folder of pictures for each of two or more classes; it has {has}.",
            "too_few_classes",
        )
    for name in names:
        if name != name.strip() or not name.isprintable() or len(name) > 200:
            raise Invalid(f"{name!r} cannot be the name of a class: rename the folder.", "bad_name")
    return names


def _loose(root: Path) -> list[Path]:
    return sorted(one for one in root.iterdir() if one.is_file() and one.name[0] != ".")


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part[0] == "." for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            yield path


def _verify(root: Path, path: Path, label: str) -> FoundPicture | LeftOut:
    name = path.relative_to(root).as_posix()
    try:
        if path.stat().st_size > Limits().max_bytes:
            return LeftOut(name, f"The file has more than {Limits().max_bytes:,} bytes.")
        picture = open_picture(path.read_bytes())
    except BadPicture as error:
        return LeftOut(name, str(error))
    except OSError as error:
        return LeftOut(name, f"It cannot be read: {error.strerror}.")
    row = NewPicture(
        picture.digest, picture.format, picture.size_bytes, picture.width, picture.height
    )
    return FoundPicture(name, label, row, fingerprint(picture))


def _once(found: list[FoundPicture]) -> tuple[list[FoundPicture], list[LeftOut]]:
    """One of each file that is there several times in a class; copies in another class are seen as disputed."""
    first: dict[tuple[str, str], FoundPicture] = {}
    repeated = []
    for one in found:
        before = first.setdefault((one.picture.digest, one.label), one)
        if before is not one:
            repeated.append(LeftOut(one.path, f"It is the same file as {before.path}."))
    return list(first.values()), repeated


def _undisputed(found: list[FoundPicture]) -> tuple[list[FoundPicture], list[LeftOut]]:
    """Leaves out every picture that also stands in another class, as the same file or nearly so."""
    by_digest: dict[str, list[FoundPicture]] = defaultdict(list)
    for one in found:
        by_digest[one.picture.digest].append(one)
    sets = same_pictures({digest: copies[0].fingerprint for digest, copies in by_digest.items()})
    in_sets = {digest for one in sets for digest in one}
    sets += [[digest] for digest in by_digest if digest not in in_sets]
    disputed: dict[str, LeftOut] = {}
    for digests in sets:
        copies = [one for digest in digests for one in by_digest[digest]]
        for one in copies:
            other = next((each for each in copies if each.label != one.label), None)
            if other is not None:
                disputed[one.path] = LeftOut(
                    one.path, f"The same picture stands in another class: {other.path}."
                )
    return [one for one in found if one.path not in disputed], list(disputed.values())


def _check_numbers(classes: list[str], pictures: list[FoundPicture], least: int) -> None:
    for name in classes:
        usable = sum(1 for one in pictures if one.label == name)
        if usable < least:
            raise Invalid(
                f"The class {name!r} has {usable} usable pictures; at least {least} are needed.",
                "too_few_pictures",
            )
