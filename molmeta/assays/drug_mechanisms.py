"""The bundled data set: marketed drugs by mechanism, an assay a mechanism."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from molmeta.resources import share_path


def drug_mechanisms(
    split: str | None = None,
    *,
    n_inactive_per_active: int = 3,
    seed: int = 0,
    folder: Path | None = None,
) -> pd.DataFrame:
    """Read a row a measurement: columns split, assay, name, smiles, label.

    The drugs of a mechanism are its actives. Its inactives are drawn from the drugs of the other
    mechanisms of the same split, so that memory of training drugs earns nothing.

    >>> from molmeta.assays import drug_mechanisms
    >>> table = drug_mechanisms("test")
    >>> len(table), table["assay"].nunique(), table["name"][0]
    (332, 7, 'clotrimazole')

    Args:
        split: "train", "valid" or "test"; None for all three.
        n_inactive_per_active: How many inactives are drawn for each active, as far as there are.
        seed: Of the draw; a mechanism's draw depends on nothing but this and its split.
        folder: Where `drugs.csv` and `dataset.yaml` lie; None for the bundled ones.
    """
    folder = folder or share_path("datasets") / "drug_mechanisms"
    drugs = pd.read_csv(folder / "drugs.csv", keep_default_na=False)
    splits = yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))["splits"]
    frames: list[pd.DataFrame] = []
    for name in splits if split is None else [split]:
        fold = drugs[drugs["mechanism"].isin(splits[name])]
        for mechanism in splits[name]:
            active = fold[fold["mechanism"] == mechanism]
            others = fold[fold["mechanism"] != mechanism]
            rng = np.random.default_rng([seed, zlib.crc32(mechanism.encode())])
            n_inactive = min(len(others), n_inactive_per_active * len(active))
            inactive = others.iloc[np.sort(rng.permutation(len(others))[:n_inactive])]
            rows = pd.concat([active, inactive])[["name", "smiles"]]
            rows.insert(0, "split", name)
            rows.insert(1, "assay", mechanism)
            rows["label"] = [1] * len(active) + [0] * n_inactive
            frames.append(rows)
    return pd.concat(frames, ignore_index=True)
