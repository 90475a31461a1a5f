"""`molmeta split`: an assay store → a store a fold, and what the folds share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molmeta.errors import InputError
from molmeta_cli.console import say
from molmeta_cli.options import Output, Seed, shares

if TYPE_CHECKING:
    import pandas as pd

    from molmeta.assays import AssayStore
    from molmeta.assays.splits import Split


def split(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="A store that `featurize` wrote.")],
    output: Output,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="random|target|scaffold|molecule|isolated",
            help="What is drawn, or left to one fold alone.",
            show_default="random",
        ),
    ] = None,
    lists: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.json|NAME",
            help="Assay ids by fold; or a data set whose published folds to use.",
        ),
    ] = None,
    fractions: Annotated[
        str, typer.Option(help="Shares of train, valid and test.")
    ] = "0.8,0.1,0.1",
    seed: Seed = 0,
    targets: Annotated[
        Path | None, typer.Option(help="Table of assays' targets, for --by target.")
    ] = None,
) -> None:
    """Split a store's assays into folds, each a store in the folder -o."""
    import pandas as pd

    from molmeta.assays import AssayStore
    from molmeta.assays.audit import describe
    from molmeta.assays.splits import read_targets, split_assays, write_split

    if lists is not None and (by or targets):
        raise InputError.of("--lists", got="--by or --targets too", expected="the lists alone")
    if targets is not None and by != "target":
        raise InputError.of("--targets", got=f"--by {by or 'random'}", expected="--by target")
    parts = shares(fractions, "--fractions")
    whole = AssayStore.open(store)
    say(f"{store.name}: {describe(whole.audit_summary())}")
    if lists is not None:
        chosen = _listed(whole, lists)
    else:
        known = None if targets is None else read_targets(targets)
        chosen = split_assays(whole, by or "random", fractions=parts, seed=seed, targets=known)
    folds = write_split(whole, chosen, output)
    for name, fold in folds.items():
        n_kept = int(fold.assays["n_kept"].sum())
        say(f"{name}: {len(fold):,} assays, {fold.n_molecules:,} molecules, {n_kept:,} rows kept")
    _show_leakage(pd.read_csv(output / "leakage.csv"))


def _listed(store: AssayStore, lists: str) -> Split:
    """The split that a file gives, or that a data set is published with."""
    from molmeta.assays.catalog import find_card, published_splits
    from molmeta.assays.splits import split_by_lists

    if lists.endswith(".json") or Path(lists).exists():
        return split_by_lists(store, Path(lists))
    return split_by_lists(store, published_splits(find_card(lists), store.assay_ids))


def _show_leakage(report: pd.DataFrame) -> None:
    for row in report.to_dict("records"):
        say(
            f"{row['fold']} shares with {row['seen']}: {row['n_seen']:,} of its "
            f"{row['n_molecules']:,} molecules ({row['share_seen']:.1%}), the whole molecule set "
            f"of {row['n_same_sets']:,} of its {row['n_assays']:,} assays; nearest neighbour in "
            f"{row['seen']}: median similarity {row['nearest_median']:.2f}, "
            f"{row['nearest_above_0.7']:.0%} above 0.7"
        )
