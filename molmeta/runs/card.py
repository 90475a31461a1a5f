"""The model card in a run folder: its training assays, its score and its recipe."""

import json
from pathlib import Path

from molmeta import __version__
from molmeta.assays.record import AssayRecord
from molmeta.models.encoder import Encoder
from molmeta.resources import write_atomically
from molmeta.runs.recipe import Recipe

CARD = "README.md"


def write_card(
    run: Path, recipe: Recipe, seen: AssayRecord, score: float, encoder: Encoder
) -> None:
    """Write a run's card; `score` is its model's validation score."""
    settings, profiles = json.dumps(recipe.sections, indent=2), encoder.activity_profiles
    recalled = "" if profiles is None else f" It recalls what they found of {len(profiles)}."
    text = (
        f"# {run.name}\n\n"
        f"A molmeta {__version__} model, trained on {len(seen.digests)} assays "
        f"({len(seen.molecules)} distinct molecules).{recalled}\n\n"
        f"Mean ΔAUPRC on the validation assays: {score:.3f}.\n\n"
        f"Recipe:\n\n```json\n{settings}\n```\n"
    )
    with write_atomically(run / CARD) as temporary:
        temporary.write_text(text, encoding="utf-8")
