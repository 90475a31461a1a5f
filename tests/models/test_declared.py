"""Parts declare what they have: nothing asks an encoder or a head for an attribute by name."""

from __future__ import annotations

import ast
from pathlib import Path

WITH_PARTS = {
    "models", "meta", "learning", "runs", "training", "predict", "evaluation", "episodes", "testing"
}  # fmt: skip


def test_no_part_is_asked_by_name(root: Path) -> None:
    asked = [
        f"{file.relative_to(root)}:{node.lineno}"
        for file in sorted((root / "molmeta").rglob("*.py"))
        if file.relative_to(root / "molmeta").parts[0] in WITH_PARTS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (
            node.func.id == "hasattr"
            or (node.func.id == "getattr" and isinstance(node.args[-1], ast.Constant))
        )
    ]
    assert not asked


def test_no_call_of_a_part_is_hidden_from_the_type_checker(root: Path) -> None:
    hidden = [
        f"{file.relative_to(root)}:{number}"
        for folder in WITH_PARTS
        for file in sorted((root / "molmeta" / folder).rglob("*.py"))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if "type: ignore[operator]" in line
    ]
    assert not hidden
