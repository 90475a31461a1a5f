"""`config.json` of a run folder: its recipe, its features, and what it was trained from."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from molmeta import __version__
from molmeta.chem.featurize import FEATURE_SPEC
from molmeta.chem.standardize import Standardizer
from molmeta.errors import InputError
from molmeta.models.aliases import without_gone
from molmeta.resources import write_json
from molmeta.runs.recipe import Recipe, foreign_parts, resolve_recipe

CONFIG = "config.json"
VERSION = 1
"""Of run folders: it grows when an earlier molmeta would read one wrongly."""


def save_config(
    run: Path,
    recipe: Recipe,
    form: Standardizer | None,
    init: str | None,
    data: Mapping[str, str | None],
) -> None:
    """Write the run's `config.json`, whole or not at all.

    Args:
        run: The run folder.
        recipe: Of the run.
        form: The standard form of the training molecules.
        init: The model that the run starts from.
        data: Digests of the assays, by role.
    """
    content = {
        "version": VERSION,
        "molmeta": __version__,
        "features": FEATURE_SPEC,
        "standardize": form.spec if form else None,
        "recipe": recipe.sections,
        "init": init,
        "data": data,
    }
    write_json(run / CONFIG, content)


def load_config(run: Path) -> dict[str, Any]:
    """Read the run's `config.json`.

    Raises:
        InputError: If `run` is not a run folder, or was made by a later molmeta or for other
            features.
    """
    file = run / CONFIG
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        features, recipe = config["features"], config["recipe"]
        if not isinstance(recipe, dict):
            raise TypeError(f"recipe: {recipe!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError.of(
            f"model {run}",
            got=f"a {CONFIG} that cannot be read ({error})" if file.is_file() else f"no {CONFIG}",
            expected="a run folder written by `molmeta train`",
        ) from None
    version = config.get("version", 1)  # which molmeta 0.1 did not write
    if version != VERSION:
        raise InputError.of(
            f"model {run}",
            got=f"a run folder of version {version}, by molmeta {config.get('molmeta')}",
            expected=f"version {VERSION} or none",
            fix="Install that molmeta, or a later one.",
        )
    if features != _plain(FEATURE_SPEC):
        raise InputError.of(
            f"model {run} reads other features",
            got=json.dumps(features, sort_keys=True),
            expected=json.dumps(FEATURE_SPEC, sort_keys=True),
            fix="Train it again, or use the version of molmeta that its config.json names.",
        )
    return {**config, "recipe": without_gone(recipe)}


def check_same(run: Path, recipe: Recipe, init: str | None, data: Mapping[str, str | None]) -> None:
    """Refuse to resume with another recipe, model or assays than the run began with.

    Raises:
        InputError: If one is another.
    """
    config = load_config(run)
    foreign, own = foreign_parts(config["recipe"]), foreign_parts(recipe.sections)
    if not set(foreign) <= set(own):  # the user's own recipe says what may be imported
        raise InputError.of(
            f"--resume of {run}: parts that are not molmeta's own",
            got=", ".join(own) or "none",
            expected=f"{', '.join(foreign)}, as the run began; nothing was imported",
        )
    began = _plain(resolve_recipe(config["recipe"]).sections)
    for section, settings in _plain(recipe.sections).items():
        for key, value in settings.items():
            if began.get(section, {}).get(key) != value:
                raise InputError.of(
                    f"--resume of {run}: {section}.{key}",
                    got=repr(value),
                    expected=f"{began.get(section, {}).get(key)!r}, as the run began",
                )
    if config.get("init", init) != init:  # runs of before say nothing of it
        raise InputError.of(
            f"--resume of {run}: --init",
            got=init or "none",
            expected=f"{config['init'] or 'none'}, as the run began",
        )
    for role, digest in data.items():
        if config.get("data", {}).get(role) != digest:
            raise InputError.of(
                f"--resume of {run}",
                got="other groups of assays" if role == "groups" else f"other {role} assays",
                expected="those the run began with",
            )


def _plain(content: Any) -> Any:
    """Convert to what JSON gives back: tuples become lists."""
    return json.loads(json.dumps(content))
