"""The job of a run, which its stages do one after the other."""

import math
from dataclasses import dataclass
from pathlib import Path

from molmeta.episodes.sampler import EpisodeSampler
from molmeta.learning.learner import Learner
from molmeta.runs.recipe import Recipe
from molmeta.training.division import Division
from molmeta.training.loop import Control
from molmeta.training.teacher import Teacher
from molmeta.training.validation import Validation


@dataclass
class Job:
    """The job of a run: every stage is handed it, and leaves its learner further trained.

    Attributes:
        recipe: Its settings.
        learner: Trained in place.
        assays: The training assays.
        episodes: Those of meta-training.
        validation: Its assays choose the checkpoint; none keep the last.
        run: The run folder.
        control: How the caller steers the run.
        centre: Whether the projection is new, and is to be centred on the training molecules.
        teacher: What the encoder learns beside labels in pre-training; None for these alone.
        score: The validation score of the run's model, once there is one.
    """

    recipe: Recipe
    learner: Learner
    assays: Division
    episodes: EpisodeSampler
    validation: Validation
    run: Path
    control: Control
    centre: bool
    teacher: Teacher | None = None
    score: float = math.nan
