"""The README's Python example runs as printed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest


def test_examples_run_as_printed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for code, n_lines, width in zip(blocks, (10, 15), (984, 32), strict=True):
        assert len([line for line in code.splitlines() if line.strip()]) <= n_lines
        names: dict[str, object] = {}
        exec(code, names)
        library, p_active, vectors = names["library"], names["p_active"], names["vectors"]
        assert isinstance(p_active, np.ndarray)
        assert isinstance(vectors, np.ndarray)
        assert np.isfinite(p_active).all()
        assert vectors.shape == (len(library), width)  # type: ignore[arg-type]
