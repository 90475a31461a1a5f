"""The examples in docstrings and on the page on matching run; every public class has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from torch import nn

from molmeta import models
from molmeta.models import attention, matcher, similarity

MODULES = [info.name for info in pkgutil.walk_packages(models.__path__, "molmeta.models.")]
PUBLIC = {
    thing
    for module in (models, attention, matcher, similarity)
    for name, thing in vars(module).items()
    if inspect.isclass(thing) and issubclass(thing, nn.Module | models.Columns) and name[0] != "_"
    and thing.__module__.startswith("molmeta.models.")
}  # fmt: skip
WITHOUT = {attention.Attention, similarity.BaseTerm}
"""Abstract classes whose examples are those of the classes that are derived from them."""


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module_run(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))
    assert not failed


def test_every_public_class_has_an_example() -> None:
    assert len(PUBLIC) > 20
    assert {one for one in PUBLIC if ">>>" not in (one.__doc__ or "")} == WITHOUT


def test_examples_of_the_page_run(root: Path) -> None:
    failed, tried = doctest.testfile(
        str(root / "docs" / "concepts" / "matching.md"), module_relative=False
    )
    assert tried
    assert not failed
