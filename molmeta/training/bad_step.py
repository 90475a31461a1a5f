"""The episodes of a training step that went wrong, as a table that a person can read."""

from pathlib import Path

import pandas as pd

from molmeta.episodes.sampler import EpisodeSampler
from molmeta.resources import write_atomically


def save_episodes(file: Path, sampler: EpisodeSampler, step: int, n_episodes: int) -> None:
    """Write the episodes of a training step as CSV, a row a molecule.

    Columns: step, episode, assay, role (support or query), smiles, label. Episodes are a function
    of the seed and the step, so that they need not have been kept.

    Args:
        file: Where to write, whole or not at all.
        sampler: Of the run.
        step: Of training, from 0.
        n_episodes: Episodes of the step.
    """
    parts = []
    for number in range(n_episodes):
        assay, draw = sampler.draw(step, number)
        for role, rows in (("support", draw.support), ("query", draw.query)):
            molecules = assay.molecules[rows]
            part = pd.DataFrame(
                {
                    "smiles": [sampler.store.smiles[int(molecule)] for molecule in molecules],
                    "label": assay.labels[rows],
                }
            )
            parts.append(part.assign(step=step, episode=number, assay=assay.id, role=role))
    columns = ["step", "episode", "assay", "role", "smiles", "label"]
    with write_atomically(file) as temporary:
        pd.concat(parts)[columns].to_csv(temporary, index=False)
