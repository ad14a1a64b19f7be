"""What exists stands in the docs, and what the docs name exists: settings, metrics, routes, commands."""

import argparse
import importlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from service.app import create_app
from service.settings import read_settings

ROOT = Path(__file__).parents[1]
PROGRAMS = ("service", "monitoring", "retrain")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DOCS = "\n".join(page.read_text() for page in PAGES)
# set by the one who starts the tests, read by the tests alone
OF_THE_TESTS = {"URSA_TEST_REQUIRE", "URSA_TEST_SEED", "URSA_TEST_EXAMPLES"}


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(URSA_SECRET_KEY="s" * 32)
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """As a dictionary does."""
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)


def settings() -> set[str]:
    """Every variable that one of the programs reads."""
    asked = Asked()
    for program in PROGRAMS:
        importlib.import_module(f"{program}.settings").read_settings(asked)
    return asked.names


def metrics() -> Iterator[str]:
    """Every metric's name as Prometheus sees it."""
    for program in PROGRAMS:
        registry = importlib.import_module(f"{program}.metrics").REGISTRY
        for metric in registry.collect():
            yield metric.name + ("_total" if metric.type == "counter" else "")


def routes() -> set[str]:
    """Every path that the service answers, pages and API alike."""
    app = create_app(read_settings(Asked()))
    return {str(one.path) for one in iter_route_contexts(app.routes)}


def commands() -> Iterator[str]:
    """Every `python -m PROGRAM SUBCOMMAND [SUBCOMMAND]`."""
    for program in PROGRAMS:
        parser = importlib.import_module(f"{program}.__main__").build_parser()
        yield from (f"python -m {program} {words}" for words in _subcommands(parser))


def _subcommands(parser: argparse.ArgumentParser) -> Iterator[str]:
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for group in groups:
        for name, below in group.choices.items():
            deeper = list(_subcommands(below))
            yield from (f"{name} {words}" for words in deeper)
            if not deeper:
                yield name


def targets() -> set[str]:
    """The targets that `make` alone lists."""
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return {line.split()[1] for line in listed.splitlines() if line.startswith("make ")}


@pytest.mark.parametrize("name", sorted(settings()))
def test_a_setting_stands_in_the_docs(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCS), f"{name} is not in docs/"


@pytest.mark.parametrize("name", sorted(set(metrics())))
def test_a_metric_stands_in_the_docs(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCS), f"{name} is not in docs/"


@pytest.mark.parametrize("path", sorted(routes()))
def test_a_route_stands_in_the_docs(path: str) -> None:
    assert re.search(rf"{re.escape(path)}(?![\w/{{-])", DOCS), f"{path} is not in docs/"


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_stands_in_the_docs(command: str) -> None:
    assert command in DOCS, f"`{command}` is not in docs/"


def test_the_docs_name_no_setting_that_is_gone() -> None:
    named = set(re.findall(r"\bURSA_[A-Z_]+\b", DOCS))
    assert named - settings() - OF_THE_TESTS == set()


def test_the_docs_name_no_metric_that_is_gone() -> None:
    named = set(re.findall(r"\bursa_[a-z_]+_(?:total|seconds|bytes|ratio)\b", DOCS))
    assert named - set(metrics()) == set()


def test_the_docs_name_no_command_that_is_gone() -> None:
    known = set(commands())
    for program, words in re.findall(r"python -m (\w+) ([a-z -]+)", DOCS):
        command = f"python -m {program} {words.strip()}"
        if program in PROGRAMS:
            assert any(command.startswith(one) for one in known), f"there is no `{command}`"


def test_every_make_target_in_the_docs_is_listed_by_make() -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z]+(?:-[a-z_]+)?)", DOCS, re.M))
    assert {"run", "test", "check", "setup"} <= named
    measured = {name for name in named if name.startswith("bench-")}
    assert named - measured <= targets()
    for name in measured:
        assert (ROOT / f"tests/benchmarks/{name.removeprefix('bench-')}.py").exists()
