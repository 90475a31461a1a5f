"""Learning across assays: MAML, the learner, the trainer and its runs."""

from molmeta.meta.adapted import Adapted
from molmeta.meta.inner import MAML
from molmeta.meta.learner import Learner
from molmeta.meta.run import LoadedModel, load_model, train
from molmeta.meta.scorer import Scorer

__all__ = ["MAML", "Adapted", "Learner", "LoadedModel", "Scorer", "load_model", "train"]
