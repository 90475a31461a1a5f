"""The examples in docstrings run, and every name that users meet has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import molmeta

ROOT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in sorted((ROOT / "molmeta").rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8") and "models" not in file.parts
]
SHOWN = [
    "molmeta.chem.featurize",
    "molmeta.chem.fingerprint",
    "molmeta.chem.inputs",
    "molmeta.episodes.batch",
    "molmeta.episodes.draw",
    "molmeta.episodes.episode",
    "molmeta.episodes.sampler",
    "molmeta.metrics",
]
"""Modules without a list of exports, whose public classes and functions count as exported."""


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # some write files
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(module, optionflags=flags)
    assert found.attempted
    assert not found.failed


def exported() -> Iterator[tuple[str, object]]:
    """Find what packages export, and the classes and functions of the modules in `SHOWN`."""
    packages = [m.name for m in pkgutil.walk_packages(molmeta.__path__, "molmeta.") if m.ispkg]
    for name in ["molmeta", *packages]:
        package = importlib.import_module(name)
        for one in getattr(package, "__all__", []):
            yield f"{name}.{one}", getattr(package, one)
    for name in SHOWN:
        for one, thing in vars(importlib.import_module(name)).items():
            if one[0] != "_" and getattr(thing, "__module__", None) == name:
                yield f"{name}.{one}", thing


def imported_by_pages() -> Iterator[tuple[str, object]]:
    """Find what the examples in README.md and docs/ import of molmeta."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        lines = page.read_text(encoding="utf-8").replace(">>> ", "")
        for name, words in re.findall(r"^from (molmeta\S*) import ([\w, ]+)", lines, re.MULTILINE):
            module = importlib.import_module(name)
            for one in (word.split()[0] for word in words.split(",")):
                yield f"{name}.{one}", getattr(module, one)


def test_every_name_that_users_meet_has_an_example() -> None:
    found: dict[int, tuple[str, object]] = {}
    for name, thing in (*exported(), *imported_by_pages()):
        if inspect.isclass(thing) or inspect.isfunction(thing):
            found.setdefault(id(thing), (name, thing))
    assert len(found) > 90
    lacking = {name for name, thing in found.values() if ">>> " not in (thing.__doc__ or "")}
    assert not lacking
