"""Baselines: what a support set says without any learning across assays.

They read ECFP counts, as FS-Mol's published baselines do, and see nothing but the support set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from molmeta.assays.store import AssayStore
from molmeta.chem.fingerprint import tanimoto
from molmeta.config import unknown
from molmeta.evaluation.protocol import Method, Scale, Task

Molecules = NDArray[np.int64]
Floats = NDArray[np.float64]
