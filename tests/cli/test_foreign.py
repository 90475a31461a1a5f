"""A model folder that somebody sent: nothing of it is imported unless its code is trusted."""

from __future__ import annotations

import ast
import json
import pickle
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from molmeta import (
    AssayStore,
    EncoderTransformer,
    FewShotClassifier,
    FewShotRegressor,
    load_encoder,
    load_model,
)
from molmeta.assays import drug_mechanisms
from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.errors import InputError
from molmeta.evaluation.learners import EncoderProbe, LearnerMethod, model_methods, named_methods
from molmeta.runs.recipe import resolve_recipe
from molmeta.training import train
from tests.cli.program import molmeta

NAME, CLASS = "evil_module", "evil_module:Evil"
EVIL = """
from pathlib import Path
from molmeta.models import Encoder
Path(__file__).with_name("marker").write_text("imported")

class Evil(Encoder):
    def __init__(self, *, dim: int = 8) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, batch):
        return batch.x
"""
SMILES, LABELS = ["CCO", "CCN", "c1ccccc1", "CC"], [0, 1, 0, 1]
RECIPES: dict[str, dict[str, Any]] = {
    "encoder": {"encoder": {"name": CLASS, "dim": 8}},
    "bare name": {"encoder": CLASS},
    "head": {"head": {"name": CLASS}},
    "inside joined": {"encoder": {"name": "joined", "first": {"name": CLASS}}},
    "inside hybrid": {"encoder": {"name": "hybrid", "graph": CLASS}},
    "deeper": {"encoder": {"name": "hybrid", "graph_settings": {"graph": [CLASS]}}},
    "no text": {"encoder": {"name": {NAME: "Evil"}}},
    "list": {"head": {"name": [CLASS]}},
    "relative": {"encoder": {"name": "..evil_module:Evil"}},
    "standard library": {"encoder": {"name": "subprocess:Popen", "args": "ls"}},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Importable, as where somebody unpacked it and works in it."""
    run = tmp_path / "sent"
    run.mkdir()
    (run / f"{NAME}.py").write_text(EVIL)
    (run / "assays.json").write_text("[]")
    (run / "model.safetensors").write_bytes(b"")
    named(run, RECIPES["encoder"])
    table = drug_mechanisms("test").query("assay == 'fluoroquinolone'")
    table.head(24).to_csv(tmp_path / "table.csv", index=False)
    monkeypatch.syspath_prepend(str(run))
    monkeypatch.chdir(run)
    yield run
    sys.modules.pop(NAME, None)


def named(run: Path, recipe: object) -> None:
    config = {"molmeta": "0", "features": FEATURE_SPEC, "standardize": None, "recipe": recipe}
    (run / "config.json").write_text(json.dumps(config))


def nothing_ran(run: Path) -> bool:
    return NAME not in sys.modules and not (run / "marker").exists()


def store() -> AssayStore:
    return AssayStore.from_frame(drug_mechanisms("train"))


WAYS: dict[str, Callable[[Path], Any]] = {
    "load_model": load_model,
    "load_encoder": load_encoder,
    "classifier": lambda run: FewShotClassifier(run).fit(SMILES, LABELS),
    "regressor": lambda run: FewShotRegressor(str(run)).fit(SMILES, LABELS),
    "transformer": lambda run: EncoderTransformer(run).fit_transform(SMILES),
    "evaluated model": lambda run: model_methods([run]),
    "probe": lambda run: named_methods([f"probe:{run}"]),
    # As worker processes get them:
    "method": lambda run: LearnerMethod("it", run).fingerprint,
    "probe method": lambda run: EncoderProbe("it", run).fingerprint,
    "resume": lambda run: train({}, store(), None, run, resume=True),
    "resume of a head": lambda run: train({"head": "linear"}, store(), None, run, resume=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_in_imports_what_a_folder_names(way: str, folder: Path) -> None:
    with pytest.raises(InputError, match=f"{CLASS} of encoder.*nothing was imported"):
        WAYS[way](folder)
    assert nothing_ran(folder)


@pytest.mark.parametrize("recipe", RECIPES)
def test_wherever_the_name_stands(recipe: str, folder: Path) -> None:
    named(folder, RECIPES[recipe])
    with pytest.raises(InputError) as refused:
        load_model(folder)
    assert "nothing was imported" in str(refused.value) or ".name; got" in str(refused.value)
    assert nothing_ran(folder)


VERBS: dict[str, list[str]] = {
    "predict": ["--support", "T", "--input", "T", "-o", "O.csv", "-m", "M"],
    "screen": ["--support", "T", "--input", "T", "-o", "O", "-m", "M"],
    "suggest": ["--support", "T", "--input", "T", "-o", "O.csv", "-m", "M"],
    "embed": ["--input", "T", "-o", "O.npy", "-m", "M"],
    "export": ["M", "-o", "O.pt2"],
    "info": ["M"],
    "evaluate": ["--data", "T", "-o", "O", "-m", "M", "--workers", "2"],
    "evaluate --baselines": ["--data", "T", "-o", "O", "--baselines", "probe:M"],
    "train --init": ["T", "-o", "O", "--init", "M"],
    "train --resume": ["T", "-o", "M", "--resume"],
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_does(verb: str, folder: Path, tmp_path: Path) -> None:
    places = {"T": str(tmp_path / "table.csv"), "M": str(folder), "probe:M": f"probe:{folder}"}
    words = [places.get(word, word.replace("O", str(tmp_path / "out"))) for word in VERBS[verb]]
    done = molmeta(verb.split()[0], *words)
    said = " ".join(done.stderr.split())
    assert done.returncode == 2, said
    assert f"{CLASS} of encoder" in said
    assert "nothing was imported" in said
    assert ("--trust-code" in said) == ("--resume" not in verb)
    assert nothing_ran(folder)
    assert not list(tmp_path.glob("out*"))


def test_a_model_that_is_given_is_not_loaded_from_the_folder(folder: Path) -> None:
    """A copy of the shipped one; its neighbour files say nothing."""
    for file in load_model("graph").path.iterdir():
        if file.is_file():
            shutil.copy(file, folder / file.name)
    model = load_model(folder)
    FewShotClassifier(model).fit(SMILES, LABELS)
    assert nothing_ran(folder)


def test_with_trust_it_is_imported(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.safetensors"):  # the next thing that it lacks
        load_model(folder, trust_code=True)
    assert not nothing_ran(folder)
    done = molmeta("info", folder, "--trust-code")
    assert "model.safetensors" in done.stderr


def test_trust_reaches_worker_processes(folder: Path) -> None:
    for method in (LearnerMethod("it", folder), EncoderProbe("it", folder, trust_code=True)):
        again = pickle.loads(pickle.dumps(method))
        assert again == method
        assert again.trust_code == method.trust_code


def test_a_recipe_of_the_users_own_is_imported_as_ever(folder: Path) -> None:
    assert resolve_recipe({"encoder": CLASS}).encoder.settings["dim"] == 8
    assert not nothing_ran(folder)


def test_a_saved_state_points_nowhere_else(folder: Path, tmp_path: Path) -> None:
    from molmeta.training.checkpoint import load_state

    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "latest").write_text("../../elsewhere")
    with pytest.raises(InputError, match="elsewhere"):
        load_state(folder)


CALLS = {
    "eval", "exec", "compile", "__import__", "pickle", "cPickle", "dill", "cloudpickle", "joblib",
    "shelve", "marshal", "runpy", "torch.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load",
    "pd.read_pickle", "pandas.read_pickle",
}  # fmt: skip


def test_no_file_is_read_in_a_way_that_could_run_code(root: Path) -> None:
    """No pickles, no torch.load, yaml's safe loader alone; imports by name in two known places."""
    wrong, imports, finds = [], set(), set()
    for file in [*(root / "molmeta").rglob("*.py"), *(root / "cli").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                wrong += [f"{file}: {name}" for name in names if name.split(".")[0] in CALLS]
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                if called in CALLS or given.get("allow_pickle", "False") != "False":
                    wrong.append(f"{file}:{node.lineno}: {called}")
                if called.endswith("import_module"):
                    imports.add(file.relative_to(root).as_posix())
                if called.endswith(".find") and called.split(".")[0] in (
                    "ENCODERS", "HEADS", "registry",
                ):  # fmt: skip
                    finds.add(file.relative_to(root).as_posix())
    assert not wrong
    # What these look up stands in a recipe's sections of parts, where `foreign_parts` looks.
    encoders = {f"molmeta/models/encoders/{name}.py" for name in ("hybrid", "joined")}
    assert finds == {"molmeta/runs/recipe.py", *encoders}
    ray = "molmeta/predict/library/ray_engine.py"
    page = "molmeta/web/worker.py"  # modules that the page's own code names
    assert imports == {"molmeta/__init__.py", "molmeta/config.py", ray, page}
