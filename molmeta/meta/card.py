"""The card that lies in a run folder: what the model was trained on, and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path

from molmeta import __version__
from molmeta.config import Recipe
from molmeta.meta.start import Seen
from molmeta.models.encoder import Encoder
from molmeta.resources import write_atomically


def write_card(file: Path, recipe: Recipe, seen: Seen, score: float, encoder: Encoder) -> None:
    """Write the card of the run in the file's folder, whose validation score is `score`."""
    settings, profiles = json.dumps(recipe, indent=2), encoder.activity_profiles
    recalled = "" if profiles is None else f" It recalls what they found of {len(profiles)}."
    text = (
        f"# {file.parent.name}\n\n"
        f"A molmeta {__version__} model, trained on {len(seen.assays)} assays "
        f"({len(seen.molecules)} distinct molecules).{recalled}\n\n"
        f"Mean ΔAUPRC on the validation assays: {score:.3f}.\n\n"
        f"Recipe:\n\n```json\n{settings}\n```\n"
    )
    with write_atomically(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
