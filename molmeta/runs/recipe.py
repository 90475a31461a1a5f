"""Recipes: from sections of YAML to settings of the stages, and to a learner.

Where the names of encoders and heads become objects.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from molmeta.config import Registry, Sections, resolve, unknown
from molmeta.errors import InputError
from molmeta.learning.inner import MAML
from molmeta.learning.learner import Learner
from molmeta.models import ENCODERS, HEADS, Context, KnownAssays
from molmeta.models.aliases import today
from molmeta.models.encoder import as_encoder
from molmeta.models.head import as_head
from molmeta.runs.settings import Calibrating, Pretraining, Training

_REGISTRIES: dict[str, Registry] = {"encoder": ENCODERS, "head": HEADS}
_DEFAULT_NAMES = {"encoder": "gine", "head": "matching"}
_FACTORIES: dict[str, Callable[..., Any]] = {
    "context": Context,
    "inner": MAML,
    "known_assays": KnownAssays,
    "learner": Learner,
    "pretraining": Pretraining,
    "training": Training,
    "calibration": Calibrating,
}
SECTIONS = (*_REGISTRIES, *_FACTORIES)
_STAGES = ("pretraining", "training", "calibration")


@dataclass(frozen=True)
class Part:
    """An encoder or a head as a recipe names it.

    Attributes:
        name: Its registered name, or `package.module:Class`.
        factory: What has that name.
        settings: Keyword arguments of the factory.
    """

    name: str
    factory: Callable[..., Any]
    settings: Sections


@dataclass(frozen=True)
class Recipe:
    """A recipe whose every section is checked and complete.

    Attributes:
        encoder: The encoder.
        head: The head.
        context: Keyword arguments of `Context`; none is built for 0 blocks.
        inner: Of `MAML`.
        known_assays: Of `KnownAssays`; none is built for rank 0.
        learner: Of `Learner`.
        pretraining: Settings of the stage.
        training: Settings of the stage.
        calibration: Settings of the stage; None where the recipe does not ask for it.
    """

    encoder: Part
    head: Part
    context: Sections
    inner: Sections
    known_assays: Sections
    learner: Sections
    pretraining: Pretraining
    training: Training
    calibration: Calibrating | None = None

    @property
    def sections(self) -> Sections:
        """The recipe as `config.json` holds it; `resolve_recipe` reads it again."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        held |= {key: {"name": held[key].name, **held[key].settings} for key in _REGISTRIES}
        held |= {key: asdict(held[key]) for key in _STAGES if held[key] is not None}
        return {key: section for key, section in held.items() if section is not None}


def foreign_parts(recipe: Mapping[str, Any]) -> list[str]:
    """List what a recipe would import that is not molmeta's own.

    `Registry.find` imports a name with a colon. A part may hand on a name that its settings hold,
    as `hybrid` does its graph encoder's, so every text in the sections of parts counts.

    >>> foreign_parts({"encoder": {"name": "their.package:Net"}, "head": "matching"})
    ['their.package:Net of encoder']
    """
    return [
        f"{text} of {section}"
        for section in _REGISTRIES
        for text in _texts(recipe.get(section))
        if ":" in text
    ]


def resolve_recipe(recipe: Mapping[str, Any]) -> Recipe:
    """Check every section and fill in the defaults of the parts that it names.

    >>> resolve_recipe({"training": {"steps": 60}}).training.steps
    60
    >>> resolve_recipe({"training": {"step": 60}})
    Traceback (most recent call last):
    ...
    molmeta.errors.InputError: unknown key in training; got 'step'; expected one of ...

    Raises:
        InputError: An unknown section, part or key, or a value of another type.
    """
    if not isinstance(recipe, Mapping):
        raise InputError.of("recipe", got=repr(recipe), expected="a mapping of sections")
    recipe = today(recipe)
    for section in recipe:
        if section not in SECTIONS:
            raise unknown("section of the recipe", str(section), SECTIONS)
    resolved: dict[str, Any] = {}
    for section in SECTIONS:
        if section == "calibration" and recipe.get(section) is None:
            continue  # the one stage that is done only where a recipe names it
        name, given = _named(section, recipe.get(section) or {})
        registry = _REGISTRIES.get(section)
        factory = registry.find(name) if registry else _FACTORIES[section]
        settings = resolve(factory, given, section)
        if registry:
            resolved[section] = Part(name, factory, settings)
        else:
            resolved[section] = factory(**settings) if section in _STAGES else settings
    for name in ("inner", "context", "known_assays"):
        del resolved["learner"][name]  # each has a section of its own
    return Recipe(**resolved)


def build_learner(recipe: Recipe) -> Learner:
    """Build the untrained learner of a recipe; its weights come from torch's generator.

    >>> learner = build_learner(resolve_recipe({"encoder": {"name": "gine", "dim": 32}}))
    >>> learner.encoder.dim
    32

    Raises:
        InputError: If a part cannot be built.
    """
    parts = {}
    for section, part in (("encoder", recipe.encoder), ("head", recipe.head)):
        try:
            parts[section] = part.factory(**part.settings)
        except InputError:
            raise
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError.of(
                f"{section} {part.name!r} cannot be built with {part.settings}",
                got=str(error)[:300],
            ) from error
    encoder, head = as_encoder(parts["encoder"]), as_head(parts["head"])
    context = Context(**recipe.context) if recipe.context["blocks"] else None
    known = None
    if recipe.known_assays["rank"]:
        known = KnownAssays(encoder.columns.width("vector"), **recipe.known_assays)
    return Learner(encoder, head, MAML(**recipe.inner), context, known, **recipe.learner)


def _named(section: str, given: Any) -> tuple[str, dict[str, Any]]:
    """Split a part's name from its settings; a bare name stands for a mapping."""
    named = section in _REGISTRIES
    if named and isinstance(given, str):
        return given, {}
    if not isinstance(given, Mapping):
        expected = "a name or a mapping" if named else "a mapping of settings"
        raise InputError.of(f"recipe section {section}", got=repr(given), expected=expected)
    settings = dict(given)
    name = settings.pop("name", _DEFAULT_NAMES[section]) if named else section
    if not isinstance(name, str):
        raise InputError.of(f"recipe value {section}.name", got=repr(name), expected="a text")
    return name, settings


def _texts(value: object) -> Iterator[str]:
    """Find every text in a value read from JSON or YAML, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in (*value.keys(), *value.values()):
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
