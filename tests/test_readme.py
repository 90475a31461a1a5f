"""The README's Python example runs as printed, and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from tests.cli.program import molmeta

NUMBER = re.compile(r"-?\d*\.\d+")


def test_the_example_prints_what_is_printed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    ((code, printed),) = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    now = out.getvalue()
    assert _first_words(now) == _first_words(printed), f"it prints now:\n{now}"
    numbers = [float(one) for one in NUMBER.findall(printed)]
    assert [float(one) for one in NUMBER.findall(now)] == pytest.approx(numbers, abs=0.1)


def _first_words(text: str) -> list[str]:
    """Give the words, of the ranked molecules the number alone: near ties may change places."""
    report, _, ranked = text.partition(" name ")
    return [*NUMBER.sub("#", report).split(), str(len(ranked.splitlines()))]


def test_the_command_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^molmeta ((?:example|predict) .*)$", text, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        done = molmeta(*line.split())
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "ranked.csv").exists()
