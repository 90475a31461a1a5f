"""Progress on a terminal: a bar with total and remaining time; elsewhere lines."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from pathlib import Path

import pytest
from molmeta_cli.console import counter, fraction

from tests.cli.program import molmeta


class Terminal(io.StringIO):
    """Standard error that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_a_terminal_gets_a_bar_with_total_and_time_left(terminal: Terminal) -> None:
    with redirect_stderr(terminal), counter("molecules", lambda: 2_000) as progress:
        for _ in range(4):
            progress(250)
    assert "molecules" in terminal.getvalue()
    assert "1000/2000" in terminal.getvalue()
    assert "left" in terminal.getvalue()


def test_a_count_without_a_total_is_shown_too(terminal: Terminal) -> None:
    with redirect_stderr(terminal), counter("bytes") as progress:
        progress(123)
    assert "123/?" in terminal.getvalue()


def test_a_fraction_is_a_bar_too(terminal: Terminal) -> None:
    with redirect_stderr(terminal), fraction("assays") as progress:
        progress(3, 12)
    assert " 3/12" in terminal.getvalue()


def test_the_bar_goes_where_work_fails(terminal: Terminal) -> None:
    def fails() -> None:
        with redirect_stderr(terminal), counter("molecules", lambda: 9) as progress:
            progress(1)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fails()
    assert terminal.getvalue().endswith("\x1b[2K")  # its line is erased


@pytest.mark.parametrize("kind", ["file", "dumb"])
def test_elsewhere_lines_are_shown_and_nothing_is_counted_twice(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO() if kind == "file" else Terminal()
    monkeypatch.setenv("TERM", "dumb")

    def total() -> int:
        raise AssertionError("a pass over the library for nothing")

    with redirect_stderr(shown), counter("molecules", total, every=0) as progress:
        progress(5)
        progress(5)
    assert [line.split(",")[0] for line in shown.getvalue().splitlines()] == [
        "  5 molecules",
        "  10 molecules",
    ]
    assert "\x1b" not in shown.getvalue()


def test_screen_counts_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    totals: list[int] = []

    def watched(what, total=None, every=2.0):  # type: ignore[no-untyped-def]
        totals.append(total())
        return counter(what)

    monkeypatch.setattr("molmeta_cli.screen.counter", watched)
    Path("s.csv").write_text("smiles,active\nCCO,1\nCCC,0\n")
    Path("l.smi").write_text("CCO\nCCN\nC(\nCCF\n")
    for shard in ("1/2", "2/2", "1/2"):
        call = ("--support", "s.csv", "--input", "l.smi", "-o", "out", "--shard", shard)
        assert molmeta("screen", *call).returncode == 0
    assert totals == [2, 2, 0]
