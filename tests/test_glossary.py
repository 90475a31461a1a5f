"""Docstrings open with a noun or a verb, and contributors are sent to files that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

VAGUE = re.compile(r"(?i)(what|which|how|as|whether)\b")


def test_docstrings_open_with_a_noun_or_a_verb(root: Path) -> None:
    vague = set()
    for file in (root / "molmeta").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                doc = ast.get_docstring(node)
                if doc and VAGUE.match(doc):
                    vague.add(file.relative_to(root / "molmeta").as_posix())
    assert vague == set()


def test_contributors_are_sent_to_files_that_are_there(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"\]\(([\w/.-]+)\)", text))
    assert len(paths) > 8
    assert {path for path in paths if not (root / path).exists()} == set()
