"""Training: the stages of a run, and the loop that they share."""

from molmeta.training.calibrate import calibrate
from molmeta.training.train import train

__all__ = ["calibrate", "train"]
