"""Whatever is put into a bundle, a scope or a policy: read, or refused with one kind of error."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.bundle import read_bundle
from classifier.manifest import MANIFEST, BundleError, canonical
from classifier.policy import THRESHOLDS, Policy, PolicyError, parse_policy
from store.errors import Invalid
from store.scope import Requested, kept, parse, words
from tests.toy import toy_bundle

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ONE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    ONE,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
TIME = st.sampled_from(["08:00", "18:00", "24:00", "8", "", "23:59:59"])
SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "consumers": st.lists(st.text(max_size=9), max_size=3) | ANYTHING,
        "segments": st.lists(st.text(max_size=9), max_size=3) | ANYTHING,
        "subjects": ANYTHING,
        "days": st.lists(st.sampled_from(["monday", "sunday", "someday"])) | ANYTHING,
        "times": st.lists(st.lists(TIME, max_size=3), max_size=3) | ANYTHING,
        "zone": st.sampled_from(["UTC", "Europe/Berlin", "../../etc/passwd", "Asia"]) | ANYTHING,
        "expires_at": st.datetimes().map(str) | st.just("2026-05-01T18:00:00Z") | ANYTHING,
        "share": st.floats() | ANYTHING,
        "hold_seconds": st.integers() | ANYTHING,
        "at_limit": st.sampled_from(["people", "candidate", "incumbent"]) | ANYTHING,
    },
)
QUIETLY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@QUIETLY
@given(SCOPES | st.dictionaries(st.text(max_size=9), ANYTHING))
def test_a_scope_is_read_and_kept_or_refused(value: dict[str, Any]) -> None:
    try:
        scope = parse(value)
    except Invalid:
        return
    assert kept(json.loads(json.dumps(scope.as_kept()))) == scope
    assert words(scope)
    assert scope.covers(Requested("shop", "zoo", "bruno"), NOON) in (True, False)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return '"nothing"' if value is None else json.dumps(value)


NUMBERS = st.floats() | st.integers() | st.floats(0, 1)
COSTS = st.fixed_dictionaries(
    {},
    optional={
        "unit": st.text(max_size=9) | ANYTHING,
        **dict.fromkeys(("wrong", "review", "delay", "corrected"), NUMBERS | ANYTHING),
        "pairs": st.lists(
            st.fixed_dictionaries({}, optional={"true": ONE, "given": ONE, "cost": NUMBERS})
        )
        | ANYTHING,
    },
)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        **{name: NUMBERS | st.booleans() | ANYTHING for name in THRESHOLDS},
        "objective": ANYTHING,
        "levers": ANYTHING,
        "costs": COSTS | ANYTHING,
    },
)


@QUIETLY
@given(
    st.text()
    | POLICIES.map(lambda one: "\n".join(f"{name} = {_toml(value)}" for name, value in one.items()))
)
def test_a_policy_is_read_or_refused(text: str) -> None:
    try:
        policy = parse_policy(text)
    except PolicyError:
        return
    assert isinstance(policy, Policy)
    assert parse_policy(policy.text) == policy


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle(tmp_path_factory.mktemp("anything") / "bundle", held_out=20)


def _changed(data: bytes, how: tuple[str, Any]) -> bytes:
    kind, value = how
    if kind == "json":
        return json.dumps(value).encode()
    if kind == "bytes":
        return bytes(value)
    place = value % max(1, len(data))
    if kind == "cut":
        return data[:place]
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :] if data else b"x"


HOW = (
    st.tuples(st.just("json"), ANYTHING)
    | st.tuples(st.just("bytes"), st.binary(max_size=40))
    | st.tuples(st.sampled_from(["cut", "flip"]), st.integers(0, 2**20))
)


@QUIETLY
@given(st.integers(0, 30), HOW, st.booleans())
def test_a_bundle_is_read_or_refused(
    bundle: Path, tmp_path: Path, number: int, how: tuple[str, Any], signed: bool
) -> None:
    """Where `signed`, the manifest names the file as it now is, so that not only digests refuse it."""
    folder = tmp_path / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bundle, folder)
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    file = files[number % len(files)]
    before = file.read_bytes()
    data = _changed(before, how)
    file.write_bytes(data)
    if signed and file.name != MANIFEST:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        entry = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        manifest["files"][file.relative_to(folder).as_posix()] = entry
        (folder / MANIFEST).write_bytes(canonical(manifest))
    try:
        read_bundle(folder)
    except BundleError:
        return
    assert signed or data == before
