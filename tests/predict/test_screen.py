"""Screening: the scores of the estimator, one row a row, whole after any interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from molmeta import FewShotClassifier
from molmeta.assays import AssayStore, drug_mechanisms, open_library
from molmeta.errors import InputError
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.library.screen import Shard, Summary, screen
from molmeta.predict.library.sources import MoleculeSource
from molmeta.predict.panel import Panel
from molmeta.runs.model import Model
from tests.predict.models import learn_panel, random_model

DRUGS = drug_mechanisms("test")
N_ROWS = 150


def library_of(folder: Path, n_files: int = 1) -> Path:
    """Files of molecules, some of which do not parse."""
    smiles = (DRUGS["smiles"].drop_duplicates().tolist() * 3)[:N_ROWS]
    smiles[3:30:9] = ["no molecule", "", "C1CC"]
    table = pd.DataFrame({"id": [f"M{i}" for i in range(N_ROWS)], "smiles": smiles})
    (folder / "library").mkdir()
    for number in range(n_files):
        piece = table.iloc[number::n_files]
        piece.to_csv(folder / "library" / f"{number}.csv.gz", index=False)
    return folder / "library"


def known_of(n_assays: int) -> pd.DataFrame:
    chosen = sorted(DRUGS["assay"].unique())[:n_assays]
    return DRUGS[DRUGS["assay"].isin(chosen)].groupby("assay").sample(frac=0.5, random_state=0)


@pytest.fixture(params=["graph", "fingerprint", "adapts all", "taught"])
def each_model(request: pytest.FixtureRequest) -> Model:
    """Graphs, adapted above the encoder or all through; fingerprints and a sketch, not adapted."""
    return random_model(request.param)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return library_of(tmp_path)


def panel_of(model: Model, n_assays: int = 1) -> Panel:
    return learn_panel(
        model,
        {
            str(name): (known["smiles"].tolist(), known["label"].to_numpy(np.float32))
            for name, known in known_of(n_assays).groupby("assay")
        },
    )


def screened(
    panel: Panel,
    library: Path,
    folder: Path,
    top: int | None = None,
    shard: str = "1/1",
    part_rows: int = 40,
) -> Summary:
    source = MoleculeSource(open_library(library), part_rows=part_rows)
    return screen(panel, source, folder, top=top, shard=Shard.parse(shard))


def rows_of(folder: Path) -> pd.DataFrame:
    parts = sorted(folder.glob("part-*.parquet"))
    return pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_one_row_a_row_with_the_scores_of_the_estimator(
    each_model: Model, library: Path, tmp_path: Path
) -> None:
    summary = screened(panel_of(each_model), library, tmp_path / "out")
    out, given = rows_of(tmp_path / "out"), pd.read_csv(library / "0.csv.gz", keep_default_na=False)
    pd.testing.assert_frame_equal(out[["id", "smiles"]], given)
    known = known_of(1)
    expected = FewShotClassifier(each_model).fit(known["smiles"], known["label"])
    np.testing.assert_allclose(out["score"], expected.decision_function(given["smiles"]), atol=1e-5)
    rejected = out["status"] == "rejected"
    assert out["score"].isna().equals(rejected)
    assert (out["reason"] != "").equals(rejected)
    assert summary.n_rows == N_ROWS
    assert summary.rejected == out["reason"][rejected].value_counts().to_dict()
    assert sum(summary.rejected.values()) >= 2


def test_a_hundredth_of_garbage_takes_nothing_else_with_it(model: Model, tmp_path: Path) -> None:
    garbage = [
        "\x02\x03",
        "<script>",
        "ÿ" * 300,
        "C" * 5000,
        "0",
        "C(C",
        "[Xx]",
        "C\tC C",
        ">>",
        "*",
    ]
    drugs = DRUGS["smiles"].drop_duplicates().tolist()
    smiles = [drugs[i % 50] for i in range(1000)]
    smiles[50::100] = garbage
    (tmp_path / "in.smi").write_text("".join(f"{one} M{i}\n" for i, one in enumerate(smiles)))
    summary = screened(panel_of(model), tmp_path / "in.smi", tmp_path / "out", part_rows=256)
    out = rows_of(tmp_path / "out")
    assert len(out) == summary.n_rows == 1000
    rejected = np.flatnonzero(out["status"] == "rejected")
    assert set(rejected) <= set(range(50, 1000, 100))
    assert len(rejected) == sum(summary.rejected.values()) >= 8
    fine = np.setdiff1d(np.arange(1000), np.arange(50, 1000, 100))
    assert out["name"][fine].tolist() == [f"M{i}" for i in fine]
    alone = out.groupby("smiles")["score"].agg(["min", "max"]).dropna()
    np.testing.assert_allclose(alone["min"], alone["max"], atol=1e-5)


def test_a_truncated_last_record_is_a_row_with_a_reason(model: Model, tmp_path: Path) -> None:
    blocks = [Chem.MolToMolBlock(Chem.MolFromSmiles(s)) for s in ("CCO", "CCN", "c1ccccc1")]
    text = "$$$$\n".join(blocks)
    (tmp_path / "in.sdf").write_text(text[:-60])
    summary = screened(panel_of(model), tmp_path / "in.sdf", tmp_path / "out")
    out = rows_of(tmp_path / "out")
    assert out["status"].tolist() == ["ok", "ok", "rejected"]
    assert out["reason"][2] != ""
    assert summary.n_rows == 3


def test_a_line_of_too_many_cells_is_named_and_what_was_done_stands(
    model: Model, tmp_path: Path
) -> None:
    lines = ["id,smiles", *(f"M{i},CCO" for i in range(500)), "M500,CCO,1,2,3"]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="line 502"):
        screened(panel_of(model), tmp_path / "in.csv", tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == 480
    assert not list((tmp_path / "out").glob(".part*"))


def test_several_assays_score_as_each_alone(
    each_model: Model, library: Path, tmp_path: Path
) -> None:
    screened(panel_of(each_model, 3), library, tmp_path / "all")
    together = rows_of(tmp_path / "all")
    for name, known in known_of(3).groupby("assay"):
        panel = learn_panel(
            each_model, {"it": (known["smiles"].tolist(), known["label"].to_numpy())}
        )
        screened(panel, library, tmp_path / str(name))
        alone = rows_of(tmp_path / str(name))["score"]
        np.testing.assert_allclose(together[f"score_{name}"], alone, atol=1e-6)


def test_the_best_are_those_of_all_rows(model: Model, library: Path, tmp_path: Path) -> None:
    panel = panel_of(model, 2)
    screened(panel, library, tmp_path / "all")
    summary = screened(panel, library, tmp_path / "best", top=7)
    everything, best = rows_of(tmp_path / "all"), pd.read_csv(summary.result)
    for assay in panel.assays:
        score = everything[f"score_{assay}"]
        expected = score.sort_values(ascending=False, kind="stable").head(7)
        found = best[best["assay"] == assay]
        assert found["id"].tolist() == everything["id"][expected.index].tolist()
        np.testing.assert_allclose(found["score"], expected, rtol=1e-6)
    assert not list((tmp_path / "best").glob("part-*"))
    assert sum(summary.rejected.values()) > 0


def test_shards_share_a_folder_and_make_up_the_whole(model: Model, tmp_path: Path) -> None:
    library, panel = library_of(tmp_path, n_files=2), panel_of(model)
    whole = screened(panel, library, tmp_path / "whole")
    parts = [screened(panel, library, tmp_path / "shards", shard=f"{i}/3") for i in (3, 1, 2)]
    assert sum(part.n_rows for part in parts) == whole.n_rows == N_ROWS
    expected = rows_of(tmp_path / "whole")
    pd.testing.assert_frame_equal(rows_of(tmp_path / "shards"), expected)
    assert set(expected["file"]) == {"0.csv.gz", "1.csv.gz"}


def test_worker_processes_change_nothing(model: Model, library: Path, tmp_path: Path) -> None:
    screened(panel_of(model), library, tmp_path / "one")
    source = MoleculeSource(open_library(library), workers=2, part_rows=40)
    screen(panel_of(model), source, tmp_path / "two")
    pd.testing.assert_frame_equal(rows_of(tmp_path / "one"), rows_of(tmp_path / "two"))


def test_types_of_parquet_stay_the_same_in_every_part(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    numbers = pd.array([1] * 40 + [None] * 40 + [2**53 + 1], dtype="Int64")
    pd.DataFrame({"smiles": ["CCO"] * 81, "n": numbers}).to_parquet(path)
    screened(panel_of(model), path, tmp_path / "out")
    found = pd.read_parquet(tmp_path / "out", dtype_backend="numpy_nullable")
    assert found["n"].isna().sum() == 40
    assert found["n"].dtype == "Int64"


def test_a_done_screening_is_not_done_again(model: Model, library: Path, tmp_path: Path) -> None:
    first = screened(panel_of(model), library, tmp_path / "out")
    times = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    again = screened(panel_of(model), library, tmp_path / "out")
    assert again.n_rows == again.n_done_before == first.n_rows
    assert times == {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}


def test_other_work_in_the_folder_is_refused(model: Model, library: Path, tmp_path: Path) -> None:
    screened(panel_of(model), library, tmp_path / "out")
    with pytest.raises(InputError, match=r"top.*as the screening there began"):
        screened(panel_of(model), library, tmp_path / "out", top=3)
    with pytest.raises(InputError, match="panel"):
        screened(panel_of(random_model("fingerprint")), library, tmp_path / "out")
    with pytest.raises(InputError, match="no screening"):
        screened(panel_of(model), library, tmp_path)
    table = tmp_path / "clash.csv"
    table.write_text("smiles,score\nCCO,1\n")
    with pytest.raises(InputError, match="'score'"):
        screened(panel_of(model), table, tmp_path / "new")


def test_an_assay_of_one_class_is_named(model: Model) -> None:
    table = pd.DataFrame({"assay": "mine", "smiles": ["CCO", "CCC"], "label": 1})
    store = AssayStore.from_frame(table)
    with pytest.raises(InputError, match=r"support set mine.*at least one active"):
        LearntAssay.of_store(model, store)


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1", "a/b", "1/2/3"])
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="shard"):
        Shard.parse(text)


def kill_and_resume(library: Path, folder: Path, top: int | None) -> None:
    """Screen in processes that are killed at ever other points of their writing.

    Runs in a process of one thread, so that it may fork.
    """
    panel = panel_of(random_model("fingerprint"), 2)
    for point in range(1000):
        child = os.fork()
        if child == 0:
            _die_at(point, seed=point)
            screened(panel, library, folder, top=top, part_rows=10)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            assert point >= 5, "it was killed less than five times"
            return
    raise AssertionError("it never came to an end")


def _die_at(point: int, seed: int) -> None:
    """Kill this process at one of its next dozen changes of a file, before, after or amid it."""
    left = [int(np.random.default_rng(seed).integers(1, 12 + point // 4))]

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        changes = event in ("os.rename", "os.remove", "tempfile.mkstemp", "os.chmod") or (
            event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wa+")
        )
        if changes:
            left[0] -= 1
            if left[0] < 0:
                for path in Path(str(SCRATCH[0])).glob(".part-*"):  # as if amid a write
                    os.truncate(path, path.stat().st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)


SCRATCH: list[Path] = [Path()]


@pytest.mark.slow
@pytest.mark.parametrize("top", [None, 9])
def test_killed_at_any_change_of_a_file_it_ends_as_if_undisturbed(
    tmp_path: Path, root: Path, top: int | None
) -> None:
    library = library_of(tmp_path)
    script = (
        "import torch; torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "from tests.predict import test_screen as t\n"
        f"t.SCRATCH[0] = Path({str(tmp_path / 'killed')!r})\n"
        f"t.kill_and_resume(Path({str(library)!r}), t.SCRATCH[0], {top})\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{root}:{root}/cli"}
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=root, check=True)
    panel = panel_of(random_model("fingerprint"), 2)
    screened(panel, library, tmp_path / "whole", top=top, part_rows=10)
    if top is None:
        pd.testing.assert_frame_equal(rows_of(tmp_path / "killed"), rows_of(tmp_path / "whole"))
    else:
        one, other = ((tmp_path / name / "top.csv").read_bytes() for name in ("killed", "whole"))
        assert one == other
    names = {p.name for p in (tmp_path / "whole").iterdir()}
    left = {
        p.name
        for p in (tmp_path / "killed").iterdir()
        if p.name[:2] != "._" and p.name[:4] != ".top"
    }
    assert left == names
