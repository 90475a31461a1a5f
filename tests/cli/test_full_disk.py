"""A disk that fills up, played by a limit on the size of files: a word, exit code 1, no halves."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import Done, molmeta


@contextmanager
def full_at(n_bytes: int) -> Iterator[None]:
    """No file can grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def check(done: Done, folder: Path, before: set[str]) -> None:
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name for path in folder.iterdir()} == before


@pytest.mark.parametrize("output", ["v.npy", "v.parquet", "v.csv", "v.tsv.gz"])
def test_embed(output: str, library: Path, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    call = ("embed", "--input", library, "-o", tmp_path / output, "--workers", 1)
    with full_at(20_000):
        check(molmeta(*call), tmp_path, before)
    assert molmeta(*call).returncode == 0


def test_export(tmp_path: Path) -> None:
    with full_at(20_000):
        check(molmeta("export", "graph", "-o", tmp_path / "encoder.pt2"), tmp_path, set())


@pytest.mark.parametrize("output", ["p.csv", "p.csv.gz", "p.parquet", "p.sdf"])
def test_predict(output: str, support: Path, library: Path, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    call = ("predict", "--support", support, "--input", library, "-o", tmp_path / output)
    with full_at(1_500):
        check(molmeta(*call, "--workers", 1), tmp_path, before)


@pytest.mark.parametrize("n_bytes", [10, 1_500])
def test_featurize(n_bytes: int, support: Path, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    with full_at(n_bytes):
        done = molmeta("featurize", support, "-o", tmp_path / "store", "--workers", 1)
    check(done, tmp_path, before)


@pytest.mark.parametrize("top", [None, 20])
def test_screen_goes_on_once_there_is_room(
    top: int | None, support: Path, library: Path, tmp_path: Path
) -> None:
    call = ["screen", "--support", support, "--input", library, "--workers", 1]
    call += [] if top is None else ["--top", top]
    assert molmeta(*call, "-o", tmp_path / "whole").returncode == 0
    out = tmp_path / "out"
    for n_bytes in (50, 1_500):  # in the manifest; in a part
        with full_at(n_bytes):
            done = molmeta(*call, "-o", out)
        assert done.returncode == 1
        assert "could not be written" in done.stderr
        assert not list(out.glob("part-*"))
        assert not list(out.glob("top*"))
    assert molmeta(*call, "-o", out).returncode == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "whole").iterdir()
    }


def test_a_line_of_the_journal_that_was_cut(support: Path, library: Path, tmp_path: Path) -> None:
    """It does not count, and the next call writes it again."""
    call = ("screen", "--support", support, "--input", library, "--workers", 1)
    for folder in ("whole", "cut"):
        assert molmeta(*call, "-o", tmp_path / folder).returncode == 0
    journal = tmp_path / "cut" / "_journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:9])
    with full_at(9):
        done = molmeta(*call, "-o", tmp_path / "cut")
    assert (done.returncode, "could not be written" in done.stderr) == (1, True)
    assert molmeta(*call, "-o", tmp_path / "cut").returncode == 0
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "cut" / path.name).read_bytes()


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("n_bytes", [400, 40_000])
def test_example(n_bytes: int, tmp_path: Path) -> None:
    """Full at once, or at a later file than the first."""
    with full_at(n_bytes):
        check(molmeta("example", "-o", tmp_path / "new"), tmp_path, set())
    assert molmeta("example", "-o", tmp_path / "new").returncode == 0


def test_suggest_and_a_report(support: Path, few: Path, tmp_path: Path) -> None:
    before = names_in(tmp_path)
    both = ("--support", support, "--input", few, "--workers", 1, "-o", tmp_path / "o.csv")
    suggest = ("suggest", *both, "--number", 6)
    predict = ("predict", *both, "--report", tmp_path / "o.html")
    for call, n_bytes in ((suggest, 1_500), (predict, 15_000)):
        with full_at(n_bytes):
            check(molmeta(*call), tmp_path, before)
    assert molmeta(*predict).returncode == 0


def test_split_names_the_folder_that_was_asked_for(example: Path, tmp_path: Path) -> None:
    store, folds = tmp_path / "test.store", tmp_path / "folds"
    assert molmeta("featurize", example / "test.csv", "-o", store, "--workers", 1).returncode == 0
    with full_at(1_500):
        done = molmeta("split", store, "-o", folds)
    check(done, tmp_path, {"test.store"})
    assert f"output {folds}:" in done.stderr
    assert molmeta("split", store, "-o", folds).returncode == 0


def test_evaluate_and_reports(example: Path, tmp_path: Path) -> None:
    """Full at the journal, at the tables; then at each page."""
    featurize = ("featurize", example / "test.csv", "-o", tmp_path / "store", "--workers", 1)
    assert molmeta(*featurize).returncode == 0
    how = ("--baselines", "simsearch", "--support-sizes", 8, "--draws", 1, "--workers", 1)
    evaluate = ("evaluate", "--data", tmp_path / "store", *how, "-o", tmp_path / "results")
    for n_bytes in (100, 3_000):
        with full_at(n_bytes):
            check(molmeta(*evaluate), tmp_path, {"store", "results"})
        assert not list((tmp_path / "results").glob(".*"))
    assert molmeta(*evaluate).returncode == 0
    for call in (evaluate, ("compare", tmp_path / "results"), featurize):
        with full_at(6_000 if call is featurize else 12_000):
            done = molmeta(*call, "--report", tmp_path / "page.html")
        check(done, tmp_path, {"store", "results"})
        assert "page.html: could not be written" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("n_bytes", [100, 30_000, 60_000, 150_000])
def test_train_goes_on_once_there_is_room(n_bytes: int, example: Path, tmp_path: Path) -> None:
    """Full at the log, at the domain's molecules, at the weights, at a state of the training."""
    store = tmp_path / "train.store"
    assert molmeta("featurize", example / "train.csv", "-o", store).returncode == 0
    recipe = ("--config", example / "recipe.yaml", "--set", "training.steps=20")
    call = ("train", store, *recipe, "-o", tmp_path / "run")
    with full_at(n_bytes):
        done = molmeta(*call)
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert not [p for p in (tmp_path / "run").rglob(".*") if p.is_file()]
    begun = (tmp_path / "run").exists() and any((tmp_path / "run").iterdir())
    assert molmeta(*call, *(["--resume"] if begun else [])).returncode == 0


def test_a_file_that_is_read_is_not_written_over(support: Path, library: Path) -> None:
    both = ("--support", support, "--input", library)
    calls = [
        ("predict", *both, "-o", library),
        ("predict", *both, "-o", support),
        ("suggest", *both, "-o", library),
        ("embed", "--input", library, "-o", library),
    ]
    before = support.read_bytes(), library.read_bytes()
    for call in calls:
        done = molmeta(*call)
        assert (done.returncode, "a file that is read as well" in done.stderr) == (2, True)
    assert (support.read_bytes(), library.read_bytes()) == before


def test_two_outputs_of_one_name_are_refused(support: Path, library: Path, tmp_path: Path) -> None:
    one, page = tmp_path / "one.csv", tmp_path / "page.html"
    predict = ("predict", "--support", support, "--input", library, "-o")
    calls = [
        (*predict, one, "--report", one),
        (*predict, one, "--report", tmp_path / "." / "one.csv"),
        (*predict, one, "--report", tmp_path / "one.molmeta", "--save", tmp_path / "one.molmeta"),
        ("featurize", support, "-o", page, "--report", page),
        ("evaluate", "--data", support, "-o", page, "--report", page),
    ]
    for call in calls:
        done = molmeta(*call)
        assert (done.returncode, "the same name for two outputs" in done.stderr) == (2, True)
        assert not one.exists()
        assert not page.exists()
    before = support.read_bytes()
    assert molmeta("featurize", support, "-o", one, "--report", support).returncode == 2
    assert support.read_bytes() == before
