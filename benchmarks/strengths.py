"""What a model would score if single strengths of its matcher were larger or smaller.

    python benchmarks/strengths.py MODEL STORE [--sizes 16,64] [--draws 3]

Each strength alone is multiplied by e^−.5 and e^.5, the profile's and the offset also by e and both
together; nothing is trained. Differences of mean ΔAUPRC from the model as it is, ± their standard
error over assays and draws. The scale of the head's log-odds is that of the known assays inverted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from molmeta.assays import AssayStore
from molmeta.learning import Scorer
from molmeta.metrics import delta_auprc
from molmeta.runs.model import load_model

STRENGTHS = {
    "noise": "head.attention.log_noise",
    "offset": "head.similarity.base.log_offset",
    "Tanimoto": "head.similarity.terms.sketch.log_tanimoto",
    "length": "head.similarity.terms.properties.log_length",
    "profile": "head.similarity.terms.profile.log_recall",
    "known assays": "known_assays.log_weight",
}
CHANGES: dict[str, dict[str, float]] = {"as it is": {}}
CHANGES |= {f"{name} {by:+}": {name: by} for name in STRENGTHS for by in (-0.5, 0.5)}
CHANGES |= {
    f"profile {a:+}, offset {b:+}": {"profile": a, "offset": b}
    for a, b in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (1.0, 1.0))
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model")
    parser.add_argument("store", type=Path)
    parser.add_argument("--sizes", default="16,64")
    parser.add_argument("--draws", type=int, default=3)
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    model, store = load_model(given.model), AssayStore.open(given.store)
    parameters = dict(model.learner.matcher.named_parameters())
    first = {name: parameters[path].item() for name, path in STRENGTHS.items()}
    scorer = Scorer(model.learner, store)
    found: dict[tuple[str, int], list[float]] = {(c, size): [] for c in CHANGES for size in sizes}
    for assay in store:
        molecules, labels = assay.molecules[assay.kept], assay.labels[assay.kept]
        for draw in range(given.draws):
            order = np.random.default_rng(draw).permutation(len(labels))
            for size in sizes:
                support, query = order[:size], order[size:]
                if len(set(labels[support])) < 2 or len(set(labels[query])) < 2:
                    continue
                for change, by in CHANGES.items():
                    for name, path in STRENGTHS.items():
                        torch.nn.init.constant_(parameters[path], first[name] + by.get(name, 0))
                    adapted = scorer.adapt(molecules[support], labels[support])
                    gain = delta_auprc(labels[query], scorer.score(adapted, molecules[query]))
                    found[change, size].append(gain)
    print("| |", " | ".join(f"{size} | ±" for size in sizes), "|")
    print("|---" * (1 + 2 * len(sizes)) + "|")
    for change in CHANGES:
        cells = []
        for size in sizes:
            gains, base = np.array(found[change, size]), np.array(found["as it is", size])
            error = (gains - base).std() / len(gains) ** 0.5
            told = (gains - base).mean() if change != "as it is" else gains.mean()
            cells += [f"{told:+.4f}", f"{error:.4f}"]
        print(f"| {change} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
