"""Files of odd names; outputs that cannot be written, go away, or that nobody reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from molmeta.assays import featurize_files, load_assays, open_library
from molmeta.errors import MolmetaError
from molmeta.predict.learnt import LearntAssay, panel_of
from molmeta.predict.library.screen import screen
from molmeta.predict.library.sources import MoleculeSource
from molmeta.runs import load_model
from tests.cli.program import molmeta

ROOT = Path(__file__).resolve().parents[2]
READ_ONLY = Path("/sys")  # to root, too
NOT_UTF8 = os.fsdecode(b"caf\xe9")
OUTPUTS = {"predict": "o.csv", "suggest": "o.tsv", "embed": "o.npy", "screen": "o"}


def call_of(verb: str, support: Path, library: Path, output: Path) -> list[object]:
    known = [] if verb == "embed" else ["--support", support]
    return [verb, *known, "--input", library, "--workers", 1, "-o", output]


@pytest.fixture
def store(example: Path, tmp_path: Path) -> Path:
    featurize_files([example / "test.csv"], tmp_path / "store")
    return tmp_path / "store"


@pytest.mark.slow
@pytest.mark.skipif(not READ_ONLY.is_dir(), reason="no folder that is read-only to all")
def test_a_place_that_is_read_only(
    support: Path, library: Path, store: Path, example: Path, tmp_path: Path
) -> None:
    """Refused, with the name that was given."""
    how = ("--baselines", "simsearch", "--support-sizes", 8, "--draws", 1, "--workers", 1)
    evaluate = ("evaluate", "--data", store, *how)
    page, folder = READ_ONLY / "page.html", READ_ONLY / "folder"
    assert molmeta(*evaluate, "-o", tmp_path / "results").returncode == 0
    calls = [
        *(call_of(verb, support, library, READ_ONLY / name) for verb, name in OUTPUTS.items()),
        [*call_of("predict", support, library, tmp_path / "o.csv"), "--report", page],
        ["featurize", example / "test.csv", "-o", folder],
        ["featurize", example / "test.csv", "-o", tmp_path / "again", "--report", page],
        ["split", store, "-o", folder],
        [*evaluate, "-o", folder],
        ["compare", tmp_path / "results", "--report", page],
        ["train", store, "--config", example / "recipe.yaml", "-o", folder],
        ["example", "-o", folder],
        ["data", "fetch", "tox21", "-o", folder],
    ]
    for call in calls:
        done = molmeta(*call)
        assert done.returncode == 2, call
        assert f"output {READ_ONLY}" in done.stderr
        assert "a place that cannot be written to" in done.stderr


@pytest.mark.parametrize("name", ["o.csv", "o.tsv", "o.parquet", "o.sdf"])
def test_a_folder_that_goes_away(
    name: str, support: Path, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkstemp

    def then_gone(**options: object) -> tuple[int, str]:
        made = make(**options)  # type: ignore[call-overload]
        shutil.rmtree(tmp_path / "there")
        return made

    monkeypatch.setattr(tempfile, "mkstemp", then_gone)
    output = tmp_path / "there" / name
    done = molmeta(*call_of("predict", support, library, output))
    assert done.returncode == 1
    assert f"output {output}: could not be written (its folder is gone)" in done.stderr
    assert not output.parent.exists()


def test_a_screening_whose_folder_goes_away_does_not_end_well(
    support: Path, library: Path, tmp_path: Path
) -> None:
    """Else the parts that went with it would be missed by nobody."""
    model = load_model("default")
    panel = panel_of(
        LearntAssay.of_store(model, load_assays(support, standardize=model.standardize))
    )

    def gone(n_done: int) -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)

    source = MoleculeSource(open_library(library), part_rows=20, progress=gone)
    with pytest.raises((MolmetaError, FileNotFoundError), match="_journal"):
        screen(panel, source, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["predict", "embed"])
@pytest.mark.parametrize("to", ["| true", ">&-", ">/dev/full"])
def test_a_standard_output_that_takes_nothing(
    verb: str, to: str, support: Path, library: Path
) -> None:
    call = map(str, call_of(verb, support, library, Path("-")))
    command = f'"$@" {to}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", command, "bash", sys.executable, "-m", "molmeta_cli", *call],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "cli")))},
        capture_output=True,
        text=True,
    )
    said = {"| true": "", ">&-": "a closed standard output", ">/dev/full": "could not be written"}
    assert done.returncode == (2 if to == ">&-" else 1)
    assert said[to] in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        NOT_UTF8,
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("-x", "a b\n", 'q"u,o', "L" * 240)),
    ],
)
def test_a_name_of_any_kind(
    name: str, support: Path, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read and written; what Arrow would have to write needs UTF-8."""
    monkeypatch.chdir(tmp_path)
    known, molecules = support.rename(f"{name}.s.csv").name, few.rename(f"{name}.l.csv").name
    both = ("--support", known, "--input", molecules, "--workers", 1)
    read = ("--workers", 1, "-o", f"{name}.store", "--", known)
    calls = [
        *(("predict", *both, "-o", name + end) for end in (".csv", ".tsv.gz", ".sdf")),
        ("predict", *both, "-o", "o.csv", "--report", f"{name}.html"),
        ("suggest", *both, "-o", f"{name}.tsv"),
        ("embed", "--input", molecules, "--workers", 1, "-o", f"{name}.npy"),
        ("info", "--", known),
    ]
    through_arrow = [
        ("predict", *both, "-o", f"{name}.parquet"),
        ("screen", *both, "-o", f"{name}.folder"),
        ("featurize", *read),
    ]
    for call in (*calls, *through_arrow):
        done = molmeta(*call)
        if name == NOT_UTF8 and call in through_arrow:
            assert (done.returncode, "a name that is not UTF-8" in done.stderr) == (2, True)
            assert not Path(str(call[-1])).exists() or call[0] == "featurize"
        else:
            assert done.returncode == 0, (call, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["-x", "a b", "two\nlines", NOT_UTF8])
def test_a_folder_of_any_name(
    name: str, store: Path, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store.parent)
    recipe = ("--config", example / "recipe.yaml", "--set", "training.steps=2")
    how = ("--support-sizes", 8, "--draws", 1, "--workers", 1, "--report", f"{name}.html")
    run = "default" if name == NOT_UTF8 else f"{name}.run"
    calls = [
        ("train", "store", *recipe, "-o", f"{name}.run"),
        ("evaluate", "--data", "store", "--model", run, *how, "-o", f"{name}.results"),
        ("compare", "--report", f"{name}.again.html", "--", f"{name}.results"),
        ("split", "store", "-o", f"{name}.folds"),
    ]
    for call in calls:
        done = molmeta(*call)
        if name == NOT_UTF8 and call[0] in ("train", "split"):
            assert (done.returncode, "a name that is not UTF-8" in done.stderr) == (2, True)
        else:
            assert done.returncode == 0, (call, done.stderr)


def test_a_name_that_is_too_long(library: Path, support: Path, tmp_path: Path) -> None:
    """Told before any work: for an .npy, if that of its .npy.json is."""
    longest = "L" * 251
    calls = [
        ("embed", "--input", library, "-o", tmp_path / f"{longest}.npy"),
        ("predict", "--support", support, "--input", library, "-o", tmp_path / f"{longest}x.csv"),
        ("predict", "--support", tmp_path / f"{longest}x.csv", "--input", library, "-o", "o.csv"),
    ]
    before = sorted(tmp_path.iterdir())
    for call in calls:
        done = molmeta(*call)
        assert (done.returncode, "File name too long" in done.stderr) == (2, True)
    assert sorted(tmp_path.iterdir()) == before
