"""Recipes: defaults come from signatures, mistakes get the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from molmeta.config import override, read_recipe
from molmeta.errors import InputError
from molmeta.resources import share_path
from molmeta.runs.recipe import build_learner, resolve_recipe


@pytest.mark.parametrize("name", sorted(path.stem for path in share_path("configs").glob("*.yaml")))
def test_every_recipe_builds(name: str) -> None:
    resolved = resolve_recipe(read_recipe(name))
    build_learner(resolved)
    assert resolve_recipe(resolved.sections) == resolved


def test_empty_recipe_is_all_defaults() -> None:
    resolved = resolve_recipe({})
    assert resolved.encoder.name == "gine"
    inner = resolved.inner
    assert (inner["steps"], inner["lr"], inner["order"], inner["rates"]) == (1, 0.05, 2, "fixed")


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"encoder": {"name": "gin"}}, "'gine'"),
        ({"encoder": {"dims": 64}}, "'dim'"),
        ({"trainning": {}}, "'training'"),
        ({"inner": {"order": 3}}, "inner.order"),
        ({"training": {"steps": "many"}}, "training.steps"),
        ({"training": 5}, "a mapping"),
        ({"encoder": {"name": "nowhere.to:Find"}}, "cannot be imported"),
        ({"pretraining": {"teacher": None}}, "teacher; got None; expected a valid string"),
    ],
)
def test_mistakes_are_explained(recipe: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolve_recipe(recipe)


def test_override_reads_yaml_values() -> None:
    recipe = override({"encoder": "gine"}, ["encoder.dim=32", "training.support_sizes=[8, 16]"])
    resolved = resolve_recipe(recipe)
    assert resolved.encoder.settings["dim"] == 32
    assert resolved.training.support_sizes == (8, 16)


@pytest.mark.parametrize("setting", ["encoder.dim", "=3", "encoder.=3"])
def test_malformed_override_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match="--set"):
        override({}, [setting])


@pytest.mark.parametrize("content", ["- a\n- b\n", "a: [", "\x00"])
def test_bad_recipe_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match="recipe"):
        read_recipe(file)


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(InputError, match="'default'"):
        read_recipe("defualt")
