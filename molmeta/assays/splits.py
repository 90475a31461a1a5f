"""Splits: assays in folds that train, validate and test, and the molecules that folds may share."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molmeta.assays.columns import ASSAY_NAMES, find_column, listed
from molmeta.assays.leakage import leakage
from molmeta.assays.lists import read_lists
from molmeta.assays.measurement import as_text
from molmeta.assays.part import part_of
from molmeta.assays.scaffolds import scaffold_numbers
from molmeta.assays.store import AssayStore
from molmeta.assays.tables import open_table
from molmeta.assays.write import write_store
from molmeta.errors import InputError
from molmeta.resources import replace_folder

FOLDS = ("train", "valid", "test")
FRACTIONS = (0.8, 0.1, 0.1)
METHODS = ("random", "target", "scaffold", "molecule", "isolated")
LISTS = "splits.json"
_ISOLATED = 2.0  # assays in which an isolated assay's molecules occur on average, at most
_ENOUGH = 64  # rows that an assay needs to be worth holding out
_TARGET_NAMES = ("target_id", "Target ChEMBL ID", "target", "target_name", "Target Name")


@dataclass(frozen=True)
class Split:
    """Assays in folds.

    >>> split = Split({"train": ["first"], "test": ["second"]}, molecules=np.array([0, 1, 1]))
    >>> split.allowed("test").tolist()
    [False, True, True]

    Attributes:
        assays: The assay ids of each fold; no assay is in two.
        molecules: The number of the fold to which each molecule of the store belongs, shape
            (n_molecules,); None where folds may share molecules.
    """

    assays: dict[str, list[str]]
    molecules: NDArray[np.int64] | None = None

    def allowed(self, fold: str) -> NDArray[np.bool_] | None:
        """Mark the molecules of the store that a fold may hold, shape (n_molecules,); None: all."""
        return None if self.molecules is None else self.molecules == list(self.assays).index(fold)


def split_assays(
    store: AssayStore,
    by: str = "random",
    *,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    targets: Mapping[str, str] | None = None,
) -> Split:
    """Split a store's assays into train, valid and test.

    - random: assays are drawn;
    - target: targets are drawn, with all their assays; an assay without one stands alone;
    - molecule, scaffold: assays are drawn, and a molecule (or all of one scaffold) that occurs in
      several folds is left to one of them, drawn with equal chances;
    - isolated: valid and test are drawn among assays of 64 kept rows or more whose molecules occur
      in fewer than two assays on average; test keeps all its molecules, valid loses those of test,
      and train loses those of both. It costs training the fewest rows, and holds out no panel
      that shares its molecules.

    >>> from molmeta.assays import drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("train"))
    >>> split = split_assays(store, by="molecule", fractions=(0.5, 0.25, 0.25))
    >>> {fold: len(ids) for fold, ids in split.assays.items()}
    {'train': 10, 'valid': 4, 'test': 4}

    Args:
        store: The assays.
        by: One of `METHODS`.
        fractions: The share of each fold, in assays or targets.
        seed: Of the draws.
        targets: The target of each assay id; by default those in the store.

    Raises:
        InputError: If `by` is unknown, no target is known, or a fold would be empty.
    """
    if by not in METHODS:
        raise InputError.of("--by", got=repr(by), expected=f"one of {', '.join(METHODS)}")
    rng = np.random.default_rng(seed)
    ids = store.assay_ids
    if by == "isolated":
        return _isolated(store, fractions, rng)
    groups = _targets(store, targets) if by == "target" else ids
    names = sorted(set(groups))
    fold_of_name = dict(zip(names, _draw_folds(len(names), fractions, rng), strict=True))
    fold_of_assay = np.array([fold_of_name[name] for name in groups])
    assays = {
        fold: [ids[i] for i in np.flatnonzero(fold_of_assay == number)]
        for number, fold in enumerate(FOLDS)
    }
    if by == "molecule":
        return Split(assays, _share_out(store, assays, store.identities, rng))
    if by == "scaffold":
        return Split(assays, _share_out(store, assays, scaffold_numbers(store), rng))
    return Split(assays)


def split_by_lists(store: AssayStore, lists: Path | Mapping[str, Sequence[str]]) -> Split:
    """Split by lists of assay ids, such as `fsmol-0.1.json`; other assays are left out.

    >>> from molmeta.assays import drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> lists = {"train": store.assay_ids[1:], "test": ["ace_inhibitor"]}
    >>> split_by_lists(store, lists).assays["test"]
    ['ace_inhibitor']

    Args:
        store: The assays; listed ones that it lacks are passed over.
        lists: Ids by fold, or a JSON file of them.

    Raises:
        InputError: If the file is no such object, a fold is empty, or an assay is in two.
    """
    given = read_lists(lists) if isinstance(lists, Path) else lists
    known = set(store.assay_ids)
    assays = {fold: [key for key in ids if key in known] for fold, ids in given.items()}
    counts = Counter(key for ids in assays.values() for key in ids)
    if twice := [key for key, n in counts.items() if n > 1]:
        raise InputError.of("lists", got=f"{listed(twice, 5)} more than once", expected="each once")
    for fold, ids in assays.items():
        if not re.fullmatch(r"\w[\w.-]*", fold):  # it becomes a folder
            raise InputError.of("lists", got=f"the fold {fold!r}", expected="a name such as train")
        if not ids:
            raise InputError.of(
                f"list {fold!r}",
                got=f"no assay of {store.path} ({listed(list(given[fold]), 3)})",
                expected=f"ids such as {listed(store.assay_ids, 3)}",
            )
    return Split(assays)


def write_split(store: AssayStore, split: Split, out: Path | str) -> dict[str, AssayStore]:
    """Write a split as a store a fold (`out`/train …), with `splits.json` and `leakage.csv`.

    >>> from molmeta.assays import drug_mechanisms
    >>> store = AssayStore.from_frame(drug_mechanisms("valid"))
    >>> write_split(store, split_assays(store, fractions=(0.6, 0.2, 0.2)), "split")["test"]
    AssayStore('split/test': 1 assays, 40 molecules)

    Args:
        store: The assays.
        split: Their folds.
        out: The folder, which appears whole or not at all; an earlier split is replaced.

    Returns:
        The folds' stores; a fold without assays has none.

    Raises:
        InputError: If `out` holds something that molmeta did not write.
    """
    assays = {fold: ids for fold, ids in split.assays.items() if ids}
    with replace_folder(out, mark=LISTS) as folder:
        for fold, ids in assays.items():
            write_store(folder / fold, part_of(store, ids, split.allowed(fold)))
        folds = {fold: AssayStore.open(folder / fold) for fold in assays}
        leakage(folds).to_csv(folder / "leakage.csv", index=False)
        (folder / LISTS).write_text(json.dumps(assays, indent=1) + "\n", encoding="utf-8")
    return {fold: AssayStore.open(Path(out) / fold) for fold in assays}


def read_targets(path: Path) -> dict[str, str]:
    """Read a table of targets: assay id → target, identifiers rather than names.

    >>> table = pd.DataFrame({"assay_id": ["first"], "target": ["CHEMBL203"]})
    >>> table.to_csv("targets.csv", index=False)
    >>> read_targets(Path("targets.csv"))
    {'first': 'CHEMBL203'}

    Raises:
        InputError: If the file cannot be read or lacks a column of assays or targets.
    """
    table = open_table(path)
    names = {}
    for what, known in (("assay", ASSAY_NAMES), ("target", _TARGET_NAMES)):
        name = find_column(table.columns, None, known, flag="", source=str(path))
        if name is None:
            raise InputError.of(
                f"targets {path}",
                got=f"the columns {listed(table.columns)}",
                expected=f"a column of {what}s: {', '.join(known)}",
            )
        names[what] = name
    rows = pd.concat(table.chunks())
    return dict(zip(as_text(rows[names["assay"]]), as_text(rows[names["target"]]), strict=True))


def _targets(store: AssayStore, targets: Mapping[str, str] | None) -> list[str]:
    if targets is None:
        targets = dict(zip(store.assay_ids, store.assays["target"], strict=True))
    if not any(targets.get(key) for key in store.assay_ids):
        raise InputError.of(
            f"targets of {store.path}", got="none", expected="a target for some assays"
        )
    return [targets.get(key) or f"assay {key}" for key in store.assay_ids]


def _draw_folds(n: int, fractions: Sequence[float], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the fold of each of n things."""
    return rng.permutation(np.repeat(np.arange(len(fractions)), _fold_sizes(n, fractions)))


def _fold_sizes(n: int, fractions: Sequence[float]) -> NDArray[np.int64]:
    """Divide n things among folds by exact shares, at least one where there is a share."""
    shares = np.array(fractions) / sum(fractions)
    sizes = np.maximum(np.round(shares * n), shares > 0).astype(np.int64)
    sizes[shares.argmax()] += n - sizes.sum()
    if sizes[shares.argmax()] < 1:
        raise InputError.of(
            "split",
            got=f"{n} assays or targets for folds of {', '.join(f'{f:g}' for f in fractions)}",
            expected="enough for at least one each",
        )
    return sizes


def _isolated(store: AssayStore, fractions: Sequence[float], rng: np.random.Generator) -> Split:
    """Split so that folds share no molecule, and earlier ones lose as few as can be."""
    names, number = np.unique(store.identities, return_inverse=True)
    parsed = [assay.molecules[assay.molecules >= 0] for assay in store]
    members = [np.unique(number[molecules]) for molecules in parsed]
    n_assays = np.bincount(np.concatenate(members), minlength=len(names))
    large = store.assays["n_kept"].to_numpy() >= _ENOUGH
    alone = np.array([n_assays[m].mean() < _ISOLATED if len(m) else False for m in members])
    candidates = rng.permutation(np.flatnonzero(large & alone))
    sizes = _fold_sizes(len(store), fractions)
    held_out = int(sizes[1:].sum())
    if not 0 < held_out <= min(len(candidates), len(store) - 1):
        raise InputError.of(
            "--by isolated",
            got=f"{held_out} assays to hold out, {len(candidates)} isolated ones",
            expected=f"no more than have {_ENOUGH} rows and molecules that few others have",
            fix="Give smaller fractions of valid and test, or split --by molecule.",
        )
    fold_of_assay = np.zeros(len(store), np.int64)
    fold_of_assay[candidates[:held_out]] = np.repeat([1, 2], sizes[1:])
    fold_of_group = np.zeros(len(names), np.int64)
    for i in np.argsort(fold_of_assay, kind="stable"):  # the last word has the last fold
        fold_of_group[members[i]] = fold_of_assay[i]
    ids = np.array(store.assay_ids)
    assays = {fold: ids[fold_of_assay == i].tolist() for i, fold in enumerate(FOLDS)}
    return Split(assays, fold_of_group[number])


def _share_out(
    store: AssayStore,
    assays: Mapping[str, Sequence[str]],
    groups: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw each molecule's fold, the same for a group, among the folds where it occurs."""
    number = np.unique(groups, return_inverse=True)[1]
    occurs = np.zeros((number.max(initial=-1) + 1, len(assays)), dtype=bool)
    for fold, ids in enumerate(assays.values()):
        for key in ids:
            molecules = store.assay(key).molecules
            occurs[number[molecules[molecules >= 0]], fold] = True
    chances = np.where(occurs, rng.random(occurs.shape), -1.0)
    fold_of_group: NDArray[np.int64] = chances.argmax(axis=1)
    return fold_of_group[number]
