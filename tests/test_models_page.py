"""The worked example of docs/models.md runs as printed: own parts, their checks, a trained run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from molmeta.predict.encoder import load_encoder
from tests.cli.program import molmeta


def test_own_encoder_and_head_plug_in_as_printed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (root / "docs" / "models.md").read_text(encoding="utf-8")
    parts, checks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (recipe,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_parts.py").write_text(parts, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(recipe, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    exec(checks, {})
    _, example, train = (line.split()[1:] for line in commands.splitlines())
    assert molmeta(*example).returncode == 0
    few = ["steps=2", "assays_per_step=2", "support_sizes=[8]", "valid_support_sizes=[8]"]
    done = molmeta(*train, *(word for few_ in few for word in ("--set", f"training.{few_}")))
    assert done.returncode == 0, done.stderr
    assert load_encoder("runs/mine", trust_code=True).encode(["CCO", "c1ccccc1"]).shape == (2, 32)
