"""The rules of this house that no ready-made linter knows, read off the syntax trees.

Run as `python -m deploy.rules`: a broken rule fails; a file that has grown long is only mentioned.
It never looks at tests: they may commit and set variables as they need.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("classifier", "store", "service", "monitoring", "retrain", "migrations", "deploy")

# the requests' and the jobs' door, the prediction log's writer, and the schema's own way in
DOORS = ("store/database.py", "store/jobs.py", "store/prediction_log.py", "migrations/env.py")
# what its holder shows to be let in, by the name that it goes under; digests of it may be compared as they like
SECRET = re.compile(r"(?:.*_)?(?:secret|secret_key|api_key|password|token|csrf|signature)")
# these say who holds a job or a review and let nobody in
FENCES = ("lock_token", "lease_token")
LONG = 300


def broken(name: str, text: str) -> Iterator[str]:
    """Every rule that the file `name` (relative to the root) breaks, as `name:line: what`."""
    tree = ast.parse(text, name)
    for line, what in (
        *_commits(name, tree),
        *_environment(name, tree),
        *_silent(name, tree),
        *_secrets(tree),
    ):
        yield f"{name}:{line}: {what}"


def _commits(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree) if name not in DOORS else ():
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "commit":
            yield node.lineno, "only the doors commit: " + ", ".join(DOORS)


def _environment(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree) if not name.endswith("/settings.py") else ():
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "os":
            line, words = node.lineno, {node.attr}
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            line, words = node.lineno, {one.name for one in node.names}
        else:
            continue
        if words & {"environ", "environb", "getenv"}:
            yield line, "the environment is read in settings files only"


def _silent(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in tree.body if not name.startswith("migrations/") else ():
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_") and ast.get_docstring(node) is None:
            yield node.lineno, f"{node.name} is public and has no docstring"


def _secrets(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        names = [
            one.attr if isinstance(one, ast.Attribute) else one.id
            for one in (node.left, *node.comparators)
            if isinstance(one, ast.Name | ast.Attribute)
        ]
        if any(isinstance(one, ast.Is | ast.IsNot) for one in node.ops) or set(names) & {*FENCES}:
            continue
        if secret := next((one for one in names if SECRET.fullmatch(one)), None):
            yield (
                node.lineno,
                f"{secret} is compared by hmac.compare_digest, or looked up by digest",
            )


def main() -> int:
    """Read every source file of the packages; 1 when a rule is broken."""
    failed = 0
    for path in sorted(path for package in PACKAGES for path in Path(package).rglob("*.py")):
        text = path.read_text()
        for sentence in broken(path.as_posix(), text):
            print(sentence)
            failed = 1
        if (lines := len(text.splitlines())) > LONG:
            print(f"{path.as_posix()}: {lines} lines, time to divide it (a warning)")
    return failed


if __name__ == "__main__":
    sys.exit(main())
