"""The generated pages of the reference: verbs, recipe keys, modules and the public API.

`conf.py` calls `write` when the documentation is built, so that these pages cannot be out of date.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import typer.main

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    ("molmeta", "What scripts use"),
    ("molmeta.assays", "Assays: files, stores, support sets"),
    ("molmeta.predict", "Prediction"),
    ("molmeta.evaluation", "Evaluation"),
    ("molmeta.training", "Training"),
    ("molmeta.runs", "Run folders"),
    ("molmeta.learning", "Learning from a support set"),
    ("molmeta.models", "Encoders and heads"),
    ("molmeta.testing", "Laws for your own parts"),
)
"""The packages whose exports are the public API, and what each page holds."""

FIRST = ("FewShotClassifier", "FewShotRegressor", "load_encoder", "EncoderTransformer")
"""What most readers look for."""

MODULES = (
    ("molmeta.chem.featurize", "Molecules as arrays"),
    ("molmeta.assays.splits", "Splits"),
    ("molmeta.metrics", "Metrics"),
    ("molmeta.errors", "Errors"),
)
"""Modules without a list of exports that belong to it too."""

KINDS = {
    "CountOrNone": "a whole number, 0 or more",
    "Count": "a whole number, 1 or more",
    "Positive": "a number above 0",
    "NotNegative": "a number, 0 or more",
    "Fraction": "a number from 0 to below 1",
    "Share": "a number from 0 to 1",
    "Sizes": "whole numbers, 2 or more",
}
"""What the types of `molmeta.config` and `molmeta.runs.settings` are called here."""

TOLD = (property, functools.cached_property)
"""Members that a class's docstring tells of among its attributes, and that come once."""

Page = dict[str, str]


def write(folder: Path) -> None:
    """Write every page; one that is up to date is left alone, so that builds stay quick."""
    folder.mkdir(exist_ok=True)
    for name, text in (verbs() | recipe() | modules() | api()).items():
        file = folder / f"{name}.md"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")


def verbs() -> Page:
    """Write what `--help` prints of every verb."""
    from molmeta_cli.main import app

    program = typer.main.get_command(app)
    text = "# Every verb\n\nWhat `molmeta VERB --help` prints.\n"
    for words, command in commands(program, ("molmeta",)):
        context = typer.Context(command, info_name=" ".join(words), terminal_width=88)
        text += f"\n## {' '.join(words[1:])}\n\n```text\n{command.get_help(context)}\n```\n"
    return {"verbs": text}


def commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Find the verbs, and the actions of those that have some."""
    for name, one in getattr(command, "commands", {}).items():
        if hasattr(one, "commands"):
            yield from commands(one, (*words, name))
        else:
            yield (*words, name), one


@dataclass(frozen=True)
class Key:
    """A key of a recipe.

    Attributes:
        name: The key.
        kind: Its type, as written in the code.
        default: Its default, as Python writes it; "" where it must be given.
        meaning: What the docstring says of it.
    """

    name: str
    kind: str
    default: str
    meaning: str


def keys(factory: Callable[..., Any]) -> list[Key]:
    """List the keys that a recipe may give `factory`, from its signature and its docstring."""
    target = factory.__init__ if inspect.isclass(factory) else factory
    said = meanings(factory)
    return [
        Key(
            name=name,
            kind=in_words(str(item.annotation)),
            default="" if item.default is item.empty else repr(item.default),
            meaning=said.get(name, ""),
        )
        for name, item in inspect.signature(target).parameters.items()
        if item.kind is item.KEYWORD_ONLY or (item.default is not item.empty and name != "self")
    ]


def in_words(annotation: str) -> str:
    """Say a type of `molmeta.config` in words that a reader of recipes understands.

    >>> in_words("Count | None"), in_words("Literal['sum', 'max']")
    ('a whole number, 1 or more | None', "'sum', 'max'")
    """
    for name, said in KINDS.items():
        annotation = re.sub(rf"\b{name}\b", said, annotation)
    return re.sub(r"Literal\[(.*?)\]", r"\1", annotation)


def meanings(factory: Callable[..., Any]) -> dict[str, str]:
    """Read the sections Args and Attributes of a docstring: what each name means."""
    said: dict[str, str] = {}
    docs = [inspect.getdoc(factory), inspect.getdoc(getattr(factory, "__init__", None))]
    for doc in filter(None, docs):
        for section in re.findall(r"^(?:Args|Attributes):\n((?:    .*\n?|\n)+)", doc, re.MULTILINE):
            for name, text in re.findall(
                r"^    (\w+): ((?:.*\n?)(?:      .*\n?|\n)*)", section, re.MULTILINE
            ):
                said.setdefault(name, " ".join(text.split()))
    return said


def recipe() -> Page:
    """Write a table of keys for every section of a recipe."""
    from molmeta.models import ENCODERS, HEADS
    from molmeta.runs.recipe import _FACTORIES

    text = (
        "# Every recipe key\n\nA recipe is a YAML file of these sections. "
        "It gives only what differs from the defaults. `--set section.key=value` overrides one.\n"
    )
    for section, factory in _FACTORIES.items():
        text += f"\n## {section}\n\n{table(keys(factory), skip=tuple(_FACTORIES))}"
    for section, registry in (("encoder", ENCODERS), ("head", HEADS)):
        for name in registry.names():
            text += f"\n## {section}: {name}\n\n{table(keys(registry.find(name)))}"
    return {"recipe": text}


def table(rows: list[Key], skip: tuple[str, ...] = ()) -> str:
    """Write keys as a table."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in rows:
        if key.name not in skip:
            default = f"`{key.default}`" if key.default else "must be given"
            cells = (f"`{key.name}`", f"`{key.kind}`", default, key.meaning)
            lines.append(row(*cells))
    return "\n".join(lines) + "\n"


def row(*cells: str) -> str:
    """Write a row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def modules() -> Page:
    """Write a table of all modules, folder by folder, from the first lines of their docstrings."""
    lines = ["# Every module", "", "A line a module of `molmeta/`, from its docstring.", ""]
    lines += ["| module | holds |", "|---|---|"]
    for file in sorted((ROOT / "molmeta").rglob("*.py")):
        name = file.relative_to(ROOT / "molmeta").as_posix().removesuffix("__init__.py") or "."
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        lines.append(row(f"`{name}`", doc.partition("\n")[0].removesuffix(".")))
    return {"modules": "\n".join(lines) + "\n"}


def api() -> Page:
    """Write a page for every package: each export by its docstring."""
    pages = {}
    for name, title in PACKAGES:
        names = [(one, getattr(importlib.import_module(name), one)) for one in _exports(name)]
        names.sort(key=lambda one: FIRST.index(one[0]) if one[0] in FIRST else len(FIRST))
        pages[name.replace(".", "_")] = _page(name, title, names)
    for name, title in MODULES:
        module = importlib.import_module(name)
        names = [
            (one, thing)
            for one, thing in vars(module).items()
            if one[0] != "_" and getattr(thing, "__module__", None) == name
        ]
        pages[name.replace(".", "_")] = _page(name, title, names)
    return pages


def _exports(name: str) -> list[str]:
    exports: list[str] = importlib.import_module(name).__all__
    shown_before = importlib.import_module("molmeta").__all__ if name != "molmeta" else []
    return [one for one in exports if one not in shown_before]


def _page(name: str, title: str, names: list[tuple[str, Any]]) -> str:
    text = f"# {name}\n\n{title}.\n\n```{{eval-rst}}\n"
    for one, thing in names:
        if inspect.isclass(thing):
            text += f".. autoclass:: {name}.{one}\n   :members:\n"
            told = [key for key in meanings(thing) if isinstance(getattr(thing, key, None), TOLD)]
            text += f"   :exclude-members: {', '.join(told)}\n\n" if told else "\n"
        elif callable(thing):
            text += f".. autofunction:: {name}.{one}\n\n"
    tables = [one for one, thing in names if not callable(thing)]
    text += "```\n"
    if tables:
        text += "\nTables of names: " + ", ".join(f"`{one}`" for one in tables) + ".\n"
    return text
