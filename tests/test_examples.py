"""The examples in docstrings run and print what they say; those of models have their own test."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WITH_EXAMPLES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in sorted((ROOT / "molmeta").rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8") and "models" not in file.parts
]
SHOWN = [
    "molmeta.runs.model.load_model",
    "molmeta.training.train.train",
    "molmeta.training.calibrate.calibrate",
    "molmeta.runs.recipe.resolve_recipe",
    "molmeta.runs.recipe.build_learner",
    "molmeta.assays.record.AssayRecord",
    "molmeta.learning.inner.MAML",
    "molmeta.learning.learner.Learner",
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.testmod(module, optionflags=flags)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("name", SHOWN)
def test_what_users_call_shows_an_example(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert ">>> " in (getattr(importlib.import_module(module), attribute).__doc__ or "")
