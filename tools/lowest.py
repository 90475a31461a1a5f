"""Print the lowest version of everything that molmeta needs, as pip's requirements.

python tools/lowest.py > lowest.txt
"""

from __future__ import annotations

import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def lowest() -> list[str]:
    """Pin each dependency to its lower bound."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [need.replace(">=", "==") for need in project["dependencies"]]


if __name__ == "__main__":
    print("\n".join(lowest()))
