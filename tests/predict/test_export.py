"""Exported encoders: a program without molmeta gives the model's vectors, or is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rdkit import rdBase
from torch import Tensor
from torch_geometric.data import Batch

from molmeta.assays import drug_mechanisms
from molmeta.chem.features import FEATURES
from molmeta.chem.featurize import featurize
from molmeta.chem.molecule import MAX_ATOMS
from molmeta.chem.standardize import Standardizer
from molmeta.errors import InputError, RejectedWarning
from molmeta.models import ENCODERS, GINE, Encoder
from molmeta.predict import exported
from molmeta.predict.encoder import MoleculeEncoder
from molmeta.predict.export import INPUTS, check_program_file, export_encoder
from molmeta.predict.exported import ExportedEncoder
from molmeta.runs.model import Model, load_model
from tests.predict.models import random_model

HOSTILE = (
    "C", "[Na+].[Cl-]", "[H][H]", "[He]", "[NH4+]", "*", "CC(=O)[O-].[Ca+2].CC(=O)[O-]",
    "C1" + "C" * 60 + "1", "c1ccc2c(c1)ccc1c3ccccc3ccc21", "[2H]C([2H])([2H])O", "[13CH4]",
    "[999C]",
    "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "F/C=C/F", "F/C=C\\F", "CCO |$R1;;$|", "C[PH](=O)(=O)O",
    "C[S+](C)[O-]", "O=[N+]([O-])c1ccccc1C(F)Cl", "[O-][n+]1ccccc1", "Cc1on[n-][n+]1", "CN(=O)=O",
    "F[P-](F)(F)(F)(F)F", "[Pt](Cl)(Cl)(N)N", "OB1OCCO1", "C" * 999, "CC~C", "[CH3:1][OH:2]",
)  # fmt: skip
NONE = ("", " ", None, 3, float("nan"), "nonsense", "C(", "CCÖ", "CC>>CO", "C" * 1001)
QUICK = ("dmpnn", "gine", "gps")
REFUSED = {"gps": "Could not extract specialized integer"}
NEEDED: dict[str, dict[str, object]] = {
    "gatv2": {"heads": 2},
    "pna": {"towers": 2},
    "hybrid": {"graph_settings": {"dim": 8}},
}


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("graph")


@pytest.fixture(scope="module")
def program(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "encoder.pt2"
    assert export_encoder(model, path) == path.with_suffix(".py")
    return path


@pytest.fixture(scope="module")
def encoder(program: Path) -> ExportedEncoder:
    return ExportedEncoder(program)


def with_encoder(encoder: Encoder) -> Model:
    """A model with an encoder of any kind, of whose learner nothing else is used."""
    model = random_model("graph")
    model.learner.encoder = encoder.eval()
    return model


def compare(program: ExportedEncoder, model: Model, smiles: Iterable[object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RejectedWarning)
        expected = MoleculeEncoder(model).encode(smiles)
    np.testing.assert_allclose(program(smiles), expected, rtol=1e-5, atol=1e-5)


def test_it_is_the_encoder_on_hostile_molecules(model: Model, encoder: ExportedEncoder) -> None:
    compare(encoder, model, HOSTILE)
    assert np.isfinite(encoder(HOSTILE)).all(1).sum() > len(HOSTILE) - 4
    for smiles in HOSTILE:
        compare(encoder, model, [smiles])
    compare(encoder, model, [*HOSTILE[:3], *NONE, "CCO"])
    assert np.isnan(encoder(NONE)).all()
    assert encoder([]).shape == (0, encoder.dim)


def test_neither_order_nor_companions_matter(model: Model, encoder: ExportedEncoder) -> None:
    every = [drug_mechanisms(fold)["smiles"] for fold in ("train", "valid", "test")]
    drugs = np.resize(pd.concat(every).unique().astype(object), 1000)
    vectors = encoder(drugs, at_once=1000)
    compare(encoder, model, drugs)
    order = np.random.default_rng(0).permutation(1000)
    np.testing.assert_allclose(encoder(drugs[order], at_once=77), vectors[order], atol=1e-5)
    np.testing.assert_allclose(encoder(drugs[:5], at_once=1), vectors[:5], atol=1e-5)


def test_the_metadata_say_what_is_read(encoder: ExportedEncoder, program: Path) -> None:
    """Programs take plain tensors in the order of the metadata; a bond's atoms in either order."""
    inputs, run = encoder.metadata["inputs"], torch.export.load(program).module()
    assert list(inputs) == ["atoms", "bonds", "bonded", "n_atoms", "fingerprints"]
    assert all(told["holds"] for told in inputs.values())
    assert encoder.metadata["model"] == "graph"
    assert encoder.metadata["columns"]["sketch"] == [512, 768]
    assert encoder.metadata["standard_form"]["version"] == 1
    atoms = [[6, 0, 4, 5, 3, 0, 4, 0, 0], [8, 0, 2, 5, 1, 0, 4, 0, 0]]
    counts = np.zeros((1, 2048), np.int64)
    for column, count in _counts("CO").items():
        counts[0, column] = count
    for bonded in ([[0], [1]], [[1], [0]]):
        tensors = [
            torch.tensor(atoms), torch.tensor([[1, 0, 0]]), torch.tensor(bonded),
            torch.tensor([2]), torch.from_numpy(counts),
        ]  # fmt: skip
        np.testing.assert_allclose(run(*tensors).detach().numpy(), encoder(["CO"]), atol=1e-6)


def _counts(smiles: str) -> dict[int, int]:
    matrix = featurize([smiles], reads=["fingerprints"]).fingerprints
    assert matrix is not None
    return dict(zip(matrix.indices.tolist(), matrix.data.tolist(), strict=True))


def test_the_file_beside_it_stands_alone(model: Model, program: Path) -> None:
    code = """
import json, sys
for name in ("molmeta", "torch_geometric", "pandas", "scipy", "sklearn"):
    sys.modules[name] = None
from encoder import ExportedEncoder
print(json.dumps(ExportedEncoder("encoder.pt2")(["CCO", "no molecule", "C"]).tolist()))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=program.parent, env={"PYTHONPATH": "."},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    vectors = np.array(json.loads(done.stdout))
    assert np.isnan(vectors[1]).all()
    expected = MoleculeEncoder(model).encode(["CCO", "C"])
    np.testing.assert_allclose(vectors[[0, 2]], expected, atol=1e-5)


def test_a_program_names_no_folder_of_this_machine(program: Path, root: Path) -> None:
    with zipfile.ZipFile(program) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    assert str(root).encode() not in held
    assert str(program.parent).encode() not in held


@pytest.mark.parametrize(
    "form",
    [
        None,
        Standardizer(keep_stereo=False),
        Standardizer(keep_isotopes=False),
        Standardizer(keep_tautomer=False),
    ],
)
def test_molecules_are_read_as_the_library_reads_them(form: Standardizer | None) -> None:
    smiles = [
        *(one for one in HOSTILE if len(one) < 99), *NONE, "[C-6]", "[Mn+7]",
        "Oc1ccccn1", "[2H]c1ccccc1", "C[C@H](F)C([O-])=O.[K+]",
        "[13CH3][C@H](C)F", "O=C1C[N+](c2ccccc2)=NO1", "[O-]c1c[n+](-c2ccccc2)no1",
    ]  # fmt: skip
    spec = None if form is None else form.spec
    metadata = {"standard_form": spec, "max_atoms": MAX_ATOMS, "inputs": INPUTS}
    everything = ["graphs", *FEATURES]
    expected = featurize(smiles, reads=everything, standardize=form, identities=False)
    for row, one in enumerate(smiles):
        with rdBase.BlockLogs():
            found = exported.read(one, metadata)
        assert (found is not None) == expected.parsed[row], one
        if found is None:
            continue
        graph = expected.graphs.dense([row])
        assert found["atoms"].tolist() == graph.x.tolist(), one
        ways = np.hstack([found["bonded"], found["bonded"][::-1]])
        mine = [*zip(*ways.tolist(), np.tile(found["bonds"], (2, 1)).tolist(), strict=True)]
        theirs = [*zip(*graph.edge_index.tolist(), graph.edge_attr.tolist(), strict=True)]
        assert sorted(mine) == sorted(theirs), one
        for name in FEATURES:
            matrix = expected.features[name][[row]]
            dense = matrix if name == "descriptors" else matrix.toarray()
            np.testing.assert_array_equal(found[name], dense, err_msg=one)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in ENCODERS.names()
    ],
)
def test_every_encoder_is_exported_or_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = ENCODERS.find(name)(**{"dim": 8, "layers": 2, **NEEDED.get(name, {})})
    model, path = with_encoder(made), tmp_path / "encoder.pt2"
    if name in REFUSED:
        with pytest.raises(InputError, match=REFUSED[name]):
            export_encoder(model, path)
        assert not list(tmp_path.iterdir())
        return
    export_encoder(model, path)
    compare(ExportedEncoder(path), model, [*drug_mechanisms("test")["smiles"][:50], *HOSTILE[:8]])


PAIRS: dict[str, dict[str, bool]] = {"fingerprint": {"pairs": True}, "graph": {}}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_every_column_is_exported(name: str, tmp_path: Path) -> None:
    settings = {"sketch": 4, "profile": 4, "profile_sketch": 2, "properties": 3, "hidden": 16}
    torch.manual_seed(0)
    model = with_encoder(ENCODERS.find(name)(dim=8, **settings, **PAIRS[name]))
    export_encoder(model, tmp_path / "encoder.pt2")
    compare(ExportedEncoder(tmp_path / "encoder.pt2"), model, HOSTILE)


class Branches(GINE):
    """Looks at what it computed to choose its next step."""

    def forward(self, batch: Batch) -> Tensor:
        vectors = super().forward(batch)
        return vectors if batch.x.sum() > 3 else vectors * 2


class Fixed(GINE):
    """Makes a constant of the number of atoms."""

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) + torch.tensor([float(len(batch.x))])


class Random(GINE):
    """Gives other vectors each time."""

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) + torch.rand(1)


class Fails(GINE):
    """Reads what programs do not have."""

    def forward(self, batch: Batch) -> Tensor:
        return super().forward(batch) + batch.atom_codes.sum()


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        (Branches, "Could not guard on data-dependent expression"),
        (Fixed, "Constraints violated"),
        (Random, "its vectors differ from the model's by"),
        (Fails, "has no attribute 'atom_codes'"),
    ],
)
def test_an_encoder_that_would_be_another_is_refused(
    encoder: type[GINE], reason: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=rf"{encoder.__name__}, that cannot be exported.*{reason}"):
        export_encoder(with_encoder(encoder(dim=4, layers=1)), tmp_path / "encoder.pt2")
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["encoder", "encoder.pt", "encoder.onnx.zip"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"expected \.pt2 or \.onnx"):
        check_program_file(Path(name))


def test_a_file_of_the_users_own_is_not_overwritten(tmp_path: Path, program: Path) -> None:
    (tmp_path / "train.py").write_text("mine\n")
    with pytest.raises(InputError, match=r"train\.py.*molmeta did not write"):
        check_program_file(tmp_path / "train.pt2")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(InputError, match=r"folder\.py"):
        check_program_file(tmp_path / "folder.pt2")
    check_program_file(program)  # once more


def test_onnx_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("molmeta.predict.export.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"without onnx, onnxscript, onnxruntime.*molmeta\[onnx\]"):
        check_program_file(Path("encoder.onnx"))
    check_program_file(Path("encoder.pt2"))


@pytest.mark.parametrize("name", ["graph", pytest.param("fingerprint", marks=pytest.mark.slow)])
def test_onnx_gives_the_same(name: str, tmp_path: Path) -> None:
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module, reason=f"the extra 'onnx' is not installed: no {module}")
    model, path = load_model(name), tmp_path / "encoder.onnx"
    export_encoder(model, path)
    encoder = ExportedEncoder(path)
    compare(encoder, model, [*HOSTILE, *NONE])
    compare(encoder, model, drug_mechanisms("test")["smiles"][:100].tolist())
    assert encoder.metadata["model"] == name


@pytest.mark.shared_data
def test_it_is_the_encoder_on_real_molecules(
    model: Model, encoder: ExportedEncoder, shared_data: Path
) -> None:
    """On fewer than benchmarks/exported.py; acids of old spelling, as FS-Mol has them, too."""
    table = pd.read_csv(shared_data / "fsmol" / "valid.csv.gz", usecols=["smiles"])
    smiles = table["smiles"].drop_duplicates()
    old = smiles[smiles.str.contains("[PH]", regex=False)][:50]
    assert len(old)
    compare(encoder, model, [*old, *smiles.sample(950, random_state=1)])
