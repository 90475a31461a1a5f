"""Learning from a support set: MAML's inner loop, the learner, what it is once adapted."""

from molmeta.learning.adapted import Adapted
from molmeta.learning.inner import MAML
from molmeta.learning.learner import Learner
from molmeta.learning.scorer import Scorer

__all__ = ["MAML", "Adapted", "Learner", "Scorer"]
