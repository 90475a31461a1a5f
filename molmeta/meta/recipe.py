"""From a recipe (YAML sections) to a learner: where the parts' names become objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from molmeta.config import Recipe, Registry, resolve, unknown
from molmeta.errors import InputError
from molmeta.meta.inner import MAML
from molmeta.meta.learner import Learner
from molmeta.meta.pretrain import Pretrainer
from molmeta.meta.trainer import Trainer
from molmeta.models import ENCODERS, HEADS, Context, KnownAssays
from molmeta.models.aliases import today
from molmeta.models.encoder import as_encoder
from molmeta.models.head import as_head

_REGISTRIES: dict[str, Registry] = {"encoder": ENCODERS, "head": HEADS}
_DEFAULT_NAMES = {"encoder": "gine", "head": "matching"}
_PLAIN = {
    "context": Context,
    "inner": MAML,
    "known_assays": KnownAssays,
    "learner": Learner,
    "pretraining": Pretrainer,
    "training": Trainer,
}
SECTIONS = (*_REGISTRIES, *_PLAIN)


def foreign_parts(recipe: Mapping[str, Any]) -> list[str]:
    """What a recipe would import that is not molmeta's own: "package.module:Class of encoder", …

    `Registry.find` imports a name with a colon. A part may hand on a name that its settings hold,
    as `hybrid` does its graph encoder's, so every text in the sections of parts counts.
    """
    return [
        f"{text} of {section}"
        for section in _REGISTRIES
        for text in _texts(recipe.get(section))
        if ":" in text
    ]


def resolve_recipe(recipe: Mapping[str, Any]) -> Recipe:
    """Check every section and fill in the defaults of the parts that it names.

    Raises:
        InputError: An unknown section, part or key, or a value of another type.
    """
    if not isinstance(recipe, Mapping):
        raise InputError.of("recipe", got=repr(recipe), expected="a mapping of sections")
    recipe = today(recipe)
    for section in recipe:
        if section not in SECTIONS:
            raise unknown("section of the recipe", str(section), SECTIONS)
    resolved: Recipe = {}
    for section, registry in _REGISTRIES.items():
        name, given = _named(section, recipe.get(section) or {})
        resolved[section] = {"name": name, **resolve(registry.find(name), given, section)}
    for section, factory in _PLAIN.items():
        given = recipe.get(section) or {}
        if not isinstance(given, Mapping):
            raise InputError.of(
                f"recipe section {section}", got=repr(given), expected="a mapping of settings"
            )
        resolved[section] = resolve(factory, given, section)
    for name in ("inner", "context", "known_assays"):
        del resolved["learner"][name]  # each has a section of its own
    return resolved


def build_learner(recipe: Mapping[str, Any]) -> Learner:
    """The untrained learner of a resolved recipe; its weights come from torch's generator.

    Raises:
        InputError: If a part cannot be built.
    """
    parts = {}
    for section, registry in _REGISTRIES.items():
        name, settings = _named(section, recipe[section])
        try:
            parts[section] = registry.find(name)(**settings)
        except InputError:
            raise
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError.of(
                f"{section} {name!r} cannot be built with {settings}", got=str(error)[:300]
            ) from error
    encoder, head = as_encoder(parts["encoder"]), as_head(parts["head"])
    context = Context(**recipe["context"]) if recipe["context"]["blocks"] else None
    known = None
    if recipe["known_assays"]["rank"]:
        known = KnownAssays(encoder.columns.width("vector"), **recipe["known_assays"])
    return Learner(
        encoder,
        head,
        MAML(**recipe["inner"]),
        context,
        known,
        **recipe["learner"],
    )


def _named(section: str, given: Any) -> tuple[str, dict[str, Any]]:
    """The part's name and its settings; a bare name stands for a mapping."""
    if isinstance(given, str):
        return given, {}
    if not isinstance(given, Mapping):
        raise InputError.of(
            f"recipe section {section}", got=repr(given), expected="a name or a mapping"
        )
    settings = dict(given)
    name = settings.pop("name", _DEFAULT_NAMES[section])
    if not isinstance(name, str):
        raise InputError.of(f"recipe value {section}.name", got=repr(name), expected="a text")
    return name, settings


def _texts(value: object) -> Iterator[str]:
    """Every text in a value read from JSON or YAML, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in (*value.keys(), *value.values()):
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
