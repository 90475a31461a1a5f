"""molmeta: few-shot molecular activity prediction, with assays as tasks.

Names are imported when they are first used (PEP 562), so that `import molmeta` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.1"
__all__ = [
    "MAML",
    "AssayStore",
    "EncoderTransformer",
    "FewShotClassifier",
    "FewShotRegressor",
    "Learner",
    "load_encoder",
    "load_model",
]

if TYPE_CHECKING:
    from molmeta.assays.store import AssayStore
    from molmeta.learning.inner import MAML
    from molmeta.learning.learner import Learner
    from molmeta.predict.encoder import EncoderTransformer, load_encoder
    from molmeta.predict.estimators import FewShotClassifier
    from molmeta.predict.regressor import FewShotRegressor
    from molmeta.runs.model import load_model

_HOMES = {
    "AssayStore": "molmeta.assays.store",
    "EncoderTransformer": "molmeta.predict.encoder",
    "FewShotClassifier": "molmeta.predict.estimators",
    "FewShotRegressor": "molmeta.predict.regressor",
    "Learner": "molmeta.learning.learner",
    "MAML": "molmeta.learning.inner",
    "load_encoder": "molmeta.predict.encoder",
    "load_model": "molmeta.runs.model",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
