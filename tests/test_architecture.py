"""What holds the architecture: import order, where code may lie, documented public names."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import molmeta

# Imports point down this list, never up.
LAYERS = [
    ("errors", "resources", "config", "metrics", "reporting", "tensors"),
    ("chem",),
    ("assays",),
    ("episodes",),
    ("models",),
    ("learning",),
    ("runs",),
    ("predict",),
    ("web",),
    ("training",),
    ("evaluation",),
    ("testing",),
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
WITHOUT_TORCH = {"errors", "resources", "config", "metrics", "reporting", "chem", "assays"}


@cache
def modules(root: Path) -> list[tuple[Path, str, ast.Module]]:
    """Every module below `molmeta/`: its file, its part of the package, its syntax tree."""
    found = []
    for file in sorted((root / "molmeta").rglob("*.py")):
        part = file.relative_to(root / "molmeta").parts[0].removesuffix(".py")
        found.append((file, part, ast.parse(file.read_text(encoding="utf-8"))))
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names of everything that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_point_one_way(root: Path) -> None:
    wrong = [
        f"{file.relative_to(root)} imports {name}"
        for file, part, tree in modules(root)
        for name in imported(tree)
        if part != "__init__" and name.startswith("molmeta.")
        and RANK.get(name.split(".")[1], -1) > RANK[part]
    ]  # fmt: skip
    assert not wrong


def test_every_part_has_its_place(root: Path) -> None:
    assert {part for _, part, _ in modules(root)} - {"__init__"} <= set(RANK)


def test_chemistry_and_assays_work_without_torch(root: Path) -> None:
    wrong = [
        f"{file.relative_to(root)} imports {name}"
        for file, part, tree in modules(root)
        for name in imported(tree)
        if part in WITHOUT_TORCH and name.split(".")[0] in ("torch", "torch_geometric")
    ]
    assert not wrong


def test_library_neither_prints_nor_exits(root: Path) -> None:
    wrong = [
        f"{file.relative_to(root)}:{node.lineno}"
        for file, _, tree in modules(root)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "sys.exit", "exit", "quit")
    ]
    assert not wrong


@pytest.mark.parametrize("folder", ["cli", "configs", "datasets"])
def test_no_code_directly_in(root: Path, folder: str) -> None:
    assert not list((root / folder).glob("*.py"))


def public_objects() -> Iterator[tuple[str, object]]:
    names = [info.name for info in pkgutil.walk_packages(molmeta.__path__, "molmeta.")]
    for module in map(importlib.import_module, names):
        yield module.__name__, module
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", None) == module.__name__
            if name.startswith("_") or not own or not (inspect.isclass(thing) or callable(thing)):
                continue
            yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                for method, value in vars(thing).items():
                    if not method.startswith("_") and inspect.isfunction(value):
                        yield f"{module.__name__}.{name}.{method}", value


def test_every_public_name_is_documented() -> None:
    empty_packages = ("molmeta.chem", "molmeta.reporting")
    missing = [
        name for name, thing in public_objects() if not getattr(thing, "__doc__", None)
        and name not in empty_packages
    ]  # fmt: skip
    assert not missing


def test_lazy_names_exist() -> None:
    for name in molmeta.__all__:
        assert getattr(molmeta, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        _ = molmeta.nothing


@pytest.mark.parametrize("command", ["import molmeta", "import molmeta_cli.main"])
def test_importing_costs_nothing(root: Path, command: str) -> None:
    code = (
        f"import sys; {command}; "
        "print([m for m in ('torch', 'rdkit', 'pandas', 'numpy', 'sklearn') if m in sys.modules])"
    )
    environment = {"PYTHONPATH": f"{root}:{root / 'cli'}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_loading_a_model_imports_no_training_loop(root: Path) -> None:
    code = (
        "import sys, molmeta; molmeta.load_model('default'); "
        "print([m for m in sys.modules if m.startswith(('molmeta.training', 'molmeta.predict'))])"
    )
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_functions_fit_on_a_screen_and_take_few_parameters(root: Path) -> None:
    wrong = []
    for file in [*(root / "molmeta").rglob("*.py"), *(root / "cli").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                given = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                n_given = len([one for one in given if one.arg not in ("self", "cls")])
                first = node.body[0]
                is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                begin = first.end_lineno if is_doc else node.lineno
                n_lines = (node.end_lineno or 0) - (begin or 0)
                if n_lines > 60 or n_given > 10:
                    wrong.append(f"{file.relative_to(root)}: {node.name}")
    assert not wrong


VAGUE = {"base", "parts", "hints", "known", "form", "view", "info", "utils", "common", "misc"}


def test_modules_are_named_by_what_is_inside(root: Path) -> None:
    names = {file.stem for room in ("predict", "evaluation", "runs")
             for file in (root / "molmeta" / room).rglob("*.py")}  # fmt: skip
    assert not names & VAGUE


def test_there_is_one_way_to_a_score(root: Path) -> None:
    """Panels alone score and calibrate; what they hold is left out by `AdaptedAssay`."""
    texts = {
        file.stem: file.read_text(encoding="utf-8")
        for room in ("runs", "predict", "evaluation")
        for file in (root / "molmeta" / room).rglob("*.py")
    }
    for call, places in {
        ".temperature(": {"model"},
        "model.calibrate(": {"panel", "adapted_assay"},
        "learner.scores(": {"adapted_assay"},
        "scorer.score(": set(),
    }.items():
        assert {name for name, text in texts.items() if call in text} == places, call


def test_parts_declare_what_they_have(root: Path) -> None:
    pattern = re.compile(r"\b(getattr|hasattr)\(\s*(?:[\w.]*\.)?\w*(encoder|head|matcher)\b")
    assert not [
        f"{file.relative_to(root)}: {found[0]}"
        for file, _, _ in modules(root)
        for found in pattern.finditer(file.read_text(encoding="utf-8"))
    ]
