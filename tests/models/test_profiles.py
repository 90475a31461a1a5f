"""Activity profiles: which molecules are known, and that products of profiles are kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import make_batch
from molmeta.errors import InputError
from molmeta.models import Columns, FingerprintEncoder
from molmeta.models.encoders import profiles as module
from molmeta.models.encoders.profiles import Profiles

SMILES = [
    "CCO", "CCN", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "CCCCCC",
    "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "OCC",
]  # fmt: skip
READS = ("fingerprints", "pairs", "descriptors")
BATCH = make_batch(
    featurize(SMILES, reads=["graphs", "fingerprints", "pairs", "descriptors"]),
    np.arange(len(SMILES)),
    READS,
)
N_KNOWN = 5  # caffeine is the last of them


def labels_of(n_assays: int, density: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    measured = random.random((N_KNOWN, n_assays)) < density
    molecules, assays = np.nonzero(measured)
    return molecules, assays, random.integers(0, 2, len(molecules)).astype(np.float32)


def remembered(width: int, n_assays: int = 20, density: float = 1.0, sketched: int = 0) -> Profiles:
    profiles = Profiles(width, pairs=True, sketched=sketched)
    profiles.remember(profiles.key(BATCH)[:N_KNOWN], *labels_of(n_assays, density))
    return profiles


def expected(n_assays: int, density: float = 1.0) -> Tensor:
    """Products of profiles as they are defined."""
    molecules, assays, labels = labels_of(n_assays, density)
    whole = np.zeros((N_KNOWN, n_assays))
    for molecule, assay, label in zip(molecules, assays, labels, strict=True):
        whole[molecule, assay] = label - labels[assays == assay].mean()
    scaled = whole / np.sqrt((whole**2).sum(1, keepdims=True) + 2)
    return torch.from_numpy(scaled @ scaled.T).float()


@pytest.mark.parametrize("density", [1.0, 0.8])
def test_products_are_those_of_the_labels(density: float) -> None:
    profile = remembered(8, density=density)(BATCH)
    assert profile.shape == (len(SMILES), 8)
    known = profile[:N_KNOWN]
    torch.testing.assert_close(known @ known.T, expected(20, density), atol=1e-5, rtol=1e-4)
    assert not profile[N_KNOWN:8].any()


def test_fewer_columns_keep_the_first_axes() -> None:
    known = remembered(2)(BATCH)[:N_KNOWN]
    strengths, axes = torch.linalg.eigh(expected(20))
    nearest = (axes[:, -2:] * strengths[-2:]) @ axes[:, -2:].T
    torch.testing.assert_close(known @ known.T, nearest, atol=1e-5, rtol=1e-4)


def test_a_molecule_is_known_however_it_is_written_and_with_other_molecules() -> None:
    profiles = remembered(8)
    profile = profiles(BATCH)
    assert torch.equal(profile[8], profile[0])  # ethanol twice
    keys = profiles.key(BATCH)
    assert keys[6] == keys[7]  # stereoisomers
    assert len(keys.unique()) == len(SMILES) - 2
    alone = make_batch(
        featurize(["OCC"], reads=["graphs", "fingerprints", "pairs", "descriptors"]),
        np.array([0]),
        READS,
    )
    assert torch.equal(profiles(alone)[0], profile[0])


def test_stereoisomers_are_one_molecule_of_mean_labels() -> None:
    """Of the two alanines: told apart they would count twice."""
    labels = np.arange(16).reshape(2, 8) % 3 == 0  # of another molecule, and of one alanine
    measured = np.concatenate([labels.ravel(), labels[1]]).astype(np.float32)
    assays, molecules = np.tile(np.arange(8), 3), np.repeat([0, 6, 7], 8)
    profiles = Profiles(4, pairs=True)
    profiles.remember(profiles.key(BATCH), molecules, assays, measured)
    assert len(profiles) == 2
    fraction = np.bincount(assays, measured) / 3
    whole = labels[1] - fraction
    length = (whole**2).sum()
    both = profiles(BATCH)[[6, 7]]
    torch.testing.assert_close(both[0], both[1])
    assert float(both[0] @ both[0]) == pytest.approx(length / (length + 2), abs=1e-5)


def test_few_labels_are_not_worth_knowing_and_the_most_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(remembered(8, n_assays=7)) == 0
    assert not remembered(8, n_assays=7)(BATCH).any()
    counts = np.bincount(labels_of(20, 0.8)[0])
    monkeypatch.setattr(module, "_MOST", 2)
    profiles = remembered(8, density=0.8)
    keys = profiles.key(BATCH)[:N_KNOWN]
    assert set(profiles.keys.tolist()) == set(keys[np.argsort(-counts)[:2]].tolist())


def test_they_are_saved_with_the_encoder() -> None:
    settings: dict[str, Any] = {"dim": 6, "hidden": 8, "sketch": 4, "profile": 3, "pairs": True}
    encoder, other = (FingerprintEncoder(**settings).eval() for _ in range(2))
    assert encoder.columns == Columns(vector=6, sketch=4, profile=3)
    assert encoder(BATCH).shape == (len(SMILES), 13)
    assert not encoder(BATCH)[:, 10:].any()
    assert encoder.profiles is not None
    encoder.profiles.remember(encoder.profiles.key(BATCH)[:N_KNOWN], *labels_of(20))
    assert encoder(BATCH)[:N_KNOWN, 10:].any()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(BATCH), encoder(BATCH))
    with pytest.raises(RuntimeError, match="size mismatch"):
        FingerprintEncoder(**{**settings, "profile": 5}).load_state_dict(encoder.state_dict())
    with pytest.raises(RuntimeError, match="size mismatch"):
        other.load_state_dict({**encoder.state_dict(), "profiles.rows": torch.zeros(0, 3)})


def test_forgotten_within_forgotten() -> None:
    profiles = remembered(8)
    with profiles.forgotten():
        with profiles.forgotten():
            assert not profiles(BATCH).any()
        assert not profiles(BATCH).any()
    assert profiles(BATCH).any()


def test_products_of_few_labels_are_those_of_the_labels() -> None:
    """With columns enough that no two assays share one."""
    profiles = remembered(256, n_assays=7, sketched=255)
    assert profiles.few is not None
    assert len(profiles) == len(profiles.few) == N_KNOWN
    assert not len(profiles.keys)
    known = profiles(BATCH)[:N_KNOWN]
    torch.testing.assert_close(known @ known.T, expected(7), atol=1e-5, rtol=1e-4)
    assert not profiles(BATCH)[N_KNOWN:8].any()
    assert torch.equal(profiles(BATCH)[8], known[0])  # ethanol twice


def test_few_and_many_labels_share_no_column() -> None:
    profiles = remembered(256, n_assays=12, density=0.65, sketched=240)
    many = np.bincount(labels_of(12, 0.65)[0]) >= 8
    assert 0 < many.sum() < N_KNOWN
    known = profiles(BATCH)[:N_KNOWN]
    assert not known[many][:, 16:].any()
    assert not known[~many][:, :16].any()
    same = torch.from_numpy(many[:, None] == many)
    whole = expected(12, 0.65) * same
    torch.testing.assert_close(known @ known.T, whole, atol=1e-5, rtol=1e-4)


def test_assays_that_share_a_column_are_added_up_with_their_signs() -> None:
    profiles = remembered(3, n_assays=7, sketched=2)
    wide = remembered(256, n_assays=7, sketched=255)
    for sketch, spread in zip(
        profiles(BATCH)[:N_KNOWN, 1:], wide(BATCH)[:N_KNOWN, 1:], strict=True
    ):
        torch.testing.assert_close(sketch, spread.reshape(-1)[:254].view(-1, 2).sum(0))


def test_few_labels_are_saved_and_forgotten_too() -> None:
    settings: dict[str, Any] = {
        "dim": 6,
        "hidden": 8,
        "profile": 5,
        "profile_sketch": 3,
        "pairs": True,
    }
    encoder, other = (FingerprintEncoder(**settings).eval() for _ in range(2))
    assert encoder.profiles is not None
    encoder.profiles.remember(encoder.profiles.key(BATCH)[:N_KNOWN], *labels_of(7))
    assert encoder(BATCH)[:N_KNOWN, 8:].any()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(BATCH), encoder(BATCH))
    with encoder.profiles.forgotten():
        assert not encoder(BATCH)[:, 6:].any()


def test_a_sketch_as_wide_as_the_profile_is_refused() -> None:
    with pytest.raises(InputError, match=r"encoder\.profile_sketch: 3; expected less than"):
        Profiles(3, sketched=3)
