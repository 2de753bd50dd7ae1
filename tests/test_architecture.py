"""The shape of the code: arrows point down, light stays light, nothing grows without a reason."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from verilens.catalog import FAMILIES

PACKAGE = Path(__file__).parents[1] / "src" / "verilens"
FILES = sorted(PACKAGE.rglob("*.py"))

# From the ground up. A module imports from its own level or from below.
LEVELS = (
    {"errors", "records", "card", "config", "allocator"},
    {"batch", "method", "weights", "catalog", "published", "taxonomy"},
    {"media", "poses", "tables", "layout"},
    {"datasets", "manifest", "face_filter", "presented", "splits", "post_files"},
    {"options", "nn"},
    {"understand"},
    {"verify", "motion"},
    {"train"},
    {"pipeline", "known", "scanner", "exported", "live"},
    {"report", "bench"},
    {"explain"},
    {"store", "selftest", "health"},
    {"server", "client"},
    {"cluster"},
    {"cli"},
    {"__main__", "__init__"},  # the doors
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}

# Functions of arrays that import nothing of ours; anything may use them.
LEAVES = {"bench.metrics"}

# Importing these must not import torch: scanning known files and asking for help never need it.
LIGHT = (
    *("records", "card", "config", "errors", "catalog", "weights", "media", "options", "report"),
    *("poses", "published", "tables", "layout", "manifest", "datasets", "face_filter", "server"),
    *("presented",),
    *("client", "cluster"),
)

BANNED = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core", "manager"}

LIMIT_FILE, LIMIT_FUNCTION, LIMIT_PARAMETERS = 500, 60, 6
LARGE = {
    "cli/motion_lift.py:fill": "its signature is the list of the command's options",
    "cli/perturb.py:perturb": "its signature is the list of the command's options",
    "cli/bench.py:compare": "its signature is the list of the command's options",
    "cli/bench_prompts.py:prompts": "its signature is the list of the command's options",
    "cli/bench_fairness.py:fairness": "its signature is the list of the command's options",
    "cli/bench_robustness.py:robustness": "its signature is the list of the command's options",
    "cli/bench.py:score": "its signature is the list of the command's options",
    "cli/bench_run.py:run_": "its signature is the list of the command's options",
    "cli/motion.py:show": "its signature is the list of the command's options",
    "cli/motion.py:convert": "its signature is the list of the command's options",
    "cli/explain.py:explain": "its signature is the list of the command's options",
    "cli/motion_lexicon.py:add": "its signature is the list of the command's options",
    "cli/motion_sign.py:sign": "its signature is the list of the command's options",
    "cli/scan.py:scan": "its signature is the list of the command's options",
    "cli/serve.py:serve": "its signature is the list of the command's options",
    "cli/serve.py:worker": "its signature is the list of the command's options",
    "cli/serve.py:create": "its signature is the list of the command's options",
    "cli/motion_recognize.py:evaluate": "its signature is the list of the command's options",
    "cli/motion_train.py:train": "its signature is the list of the command's options",
    "cli/train.py:train": "its signature is the list of the command's options",
}

CATCHES_EVERYTHING = {
    "media/child.py": "the sandbox boundary: whatever a decoder raises becomes an answer",
    "media/perturb/child.py": "the same boundary, for what decodes and writes",
    "media/preview/child.py": "the same boundary once more",
    "poses/estimate.py": "ONNX Runtime has no public type for models that it refuses",
    "published.py": "torch has no type of its own for files that it cannot read",
    "nn/session.py": "ONNX Runtime has no public type for models that it refuses",
    "nn/program.py": "tracing runs all of a network, and the exporters raise what they like",
    "media/read.py": "a damaged manifest must not cost the file its verdict",
    "server/app.py": "tidying up is tried again, whatever stopped it",
    "server/guard.py": "a bug becomes an answer, with the headers that every answer has",
    "server/routes_jobs.py": "a stream of events outlives a database that is gone for a moment",
    "server/routes_system.py": "a probe tells what is broken instead of breaking",
    "server/watch.py": "who waits goes on waiting while the database is gone",
    "server/worker.py": "a bug costs a job one of its tries, never the worker",
    "server/workers.py": "a worker is started again, whatever ended it",
    "verify/panel.py": "a method's bug must not cost the other evidence",
    "verify/cmcl_mmcd/data.py": "torch has no type of its own for files that it cannot read",
    "verify/posts.py": "the same, for methods that read posts",
    "weights.py": "torch has no type of its own for tensors that do not fit",
}


def where(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def top(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Yield what a file imports from the package, dotted, without the package's own name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, rest = node.module.partition(".")
            if package == "verilens":
                yield from (f"{rest}.{n.name}".removeprefix(".") for n in node.names)
        elif isinstance(node, ast.Import):
            yield from (n.name[9:] for n in node.names if n.name.startswith("verilens."))


def test_every_module_has_a_level():
    assert {top(path) for path in FILES} <= set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=where)
def test_arrows_point_down(path):
    for name in imported(path):
        target = name.split(".")[0]
        if any(f"{name}.".startswith(f"{leaf}.") for leaf in LEAVES):
            continue
        if target in LEVEL:  # else a name of the package itself, such as the version
            assert LEVEL[target] <= LEVEL[top(path)], f"{where(path)} imports {name}"


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_leaves_import_nothing_of_ours(leaf):
    paths = sorted((PACKAGE / leaf.replace(".", "/")).glob("*.py"))
    assert paths
    for path in paths:
        assert all(name.startswith(f"{leaf}.") for name in imported(path)), where(path)


def methods() -> set[tuple[str, str]]:
    """Return every built-in method, as (family, name)."""
    return {(f, p.parent.name) for f in FAMILIES for p in PACKAGE.glob(f"{f}/*/__init__.py")}


def test_methods_never_import_each_other():
    for path in FILES:
        own = path.relative_to(PACKAGE).parts[:2]
        if own in methods():
            reached = {tuple(name.split(".")[:2]) for name in imported(path)}
            assert not reached & (methods() - {own}), where(path)


def test_shared_code_knows_no_method():
    for path in FILES:
        parts = path.relative_to(PACKAGE).parts
        if parts[0] in {"train", "selftest"} or parts[:2] in methods():
            continue
        reached = {tuple(name.split(".")[:2]) for name in imported(path)}
        assert not reached & methods(), where(path)


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_import_no_torch(name):
    root = PACKAGE / name
    paths = sorted(root.rglob("*.py")) if root.is_dir() else [PACKAGE / f"{name}.py"]
    dotted = [".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts) for p in paths]
    modules = [module.removesuffix(".__init__") for module in dotted]
    assert loads_no_torch(f"import {', '.join(modules)}")


@pytest.mark.parametrize("arguments", [["--help"], ["scan", "--help"], ["methods"]])
def test_help_and_methods_import_no_torch(arguments):
    code = f"""
from typer.testing import CliRunner
from verilens.cli import app
assert CliRunner().invoke(app, {arguments!r}).exit_code == 0"""
    assert loads_no_torch(code)


def test_the_package_imports_no_torch():
    assert loads_no_torch("import verilens")


def loads_no_torch(code: str) -> bool:
    code += "\nimport sys\nprint('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip() == "False"


def test_every_module_has_a_subject():
    for path in PACKAGE.rglob("*"):
        assert path.name.removesuffix(".py").strip("_") not in BANNED, where(path)


def test_nothing_grows_without_a_reason():
    for path in FILES:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= LIMIT_FILE or where(path) in LARGE, f"{where(path)}: {lines} lines"
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and f"{where(path)}:{node.name}" not in LARGE:
                assert length(node) <= LIMIT_FUNCTION, f"{where(path)}:{node.name}"
                assert parameters(node) <= LIMIT_PARAMETERS, f"{where(path)}:{node.name}"


def test_reasons_are_still_needed():
    large = {where(p) for p in FILES if len(p.read_text().splitlines()) > LIMIT_FILE}
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and (
                length(node) > LIMIT_FUNCTION or parameters(node) > LIMIT_PARAMETERS
            ):
                large.add(f"{where(path)}:{node.name}")
    assert set(LARGE) <= large
    assert set(CATCHES_EVERYTHING) <= {where(path) for path in FILES if catches_everything(path)}


def length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or 0) - function.lineno + 1


def parameters(function: ast.FunctionDef) -> int:
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    own = names[:1] in (["self"], ["cls"])
    return len(names) + len(function.args.kwonlyargs) - own


def catches_everything(path: Path) -> bool:
    handlers = [n for n in ast.walk(tree(path)) if isinstance(n, ast.ExceptHandler)]
    return any(h.type is None or ast.unparse(h.type) == "Exception" for h in handlers)


def test_only_boundaries_catch_everything():
    for path in FILES:
        if top(path) != "cli" and where(path) not in CATCHES_EVERYTHING:
            assert not catches_everything(path), where(path)


def test_only_the_command_line_prints():
    for path in FILES:
        calls = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Call)]
        printing = any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls)
        assert not printing or top(path) == "cli" or path.name == "__main__.py", where(path)
