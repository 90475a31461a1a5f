"""Standard input and pipes as input of any option."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays.formats import spool
from molmeta.assays.tables import open_table
from tests.cli.program import molmeta

SUPPORT = "smiles,active\n" + "".join(
    f"{'C' * (i + 1)}{'O' * (i % 2)},{i % 2}\n" for i in range(12)
)
LIBRARY = "smiles,id\nCCO,1\nCCCN,2\n"


@contextmanager
def standard_input(text: str) -> Iterator[None]:
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    try:
        yield
    finally:
        sys.stdin = before


@contextmanager
def pipe(folder: Path, text: str) -> Iterator[Path]:
    path = folder / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(text,))
    writer.start()
    yield path
    writer.join()


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_every_option_takes_it(name: str, tmp_path: Path) -> None:
    support, library, out = tmp_path / "s.csv", tmp_path / "l.csv", tmp_path / "out.csv"
    support.write_text(SUPPORT)
    library.write_text(LIBRARY)
    runs: list[tuple[str, list[object]]] = [
        (SUPPORT, ["featurize", name, "-o", tmp_path / "store"]),
        (SUPPORT, ["info", name]),
        (SUPPORT, ["predict", "--support", name, "--input", library, "-o", out]),
        (LIBRARY, ["predict", "--support", support, "--input", name, "-o", out]),
        (LIBRARY, ["embed", "--input", name, "-o", tmp_path / "out.npy"]),
        (LIBRARY, ["screen", "--support", support, "--input", name, "-o", tmp_path / "hits"]),
    ]
    for text, arguments in runs:
        with standard_input(text):
            done = molmeta(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    assert sorted(pd.read_csv(out)["id"]) == [1, 2]


def test_its_name_in_messages(tmp_path: Path) -> None:
    with standard_input("smiles,active\nCCO,1,2\n"):
        done = molmeta("featurize", "-", "-o", tmp_path / "store")
    assert done.returncode == 2
    assert "standard input, line 2" in done.stderr
    with standard_input(""):
        done = molmeta("info", "-")
    assert (done.returncode, "standard input; got an empty file" in done.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [["--support", "-", "--input", "-"], ["--support=-", "-"]])
def test_two_options_are_refused(arguments: list[str], tmp_path: Path) -> None:
    done = molmeta("predict", *arguments, "-o", tmp_path / "out.csv")
    assert done.returncode == 2
    assert "2 options" in done.stderr


def test_its_copy_goes_when_the_program_ends(tmp_path: Path) -> None:
    import subprocess

    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "molmeta_cli", "info", "-"],
        input=SUPPORT.encode(),
        env={
            "PYTHONPATH": f"{root}:{root / 'cli'}",
            "PATH": "/usr/bin:/bin",
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        check=True,
    )
    assert b"delimited table" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_pipes(tmp_path: Path) -> None:
    with pipe(tmp_path, LIBRARY) as path:
        table = open_table(path)
        assert table.columns == ("smiles", "id")
        assert [len(chunk) for chunk in table.chunks()] == [2]
        assert spool.on_disk(path) != path


def test_a_name_that_is_no_utf_8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    path.write_text(SUPPORT)
    table = open_table(path)
    assert table.name == "caf\\xe9"
    assert sum(map(len, table.chunks())) == 12
    done = molmeta("featurize", path, "-o", tmp_path / "store")
    assert done.returncode == 0, done.stderr
