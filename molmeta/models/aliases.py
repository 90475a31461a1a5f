"""Aliases: words of version 0.1 that files still use, for parameters and settings of recipes."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor

_PARAMETERS = (
    (r"^matcher\.head\.(attention|similarity\.base|similarity\.terms\.\w+)\b", "above.head"),
    (r"^matcher\.known_assays\b", "above.known"),
    (r"^matcher\b", "above"),
)
"""How a parameter's name begins, and how it began in version 0.1."""

_ADAPT = ((r"^above\.known\b", "matcher.known_assays"), (r"^above\b", "matcher"))
"""How names in `learner.adapt` began, and how they begin now."""

_GONE: dict[str, dict[str, object]] = {
    "context": {"memory": 0},
    "inner": {"multi_step": None, "recompute": None},
}
"""Settings that are gone, by section, with the value that a trained model must have; None: any."""


def renamed(saved: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Give saved tensors the names that a module has for them.

    A name that was not saved is looked for under its name in version 0.1; one that the module does
    not have, and that stands for none of its own, stays as it is.

    Args:
        saved: By the names that they were saved under.
        names: Those that the module has.
    """
    old = {name: _old(name) for name in names if name not in saved}
    used = {name for name in old.values() if name in saved}
    kept = {name: tensor for name, tensor in saved.items() if name not in used}
    return kept | {name: saved[before] for name, before in old.items() if before in saved}


def _old(name: str) -> str:
    """Name a parameter as version 0.1 did; slots of learned rates have slashes for dots."""
    prefix, separator = ("inner.log_ratios.", "/") if "/" in name else ("", ".")
    dotted = name.removeprefix(prefix).replace(separator, ".")
    for pattern, before in _PARAMETERS:
        dotted, n = re.subn(pattern, before, dotted)
        if n:
            break
    return prefix + dotted.replace(".", separator)


def today(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a recipe from the words of version 0.1."""
    learner = recipe.get("learner")
    if not isinstance(learner, Mapping) or "adapt" not in learner:
        return dict(recipe)
    adapt = learner["adapt"]
    names = [adapt] if isinstance(adapt, str) else adapt
    if isinstance(names, list | tuple):
        names = [_today(name) if isinstance(name, str) else name for name in names]
        adapt = names[0] if isinstance(adapt, str) else names
    return {**recipe, "learner": {**learner, "adapt": adapt}}


def _today(name: str) -> str:
    for pattern, now in _ADAPT:
        name = re.sub(pattern, now, name)
    return name


def without_gone(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Drop settings that are gone from the recipe of a trained model.

    A setting that the model needs stays, to be refused as unknown.
    """
    kept = dict(recipe)
    for section, gone in _GONE.items():
        if isinstance(kept.get(section), Mapping):
            kept[section] = {
                key: value
                for key, value in kept[section].items()
                if key not in gone or gone[key] not in (None, value)
            }
    return kept
