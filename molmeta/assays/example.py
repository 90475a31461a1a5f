"""The first example: the bundled drugs as files for the program, and a recipe to start from."""

import shutil
from pathlib import Path

import pandas as pd

from molmeta.assays.drug_mechanisms import drug_mechanisms
from molmeta.errors import InputError
from molmeta.resources import replace_folder, share_path

_MECHANISM = "fluoroquinolone"  # the test assay of support.csv and library.csv
_N_SUPPORT_EACH = 4


def write_example(folder: Path) -> dict[str, str]:
    """Write the example's files.

    >>> list(write_example(Path("first")))
    ['train.csv', 'valid.csv', 'test.csv', 'support.csv', 'library.csv', 'recipe.yaml']

    Args:
        folder: New or empty.

    Returns:
        The content of each file, by its name.

    Raises:
        InputError: If the folder is not empty.
    """
    if folder.exists() and (folder.is_file() or any(folder.iterdir())):
        raise InputError.of(
            f"output folder {folder}", got="something already there", expected="a new folder"
        )
    files = {}
    support, library = _new_assay()
    with replace_folder(folder) as new:
        for split in ("train", "valid", "test"):
            assays = drug_mechanisms(split).drop(columns="split")
            named = assays.rename(columns={"assay": "assay_id", "label": "active"})
            named.to_csv(new / f"{split}.csv", index=False)
            files[f"{split}.csv"] = f"{named['assay_id'].nunique()} assays, {len(named)} rows"
        support.to_csv(new / "support.csv", index=False)
        library.to_csv(new / "library.csv", index=False)
        shutil.copyfile(share_path("configs") / "demo.yaml", new / "recipe.yaml")
    return files | {
        "support.csv": f"{len(support)} labelled molecules of one test assay, {_MECHANISM}",
        "library.csv": f"{len(library)} other drugs of the test assays, to be ranked",
        "recipe.yaml": "a small recipe",
    }


def _new_assay() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a support set of as many actives as inactives; give the fold's other drugs too."""
    drugs = drug_mechanisms("test").query("label == 1")[["name", "smiles", "assay"]]
    drugs = drugs.rename(columns={"assay": "mechanism"}).sample(frac=1, random_state=0)
    active = drugs["mechanism"] == _MECHANISM
    chosen = pd.concat([drugs[active][:_N_SUPPORT_EACH], drugs[~active][:_N_SUPPORT_EACH]])
    support = chosen.assign(active=(chosen["mechanism"] == _MECHANISM).astype(int))
    return support, drugs.drop(chosen.index)
