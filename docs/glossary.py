"""Write the table of modules in docs/glossary.md: `python docs/glossary.py`.

A module's row is the first line of its docstring, so that the words stand once.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_suffix(".md")
MARK = "<!-- written by docs/glossary.py -->\n"


def table() -> str:
    """Make the table: a row a module, folder by folder."""
    lines = ["| module | holds |", "|---|---|"]
    for file in sorted((ROOT / "molmeta").rglob("*.py")):
        name = file.relative_to(ROOT / "molmeta").as_posix().removesuffix("__init__.py") or "."
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        holds = doc.partition("\n")[0].removesuffix(".").replace("|", "\\|")
        lines.append(f"| `{name}` | {holds} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Put the table below the mark of the page, in place of the one there."""
    return PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + table()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
