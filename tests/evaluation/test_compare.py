"""Comparison of evaluations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.evaluation import Results, evaluate, make_baselines, read_results
from molmeta.evaluation.compare import compare, compare_folders, published, published_beside


@pytest.fixture(scope="module")
def folders(store: AssayStore, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("evaluations")
    for folder, names in (("one", ["constant", "gp"]), ("two", ["gp", "simsearch"])):
        evaluate(make_baselines(names), store, support_sizes=[8, 16], draws=3, out=root / folder)
    return [root / "one", root / "two"]


def test_methods_of_several_folders_are_paired_by_draw(folders: list[Path]) -> None:
    found = compare_folders(folders)
    assert found.results.summary["method"].unique().tolist() == ["constant", "gp", "simsearch"]
    assert len(found.paired) == 2 * 3
    row = found.paired.query("first == 'gp' and second == 'simsearch' and support_size == 16")
    draws = found.results.results.query("support_size == 16")
    table = draws.pivot_table(index="assay_id", columns="method", values="delta_auprc")
    gap = table["gp"] - table["simsearch"]
    assert row["difference"].item() == pytest.approx(gap.mean())
    assert row["low"].item() <= gap.mean() <= row["high"].item()
    assert row[["n_assays", "wins", "losses"]].values.tolist() == [
        [3, (gap > 0).sum(), (gap < 0).sum()]
    ]
    ranks = found.ranks.query("support_size == 16").set_index("method")["rank"]
    assert ranks.sum() == pytest.approx(1 + 2 + 3)
    assert ranks["constant"] > 2


def test_lower_is_better_for_an_error(folders: list[Path]) -> None:
    by_brier = compare_folders(folders[:1], "brier")
    row: Any
    (row,) = by_brier.paired.query("support_size == 16").itertuples()
    draws = by_brier.results.results.query("support_size == 16")
    table = draws.pivot_table(index="assay_id", columns="method", values="brier")
    assert row.difference == pytest.approx((table["constant"] - table["gp"]).mean())
    assert row.low <= row.difference <= row.high
    assert row.wins == (table["constant"] < table["gp"]).sum()


def test_the_same_name_with_other_settings_stays_apart(folders: list[Path]) -> None:
    found = read_results(folders[0])
    info = found.info | {"methods": dict.fromkeys(found.info["methods"], "changed")}
    both = compare({"old": found, "new": replace(found, info=info)})
    assert both.results.summary["method"].unique().tolist() == [
        "constant", "gp", "new/constant", "new/gp",
    ]  # fmt: skip
    assert both.paired.query("first == 'gp' and second == 'new/gp'")["difference"].eq(0).all()


def test_what_cannot_be_compared_is_refused(folders: list[Path], store: AssayStore) -> None:
    one = read_results(folders[0])
    other = evaluate(make_baselines(["gp"]), store, support_sizes=[8], protocol="random")
    with pytest.raises(InputError, match="protocol; got fsmol, random; expected one and the same"):
        compare({"one": one, "other": other})
    moved = replace(one, results=one.results.assign(draw="else"))
    with pytest.raises(InputError, match="different molecules for assay assay 0, support"):
        compare({"one": one, "moved": moved})
    with pytest.raises(InputError, match="metric; got mcc"):
        compare({"one": one}, "mcc")
    with pytest.raises(InputError, match="expected a folder written by `molmeta evaluate`"):
        compare_folders([folders[0] / "nothing"])


def test_published_figures_stand_beside_the_same_assays_only(folders: list[Path]) -> None:
    table = published("classification")
    forest = table[table["method"] == "random forest on ECFP"].set_index("support_size")["mean"]
    assert forest.to_dict() == {16: 0.098, 32: 0.130, 64: 0.168, 128: 0.218, 256: 0.261}
    assert set(published("regression")["n_assays"]) == {111, 43}
    ours = read_results(folders[0])
    assert not len(published_beside(ours))
    summary = ours.summary.assign(n_assays=np.where(ours.summary["support_size"] == 16, 157, 9))
    beside = published_beside(replace(ours, summary=summary))
    assert set(beside["support_size"]) == {16}
    other = Results(
        **{**vars(ours), "summary": summary, "info": ours.info | {"protocol": "random"}}
    )
    assert not len(published_beside(other))
