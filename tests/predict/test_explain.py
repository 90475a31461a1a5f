"""Explanations: weights that add up to the score, atoms by occlusion, and the model's domain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem

from molmeta import FewShotClassifier
from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.episodes.batch import make_batch
from molmeta.errors import InputError
from molmeta.learning import MAML, Learner
from molmeta.models import FingerprintEncoder, MatchingHead
from molmeta.models.attention import Softmax
from molmeta.models.heads.matching import kernel
from molmeta.runs.domain import DOMAIN, Domain
from molmeta.runs.model import Model

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
KNOWN, LIBRARY = FRAME[:12], FRAME[12:]


@pytest.fixture
def fitted(any_model: Model) -> FewShotClassifier:
    return FewShotClassifier(any_model).fit(KNOWN["smiles"], KNOWN["label"])


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_the_sizes_of_a_molecules_weights_sum_to_one(fitted: FewShotClassifier) -> None:
    why = fitted.explain([*LIBRARY["smiles"], "no molecule"])
    assert sorted(why["molecule"].unique()) == list(range(len(LIBRARY)))
    np.testing.assert_allclose(why["weight"].abs().groupby(why["molecule"]).sum(), 1, atol=1e-5)
    assert (
        why.groupby("molecule")["weight"].apply(lambda w: w.abs().is_monotonic_decreasing)
    ).all()
    best = fitted.explain(LIBRARY["smiles"], top=2)
    assert (
        best["support_smiles"].tolist()
        == why.groupby("molecule").head(2)["support_smiles"].tolist()
    )
    assert fitted.explain(["no molecule"]).empty


@pytest.mark.parametrize("balanced", [False, True])
def test_weights_of_matching_are_the_score(balanced: bool) -> None:
    """Σ ± a = P(active) − P(inactive) = tanh(score / 2)."""
    head = MatchingHead(attention=Softmax(scale=2.0, balanced=balanced)).double()
    support, query = torch.randn(9, 5).double(), torch.randn(4, 5).double()
    labels = (torch.arange(9) < 3).double()
    found = head.contributions(support, labels, query).sum(1)
    torch.testing.assert_close(found, (head(support, labels, query) / 2).tanh())


def test_weights_of_the_kernel_head_are_its_evidence() -> None:
    head = kernel(dim=5, scale=3.0, noise=0.3, distant=0.8).double()
    support, query = torch.randn(9, 5).double(), torch.randn(4, 5).double()
    labels = (torch.arange(9) < 3).double()
    level = head.fit(head.prepare(support), labels).level
    evidence = head(support, labels, query) - level  # weight and bias begin at zero
    parts = head.contributions(support, labels, query)
    torch.testing.assert_close(parts.abs().sum(1), torch.ones(4).double())
    K, k = (head.similarity.compare(a, support).detach().numpy() for a in (support, query))
    weights = k @ np.linalg.inv(K + 0.3 * np.eye(9))
    sizes = np.abs(weights * (labels.numpy() - 0.28)).sum(1)
    np.testing.assert_allclose(
        3 * sizes * parts.sum(1).detach().numpy(), evidence.detach(), rtol=1e-6
    )
    values = np.random.default_rng(0).normal(size=9)
    ridge = values.mean() + weights @ (values - values.mean())
    attention = head.weights(support, query).detach().numpy()
    np.testing.assert_allclose(attention @ values, ridge, rtol=1e-6)
    np.testing.assert_allclose(attention.sum(1), 1)


def test_atoms_of_a_repaired_molecule_are_those_of_the_acid(fitted: FewShotClassifier) -> None:
    (form, atoms), (acid, expected) = fitted.atom_contributions(["O=[PH](=O)(O)CC", "CCP(=O)(O)O"])
    assert form == acid
    assert atoms == pytest.approx(expected, abs=1e-6)


def test_atoms_are_explained_by_hiding_them(fitted: FewShotClassifier) -> None:
    (toluene, atoms), (salt, others) = fitted.atom_contributions(["Cc1ccccc1", "CC(=O)[O-].[Na+]"])
    assert toluene == "Cc1ccccc1"
    assert atoms.shape == (7,)
    assert atoms[[2, 3]] == pytest.approx(atoms[[6, 5]], abs=1e-5)  # ortho, meta
    hidden = fitted.decision_function([toluene, "*c1ccccc1", "Cc1cc*cc1"])
    assert atoms[[0, 4]] == pytest.approx(hidden[0] - hidden[1:], abs=1e-5)
    assert len(others) == 4, salt  # the standard form has no sodium
    with pytest.raises(InputError, match="molecule 1"):
        fitted.atom_contributions(["CCO", "no molecule"])


def test_what_a_model_recalls_of_a_molecule_is_no_atoms_doing() -> None:
    torch.manual_seed(0)
    encoder = FingerprintEncoder(dim=16, hidden=32, profile=4)
    learner = Learner(encoder, kernel(dim=8, profile=4), MAML(steps=0), projection=8)
    fitted = FewShotClassifier(Model(learner.eval(), {}, Path("random")))
    store = AssayStore.from_frame(drug_mechanisms("test"))
    profiles, labels = encoder.profiles, np.arange(40) % 2
    assert profiles is not None
    batch = make_batch(store, np.arange(store.n_molecules), ("fingerprints",))
    molecules, assays = np.divmod(np.arange(store.n_molecules * 40), 40)
    ones = np.where(molecules % 3 == 0, labels[assays], 1 - labels[assays]).astype(np.float32)
    profiles.remember(profiles.key(batch), molecules, assays, ones)
    fitted.fit(KNOWN["smiles"], KNOWN["label"])
    ((form, atoms),) = fitted.atom_contributions([LIBRARY["smiles"].iloc[0]])
    mol = Chem.MolFromSmiles(form)
    hidden = Chem.RWMol(mol)
    hidden.ReplaceAtom(0, Chem.Atom(0))
    score, without = fitted.decision_function([form, Chem.MolToSmiles(hidden)])
    with profiles.forgotten():
        (structure,) = fitted.decision_function([form])
    assert abs(structure - score) > 1e-3
    assert atoms[0] == pytest.approx(structure - without, abs=1e-5)


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_the_domain_knows_training_molecules(with_domain: Model, tmp_path: Path) -> None:
    fitted = FewShotClassifier(with_domain).fit(KNOWN["smiles"], KNOWN["label"])
    trained = drug_mechanisms("train")["smiles"].unique()
    table = fitted.applicability(
        [*trained, "[SiH3][SiH2][SiH3]", "no molecule", KNOWN["smiles"].iloc[3]]
    )
    np.testing.assert_allclose(table["nearest_training"][: len(trained)], 1)
    assert table["in_domain"][: len(trained)].all()
    strange, none, known = (table.iloc[i] for i in (-3, -2, -1))
    assert not strange["in_domain"]
    assert strange["nearest_training"] < 0.2
    assert none.isna().tolist() == [False, True, True, True]
    assert none["nearest_support"] == ""
    assert known["in_domain"]
    assert known["nearest_support"] == KNOWN["smiles"].iloc[3]
    domain = with_domain.domain
    assert domain is not None
    assert 0.05 < domain.threshold < 0.5
    domain.save(tmp_path)
    again = Domain.load(tmp_path)
    assert again is not None
    np.testing.assert_array_equal(again.packed, domain.packed)
    (tmp_path / DOMAIN).write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"domain\.npy"):
        Domain.load(tmp_path)


def test_five_in_a_hundred_training_molecules_would_lie_outside() -> None:
    """Of training molecules that the sample had not held, about the share `SHARE`."""
    frame = drug_mechanisms("train")
    rng = np.random.default_rng(0)
    drugs = rng.permutation(frame["smiles"].unique())
    half = frame[frame["smiles"].isin(drugs[::2])]
    domain = Domain.sample(AssayStore.from_frame(half))
    other = AssayStore.from_frame(frame[~frame["smiles"].isin(drugs[::2])])
    outside = (domain.nearest(other.fingerprints) < domain.threshold).mean()
    assert 0.0 < outside < 0.15
