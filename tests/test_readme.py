"""The README's Python example runs as printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest


def test_example_runs_as_printed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    library, p_active, vectors = names["library"], names["p_active"], names["vectors"]
    assert isinstance(p_active, np.ndarray)
    assert isinstance(vectors, np.ndarray)
    assert np.isfinite(p_active).all()
    assert vectors.shape == (len(library), 32)  # type: ignore[arg-type]
