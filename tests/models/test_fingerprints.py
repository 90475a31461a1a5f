"""What is read of counts and descriptors: quantile scale, sketch, pairs, and both encoders."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor, nn
from torch.nn import functional

from molmeta.assays import drug_mechanisms
from molmeta.chem.descriptors import DESCRIPTORS
from molmeta.chem.featurize import featurize
from molmeta.chem.fingerprint import tanimoto
from molmeta.episodes.batch import make_batch
from molmeta.errors import InputError
from molmeta.models import ENCODERS, Columns, FingerprintEncoder, Hybrid
from molmeta.models.encoders.properties import Properties
from molmeta.models.encoders.quantiles import N_KNOTS, QuantileScale
from molmeta.models.encoders.sketch import Sketch
from molmeta.testing import check_encoder

READS = ("graphs", "fingerprints", "pairs", "descriptors")
OTHERS = ("fingerprint", "hybrid", "joined")
GRAPH_ENCODERS = [name for name in ENCODERS.names() if name not in OTHERS]
SMALL: dict[str, Any] = {"dim": 8, "hidden": 12}
DRUGS = drug_mechanisms("test")["smiles"].unique()[:60].tolist()
FEATURES: Any = featurize(DRUGS, reads=["graphs", "fingerprints", "pairs", "descriptors"])
BATCH = make_batch(FEATURES, np.arange(len(DRUGS)), READS)


def fitted(values: Tensor) -> QuantileScale:
    scale = QuantileScale(values.shape[1])
    scale.fit(values)
    return scale


def samples() -> Tensor:
    """Columns with a tail, of few distinct values, and mostly zero."""
    rng = np.random.default_rng(0)
    columns = [
        rng.lognormal(0, 2, 4000), rng.poisson(2, 4000), rng.binomial(3, 0.1, 4000) * 0.25
    ]  # fmt: skip
    return torch.from_numpy(np.stack(columns, 1)).float()


def test_ranks_are_those_of_scipy_and_scikit_learn() -> None:
    values = samples()
    ranks = fitted(values)(values).numpy() / 12**0.5 + 0.5
    scipy = (rankdata(values, axis=0) - 0.5) / len(values)  # equal values: the mean of their ranks
    sklearn = QuantileTransformer(n_quantiles=N_KNOTS, subsample=None).fit_transform(values)
    assert np.abs(ranks - scipy).max() < 1 / (N_KNOTS - 1)
    inside = (values > values.min(0).values) & (values < values.max(0).values)
    assert np.abs(ranks - sklearn)[inside.numpy()].max() < 1 / (N_KNOTS - 1)


def test_scaled_values_have_mean_zero_and_variance_one() -> None:
    values = samples()[:, :1]
    scaled = fitted(values)(values)
    assert abs(scaled.mean()) < 0.01
    assert abs(scaled.var() - 1) < 0.02
    low, high = fitted(values)(torch.tensor([[-1e30], [1e30]])).flatten().tolist()
    assert (low, high) == pytest.approx((-(3**0.5), 3**0.5))


def test_nan_does_not_count_and_becomes_zero() -> None:
    values = samples()
    holes = torch.rand(values.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    # A column without its NaN, repeated to the same length: the same distribution.
    with_holes = values.masked_fill(holes, torch.nan)
    scaled = fitted(with_holes)(with_holes)
    assert not scaled[holes].any()
    for column in range(values.shape[1]):
        kept = values[~holes[:, column], column, None]
        torch.testing.assert_close(scaled[~holes[:, column], column, None], fitted(kept)(kept))


def test_a_constant_column_and_one_of_nan_alone_say_nothing() -> None:
    values = torch.stack([torch.full((50,), 3.7), torch.full((50,), torch.nan)], 1)
    scale = fitted(values)
    assert not scale(values).any()
    assert scale(torch.randn(4, 2)).isfinite().all()
    assert scale(values[:0]).shape == (0, 2)


def test_sketch_estimates_the_tanimoto_similarity() -> None:
    """At width 256: no bias, a root mean square error below 0.05, and none above 0.2."""
    pairs = ~torch.eye(len(DRUGS), dtype=torch.bool)
    exact = tanimoto(FEATURES.fingerprints, FEATURES.fingerprints)
    error = (_similarity(Sketch(256)) - torch.from_numpy(exact))[pairs]
    assert abs(error.mean()) < 0.01
    assert error.square().mean().sqrt() < 0.05
    assert error.abs().max() < 0.2
    # Counts above four are cut; but for that, sixteen times the width is a quarter of the error.
    cut = FEATURES.fingerprints.minimum(FEATURES.fingerprints.sign() * 4)
    squares = [
        (_similarity(Sketch(width)) - torch.from_numpy(tanimoto(cut, cut)))[pairs].square().mean()
        for width in (256, 4096)
    ]
    assert squares[1] < squares[0] / 8
    torch.testing.assert_close(_similarity(Sketch(16)).diagonal(), torch.ones(len(DRUGS)))


def _similarity(sketch: Sketch) -> Tensor:
    vectors = sketch(BATCH)
    shared = vectors @ vectors.T
    sizes = vectors.square().sum(-1)
    return shared / (sizes.unsqueeze(1) + sizes - shared)


def test_signs_of_the_sketch_never_change() -> None:
    """They are not in checkpoints: another version of numpy or molmeta has to draw the same."""
    sketch = Sketch(16)
    assert "signs" not in sketch.state_dict()
    sums = (sketch.signs * 4).round().to(torch.int8).numpy()
    assert hashlib.sha256(sums.tobytes()).hexdigest()[:16] == "83b6a2c2d854ba1a"


def test_sketch_of_counts_one_to_many_is_the_sum_of_signs() -> None:
    sketch = Sketch(8)
    batch = BATCH.clone()
    batch.fp_columns = torch.tensor([5, 5, 5, 5, 5])
    batch.fp_counts = torch.tensor([1.0, 2, 3, 4, 200])
    batch.fp_offsets = torch.arange(5)
    sums = sketch(batch)
    ones = torch.diff(sums[:4], dim=0, prepend=torch.zeros(1, 8)) * 8**0.5
    torch.testing.assert_close(ones.abs(), torch.ones(4, 8))
    assert torch.equal(sums[4], sums[3])


def test_rare_environments_count_more_in_a_fitted_sketch() -> None:
    """Products are those of counts whose columns have scikit-learn's smoothed idf, less its one."""
    sketch = Sketch(4096)
    sketch.fit(BATCH)
    counts = FEATURES.fingerprints.astype(np.float64)
    weights = torch.from_numpy(TfidfTransformer().fit(counts).idf_ - 1).float()
    torch.testing.assert_close(sketch.weights, weights, rtol=1e-4, atol=1e-6)
    at_most = torch.from_numpy(counts.toarray()).float().clamp(max=4)
    shared = (torch.minimum(at_most.unsqueeze(1), at_most) * weights).sum(-1)
    vectors = sketch(BATCH)
    assert (vectors @ vectors.T - shared).abs().max() < 0.1 * shared.max()


def make(**settings: Any) -> FingerprintEncoder:
    torch.manual_seed(0)
    encoder = FingerprintEncoder(**{**SMALL, **settings}).eval()
    encoder.fit_inputs(BATCH)
    return encoder


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"layers": 3},
        {"sketch": 4},
        {"dropout": 0.0},
        {"pairs": True},
        {"profile": 3},
        {"properties": 3},
    ],
)
def test_fingerprint_encoder_obeys_every_law(settings: dict[str, Any]) -> None:
    check_encoder(make(**settings))


def test_fingerprint_encoder_is_its_formula() -> None:
    encoder = make(layers=2, sketch=4)
    counts = torch.from_numpy(FEATURES.fingerprints.toarray()).float().log1p()
    x = counts @ encoder.environments + encoder.descriptors(encoder.scale(BATCH.descriptors))
    x = functional.silu(encoder.norm(x))
    x = x + encoder.blocks[0](x)
    expected = encoder.final_norm(encoder.last(x))
    vectors = encoder(BATCH)
    assert encoder.dim == 12
    torch.testing.assert_close(vectors[:, :8], expected)
    sketch = Sketch(4)
    sketch.fit(BATCH)
    assert torch.equal(vectors[:, 8:], sketch(BATCH))


def test_pairs_join_the_first_layer() -> None:
    encoder = make(pairs=True)
    assert encoder.pairs is not None
    counts, pairs = (
        torch.from_numpy(counted.toarray()).float().log1p()
        for counted in (FEATURES.fingerprints, FEATURES.pairs)
    )
    x = counts @ encoder.environments + pairs @ encoder.pairs
    x = functional.silu(encoder.norm(x + encoder.descriptors(encoder.scale(BATCH.descriptors))))
    vectors = encoder(BATCH)
    torch.testing.assert_close(vectors, encoder.final_norm(encoder.last(x)))
    (gradient,) = torch.autograd.grad(vectors.sin().sum(), encoder.pairs)
    reached = gradient.abs().sum(1) > 0
    assert torch.equal(reached, pairs.any(0))
    assert reached[:1024].any()
    assert reached[1024:].any()


def test_properties_are_the_last_columns() -> None:
    encoder = make(sketch=4, profile=2, properties=3)
    assert encoder.dim == 17
    ranks = encoder.scale(BATCH.descriptors)
    properties = Properties(len(DESCRIPTORS), 3)
    properties.fit(ranks)
    assert torch.equal(encoder(BATCH)[:, 14:], properties(ranks))


def test_other_weights_begin_the_same_with_pairs() -> None:
    without, with_pairs = make(layers=2, sketch=4), make(layers=2, sketch=4, pairs=True)
    assert without.reads == FingerprintEncoder.reads == {"fingerprints", "descriptors"}
    assert with_pairs.reads == {"fingerprints", "pairs", "descriptors"}
    expected, weights = without.state_dict(), with_pairs.state_dict()
    assert weights.keys() - expected.keys() == {"pairs"}
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


def test_what_the_inputs_were_fitted_to_travels_with_the_weights() -> None:
    encoder, other = make(), FingerprintEncoder(**SMALL).eval()
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(BATCH), encoder(BATCH))
    median = np.nanmedian(FEATURES.descriptors, axis=0)
    middle = encoder.scale.knots[:, N_KNOTS // 2 - 1 : N_KNOTS // 2 + 1].numpy()
    assert (middle[:, 0] <= median + 1e-6).all()
    assert (median <= middle[:, 1] + 1e-6).all()
    assert encoder.scale.knots.shape == (len(DESCRIPTORS), N_KNOTS)


@pytest.mark.parametrize("graph", GRAPH_ENCODERS)
def test_hybrid_of_every_graph_encoder_obeys_every_law(graph: str) -> None:
    torch.manual_seed(0)
    settings = {"dim": 16, "layers": 1}
    beside = {"sketch": 4, "profile": 3, "profile_sketch": 1, "properties": 2}
    hybrid = ENCODERS.find("hybrid")(graph=graph, graph_settings=settings, **beside, **SMALL)
    assert hybrid.dim == 17
    check_encoder(hybrid)


def test_hybrid_reads_pairs_where_its_fingerprint_encoder_does() -> None:
    torch.manual_seed(0)
    hybrid = ENCODERS.find("hybrid")(graph_settings={"dim": 16, "layers": 1}, pairs=True, **SMALL)
    assert hybrid.reads == set(READS)
    assert Hybrid(hybrid.graph, make()).reads == {"graphs", "fingerprints", "descriptors"}
    check_encoder(hybrid)


def test_hybrid_is_the_sum_of_its_parts() -> None:
    torch.manual_seed(0)
    graph = ENCODERS.find("gine")(dim=16, layers=1)
    hybrid = Hybrid(graph, make(sketch=4, profile=2, properties=3), graph_scale=0.5).eval()
    assert hybrid.columns == Columns(vector=8, sketch=4, profile=2, properties=3)
    own = hybrid.fingerprint(BATCH)
    seen = functional.layer_norm(hybrid.projection(graph(BATCH)), (8,)) * 0.5
    expected = functional.layer_norm(own[:, :8] + seen, (8,))
    torch.testing.assert_close(hybrid(BATCH), torch.cat([expected, own[:, 8:]], -1))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"graph": "gin"}, "'gine'"),
        ({"graph_settings": {"dims": 3}}, r"key in encoder\.graph_settings.*'dim'"),
        ({"graph": "gatv2", "graph_settings": {"dim": 16, "heads": 3}}, r"encoder\.heads"),
    ],
)
def test_graph_parts_that_do_not_exist_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        ENCODERS.find("hybrid")(**SMALL, **settings)


@pytest.mark.parametrize(
    ("read", "given"),
    [
        ("fingerprints", ["graphs", "descriptors"]),
        ("pairs", ["graphs", "fingerprints"]),
        ("descriptors", ["graphs"]),
    ],
)
def test_molecules_without_what_is_read_are_refused(read: str, given: list[str]) -> None:
    features = featurize(["CCO", "CCN"], reads=given)
    with pytest.raises(InputError, match=f"reads {read}; got molecules.*without {read}"):
        make_batch(features, np.arange(2), (read,))


def test_sparse_and_dense_gradients_agree() -> None:
    encoder = make(layers=1)
    (sparse,) = torch.autograd.grad(encoder(BATCH).sin().sum(), encoder.environments)
    counts = torch.from_numpy(FEATURES.fingerprints.toarray()).float().log1p()
    x = counts @ encoder.environments + encoder.descriptors(encoder.scale(BATCH.descriptors))
    dense_vectors = encoder.final_norm(encoder.last(nn.functional.silu(encoder.norm(x))))
    (dense,) = torch.autograd.grad(dense_vectors.sin().sum(), encoder.environments)
    torch.testing.assert_close(sparse, dense, rtol=1e-4, atol=1e-5)


def test_input_dropout_acts_in_training_alone_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    encoder = FingerprintEncoder(**SMALL, dropout=0.0, input_dropout=0.5, pairs=True)
    encoder.fit_inputs(BATCH)
    plain = FingerprintEncoder(**SMALL, dropout=0.0, pairs=True)
    plain.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(encoder.eval()(BATCH), plain.eval()(BATCH), rtol=0, atol=0)
    encoder.train()
    for counts, read in (
        (BATCH.fp_counts, encoder._counts),
        (BATCH.pair_counts, encoder._pair_counts),
    ):
        whole = counts.log1p()
        drawn = torch.stack([read(BATCH).values for _ in range(400)])
        assert ((drawn == 0) | (drawn == 2 * whole)).all()
        assert (drawn.mean(0) - whole).norm() < 0.1 * whole.norm()
