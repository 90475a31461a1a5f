"""The program from the outside: the whole flow, its exit codes and its messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.program import molmeta

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "molmeta_cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'cli'}", "OMP_NUM_THREADS": "1"}
FAST = ["--set", "training.steps=6", "--set", "training.valid_every=3"]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "example"
    assert molmeta("example", "-o", folder).returncode == 0
    return folder


@pytest.fixture(scope="module")
def run(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run") / "run"
    done = molmeta(
        "train", example / "train.csv", "--valid", example / "valid.csv",
        "--config", example / "recipe.yaml", *FAST, "-o", run,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "step 6/6" in done.stderr
    return run


def test_help_and_version() -> None:
    done = molmeta("--help")
    assert done.returncode == 0
    for verb in ("example", "data", "featurize", "split", "train", "evaluate", "predict", "embed",
                 "export"):  # fmt: skip
        assert verb in done.stdout
    assert molmeta("--version").stdout.startswith("molmeta ")


@pytest.mark.parametrize(
    "verb",
    ["data", "featurize", "split", "train", "evaluate", "predict", "embed", "export", "info"],
)
def test_verbs_explain_themselves(verb: str) -> None:
    done = molmeta(verb, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_featurize_then_info(example: Path, tmp_path: Path) -> None:
    done = molmeta("featurize", example / "train.csv", "-o", tmp_path / "store")
    assert done.returncode == 0, done.stderr
    done = molmeta("info", tmp_path / "store")
    assert "assay store" in done.stdout
    assert "18" in done.stdout


@pytest.mark.parametrize("flag", ["fingerprints", "pairs", "descriptors"])
def test_optional_features_are_stored_by_flag(flag: str, example: Path, tmp_path: Path) -> None:
    done = molmeta("featurize", example / "train.csv", "-o", tmp_path / "store", f"--{flag}")
    assert done.returncode == 0, done.stderr
    files = {path.stem for path in (tmp_path / "store").iterdir()}
    assert files & {"fingerprints", "pairs", "descriptors"} == {flag}


def test_info_of_a_model_and_of_a_file(run: Path, example: Path) -> None:
    assert "parameters" in molmeta("info", run).stdout
    assert "smiles" in molmeta("info", example / "library.csv").stdout


def test_predict_gives_one_row_a_row(run: Path, example: Path, tmp_path: Path) -> None:
    library = pd.read_csv(example / "library.csv")
    library.loc[3, "smiles"] = "no molecule"
    library.loc[5, "smiles"] = np.nan
    library.to_csv(tmp_path / "library.csv", index=False)
    out = tmp_path / "predictions.csv"
    call = (
        "predict", "--model", run, "--support", example / "support.csv",
        "--input", tmp_path / "library.csv", "-o",
    )  # fmt: skip
    done = molmeta(*call, out, "--keep-order")
    assert done.returncode == 0, done.stderr
    predictions = pd.read_csv(out)
    pd.testing.assert_frame_equal(predictions[library.columns], library)
    rejected = predictions["status"] == "rejected"
    assert rejected[rejected].index.tolist() == [3, 5]
    assert predictions.loc[rejected, "reason"].notna().all()
    assert predictions.loc[rejected, "p_active"].isna().all()
    assert predictions.loc[~rejected, "p_active"].between(0, 1).all()
    assert molmeta(*call, "-").stdout == out.read_text()  # which keeps the order anyhow
    assert molmeta(*call, out).returncode == 0
    ranked = pd.read_csv(out)
    assert ranked["rank"].dropna().tolist() == list(range(1, len(library) - 1))
    assert ranked["score"][:-2].is_monotonic_decreasing
    assert ranked["status"].tolist()[-2:] == ["rejected"] * 2
    assert sorted(ranked["name"]) == sorted(library["name"])


def test_predict_the_blank_labels_of_one_table(run: Path, example: Path, tmp_path: Path) -> None:
    support = pd.read_csv(example / "support.csv")
    library = pd.read_csv(example / "library.csv").head(7)
    pd.concat([support, library]).to_csv(tmp_path / "one.csv", index=False)
    done = molmeta(
        "predict", "--model", run, "--support", tmp_path / "one.csv", "-o", tmp_path / "out.tsv"
    )
    assert done.returncode == 0, done.stderr
    back = pd.read_csv(tmp_path / "out.tsv", sep="\t")
    assert sorted(back["name"]) == sorted(library["name"])


def test_predict_a_report_an_sdf_and_classes(run: Path, example: Path, tmp_path: Path) -> None:
    few = pd.read_csv(example / "library.csv")[:8]  # a report explains each molecule
    few.to_csv(tmp_path / "few.csv", index=False)
    done = molmeta(
        "predict", "--model", run, "--support", example / "support.csv", "--input",
        tmp_path / "few.csv", "-o", tmp_path / "out.sdf", "--report", tmp_path / "page.html",
        "--prevalence", "0.05", "--error", "0.4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.sdf").read_text().count("$$$$") == len(few)
    assert "<possible_classes>" in (tmp_path / "out.sdf").read_text()
    assert "0.05 of the library" in (tmp_path / "page.html").read_text()


def test_predict_to_standard_output(run: Path, example: Path) -> None:
    done = molmeta(
        "predict", "--model", run, "--support", example / "support.csv",
        "--input", example / "library.csv", "-o", "-",
    )  # fmt: skip
    assert done.stdout.splitlines()[0].startswith("name,smiles,mechanism,rank,p_active")


def test_embed_as_array_and_as_table(run: Path, example: Path, tmp_path: Path) -> None:
    for name in ("vectors.npy", "vectors.parquet"):
        done = molmeta(
            "embed", "--model", run, "--input", example / "library.csv", "-o", tmp_path / name
        )
        assert done.returncode == 0, done.stderr
    vectors = np.load(tmp_path / "vectors.npy")
    table = pd.read_parquet(tmp_path / "vectors.parquet")
    np.testing.assert_array_equal(np.stack(table["vector"].tolist()), vectors)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_evaluate_writes_its_tables(workers: int, run: Path, example: Path, tmp_path: Path) -> None:
    done = molmeta(
        "evaluate", "--model", run, "--data", example / "test.csv", "--support-sizes", "8",
        "--draws", "2", "--baselines", "simsearch", "-o", tmp_path / "results",
        "--workers", workers,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = pd.read_csv(tmp_path / "results" / "results.csv")
    assert set(results["method"]) == {"run", "simsearch"}
    assert len(results) == 2 * 2 * 7
    assert (tmp_path / "results" / "summary.csv").exists()


def test_evaluate_alone_is_of_the_shipped_model(example: Path, tmp_path: Path) -> None:
    done = molmeta(
        "evaluate", "--data", example / "test.csv", "--support-sizes", "8", "--draws", "1",
        "--workers", "1", "-o", tmp_path / "results",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(pd.read_csv(tmp_path / "results" / "summary.csv")["method"]) == {"default"}


def test_evaluate_regression_and_a_probe(run: Path, example: Path, tmp_path: Path) -> None:
    table = pd.read_csv(example / "test.csv")
    table["pic50"] = 5 + 2 * table["active"] + 0.01 * table["smiles"].str.len()
    table.to_csv(tmp_path / "values.csv", index=False)
    done = molmeta(
        "evaluate", "--data", tmp_path / "values.csv", "--task", "regression", "--support-sizes",
        "16", "--draws", "2", "--baselines", f"constant,gp,knn,rf,probe:{run}", "--model", run,
        "-o", tmp_path / "results", "--value-column", "pic50", "--units", "pXC50", "--label-column",
        "active", "--report", tmp_path / "report.html", "--workers", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "R² (out of sample)" in done.stderr
    summary = pd.read_csv(tmp_path / "results" / "summary.csv").set_index("method")
    assert summary.index.tolist() == ["run", "constant", "gp", "knn", "rf", "probe:run"]
    assert summary.loc["constant", "r2_os"] == pytest.approx(0, abs=1e-9)
    assert summary["r2_os"]["gp"] > 0.2
    assert summary[["rmse", "spearman"]].notna().any().all()
    assert (tmp_path / "report.html").stat().st_size > 1000


def test_interrupted_training_resumes(example: Path, tmp_path: Path) -> None:
    command = [
        *COMMAND, "train", str(example / "train.csv"), "--valid", str(example / "valid.csv"),
        "--config", str(example / "recipe.yaml"), "-o", str(tmp_path / "run"),
        "--set", "training.steps=4000", "--set", "training.patience=0",
    ]  # fmt: skip
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("step"):
                break
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        messages = process.stderr.read()
    assert process.returncode == 130
    assert "--resume" in messages
    assert "Traceback" not in messages
    resumed = molmeta(*command[3:], "--resume", "--set", "training.steps=5")
    assert resumed.returncode == 2  # another recipe than the run began with
    assert "training.steps" in resumed.stderr


PREDICT = ["predict", "--model", "RUN", "--support"]
WRONG = {
    "no such file": (["featurize", "absent.csv", "-o", "OUT"], "absent.csv"),
    "unknown verb": (["trian"], "trian"),
    "unknown recipe": (["train", "DATA", "--config", "defualt", "-o", "OUT"], "default"),
    "unknown key": (["train", "DATA", "--set", "encoder.dims=3", "-o", "OUT"], "dim"),
    "unknown column": (
        ["featurize", "DATA", "--smiles-column", "smile", "-o", "OUT"], "Did you mean 'smiles'"
    ),
    "no model": (
        ["predict", "--model", "absent", "--support", "DATA", "-o", "OUT.csv"], "absent"
    ),
    "bad device": (["train", "DATA", "--device", "abacus", "-o", "OUT"], "abacus"),
    "too large support": (
        ["train", "DATA", "--set", "training.support_sizes=[900]", "-o", "OUT"], "908"
    ),
    "test assays in training": (
        ["train", "DATA", "--test", "DATA", "-o", "OUT"], "that are test assays"
    ),
    "unknown task": (
        ["evaluate", "--data", "DATA", "--task", "regresion", "-o", "OUT"],
        "Did you mean 'regression'",
    ),
    "a baseline of classes asked to regress": (
        [
            *("evaluate", "--data", "DATA", "--task", "regression"),
            *("--baselines", "simsearch", "-o", "OUT"),
        ],
        "baseline simsearch; got regression",
    ),
    "unknown model to probe": (
        ["evaluate", "--data", "DATA", "--baselines", "probe:absent", "-o", "OUT"], "absent"
    ),
    "unknown ending": (
        [*PREDICT, "SUPPORT", "--input", "LIBRARY", "-o", "OUT.doc"], ".csv",
    ),
    "one class": (
        [*PREDICT, "ONECLASS", "--input", "LIBRARY", "-o", "OUT.csv"],
        "at least one active and one inactive",
    ),
    "an error rate below what the support set bears": (
        [*PREDICT, "SUPPORT", "--input", "LIBRARY", "-o", "OUT.csv", "--error", "0.001"],
        "at least 999 of each class",
    ),
    "no prevalence": (
        [*PREDICT, "SUPPORT", "--input", "LIBRARY", "-o", "OUT.csv", "--prevalence", "10"],
        "between 0 and 1",
    ),
    "empty file": (["featurize", "EMPTY", "-o", "OUT"], "empty"),
    "too few molecules": (
        [
            *("evaluate", "--model", "RUN", "--data", "DATA", "--support-sizes", "900"),
            *("--workers", "1", "-o", "OUT"),
        ],
        "support size",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(WRONG))
def test_wrong_use_is_one_message_and_exit_code_2(
    case: str, run: Path, example: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").touch()
    one_class = pd.read_csv(example / "support.csv").query("active == 1")
    one_class.to_csv(tmp_path / "one_class.csv", index=False)
    names = {
        "DATA": example / "train.csv", "RUN": run, "SUPPORT": example / "support.csv",
        "LIBRARY": example / "library.csv", "EMPTY": tmp_path / "empty.csv",
        "ONECLASS": tmp_path / "one_class.csv", "OUT": tmp_path / "out",
        "OUT.csv": tmp_path / "out.csv", "OUT.doc": tmp_path / "out.doc",
    }  # fmt: skip
    arguments, expected = WRONG[case]
    before = set(tmp_path.iterdir())
    done = molmeta(*(names.get(argument, argument) for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert set(tmp_path.iterdir()) == before


def test_a_wrong_table_is_refused_before_torch_is_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("smiles,IC50 (nM)\nCCO,10\nCCN,90000\n")
    given = ["--support", "mine.csv", "-o", "out.csv"]
    every_wrong = [
        ["--value-column", "nope"],
        ["--input", "nothing.csv"],
        ["-o", "out.doc"],
        ["--structures"],
        ["--sheet", "May"],
    ]
    code = (
        f"import sys\nfrom molmeta_cli.main import main\nfor wrong in {every_wrong!r}:\n"
        f"    sys.argv = ['molmeta', 'predict', *{given!r}, *wrong]\n"
        "    try:\n        main()\n    except SystemExit as end:\n"
        "        print(end.code, 'torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["2 False"] * len(every_wrong), done.stderr
