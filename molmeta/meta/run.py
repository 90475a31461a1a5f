"""Runs: a recipe and assays in, a folder with a trained model out; and such a folder back in.

A run folder holds `model.safetensors`, `config.json` (resolved recipe, feature specification,
standard form of molecules, version), `metrics.csv`, `assays.json` and `molecules.npy` (ids and
molecule identities of the training assays, for leakage checks), `domain.npy` (fingerprints of some
training molecules, for applicability), `README.md` (a model card) and `checkpoints/`; a calibrated
one also `calibration.json`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from molmeta import __version__
from molmeta.assays.form import check_form
from molmeta.assays.held_out import HeldOut
from molmeta.assays.store import AssayStore
from molmeta.chem.featurize import FEATURE_SPEC, Featurized, featurize, featurize_stream
from molmeta.chem.standardize import STANDARD, Standardizer
from molmeta.config import Recipe
from molmeta.errors import InputError
from molmeta.meta.calibration import Calibration, prior
from molmeta.meta.card import write_card
from molmeta.meta.checkpoint import fingerprint, load_tensors
from molmeta.meta.domain import DOMAIN, Domain
from molmeta.meta.labels import groups_of
from molmeta.meta.learner import Learner
from molmeta.meta.pretrain import Epoch, Pretrainer, finish, pretrain
from molmeta.meta.progress import Progress
from molmeta.meta.recipe import build_learner, foreign_parts, resolve_recipe
from molmeta.meta.start import ASSAYS, MOLECULES, Seen, check_pretraining, fit_inputs, start_from
from molmeta.meta.trainer import MODEL, Trainer
from molmeta.models.aliases import without_gone
from molmeta.resources import write_atomically

CONFIG, CARD = "config.json", "README.md"
_SHIPPED = Path(__file__).resolve().parent.parent / "pretrained"


@dataclass(frozen=True)
class LoadedModel:
    """A trained learner and where it comes from.

    Attributes:
        learner: In evaluation mode.
        recipe: Resolved.
        path: The run folder.
        standardize: What its training molecules were brought to standard form by, which queries
            need too; None: they were as drawn.
        domain: Some of its training molecules; None if the run folder holds none.
        calibration: What held-out assays say of it; None if the run folder says nothing.
    """

    learner: Learner
    recipe: Recipe
    path: Path
    standardize: Standardizer | None = STANDARD
    domain: Domain | None = None
    calibration: Calibration | None = None

    @property
    def carries_ratio(self) -> bool:
        """Whether scores have the support set's ratio of classes as their prior."""
        return self.learner.matcher.head.carries_ratio

    def scale(self, labels: NDArray[np.float32]) -> tuple[float, float]:
        """Slope and offset that calibrate log-odds learnt from a support set's labels, (s,).

        What the score says beyond the prior is divided by the temperature; the prior stays.
        """
        if self.calibration is None or self.learner.continuous:
            return 1.0, 0.0
        slope = 1 / self.calibration.temperature(len(labels))
        return slope, (1 - slope) * prior(labels) if self.carries_ratio else 0.0

    def featurize(
        self,
        smiles: Iterable[object],
        *,
        fingerprints: bool = False,
        identities: bool = False,
        workers: int = 1,
        progress: Callable[[int], None] | None = None,
    ) -> Featurized:
        """SMILES → what the encoder reads of them, in the form that it was trained on.

        Arguments as of `chem.featurize`.
        """
        return featurize(
            smiles,
            workers=workers,
            progress=progress,
            **self._settings(fingerprints, identities),
        )

    def featurize_stream(
        self,
        chunks: Iterable[Iterable[object]],
        *,
        workers: int = 1,
        time_limit: float | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[Featurized]:
        """As `featurize`, chunk by chunk in bounded memory; arguments as of `chem.featurize`."""
        return featurize_stream(
            chunks, workers=workers, time_limit=time_limit, progress=progress, **self._settings()
        )

    def _settings(self, fingerprints: bool = False, identities: bool = False) -> dict[str, Any]:
        return {
            "reads": self.learner.encoder.reads | ({"fingerprints"} if fingerprints else set()),
            "identities": identities,
            "standardize": self.standardize,
        }


def train(
    recipe: Mapping[str, Any],
    train_assays: AssayStore,
    valid_assays: AssayStore | None,
    run: str | Path,
    *,
    test: HeldOut | None = None,
    resume: bool = False,
    device: str | torch.device = "cpu",
    init: LoadedModel | None = None,
    progress: Callable[[Progress | Epoch], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> float:
    """Pre-train an encoder if the recipe says so, then meta-train a learner.

    Args:
        recipe: Sections of what differs from the defaults; see `configs/`.
        train_assays: What it learns from.
        valid_assays: What chooses the checkpoint; None keeps the last.
        run: The run folder: new or empty, or with `resume` the one to go on from.
        test: Test assays; training and validation assays that are among them are refused.
        resume: Go on from the folder's last saved state.
        device: Where tensors live.
        init: A model to start from: the encoder's weights, and the matcher's if they fit. What it
            saw in training counts as seen by this one.
        progress: Called after every epoch of pre-training and with every row of `metrics.csv`.
        stop: Asked after every step; once it says True, the run ends, with its state saved (in
            pre-training that of the last whole epoch).

    Returns:
        The model's validation score (mean ΔAUPRC), the best, or that after the final epochs of
        pre-training; NaN without validation assays.

    Raises:
        InputError: A recipe, folder or assays that cannot be used.
        Interrupted: If `stop` said so; `resume` goes on from there.
    """
    recipe, run = resolve_recipe(recipe), Path(run).resolve()
    _check_held_out(train_assays, valid_assays, test)
    form = train_assays.standardize
    if valid_assays is not None:
        check_form(valid_assays, form, f"training store {train_assays.path}")
    seen = Seen.of_store(train_assays)
    if init is not None:
        seen = seen | _check_init(init, train_assays, valid_assays, test)
    values = bool(recipe["pretraining"]["epochs"] and recipe["pretraining"]["values"])
    wanted = recipe["pretraining"]["groups"] if recipe["pretraining"]["epochs"] else ()
    groups = groups_of(train_assays, wanted) if wanted else None
    data = {
        "train": _digest(train_assays, values=values),
        "groups": None if groups is None else hashlib.sha256(groups.tobytes()).hexdigest()[:16],
        "valid": None if valid_assays is None else _digest(valid_assays),
        "test": None if test is None else test.digest,
    }
    began_with = None if init is None else _name_of(init)
    if resume and (run / CONFIG).exists():
        _check_same(run, recipe, data, began_with)
    elif run.exists() and (run.is_file() or any(_foreign(run, resume))):
        raise InputError.of(
            f"run folder {run}",
            got="something already there",
            expected="a new or empty folder",
            fix="Name another folder, or add --resume to go on with it.",
        )
    torch.manual_seed(recipe["training"]["seed"])
    learner = build_learner(recipe).to(device)
    centre = init is None or not start_from(learner, init.learner)
    check_pretraining(learner, recipe)
    seed, given = recipe["training"]["seed"], recipe["pretraining"]
    _, met = Pretrainer.divide(train_assays, given["share"], given["split_seed"])
    trainer = Trainer(learner, met, valid_assays, run, **recipe["training"])
    if trainer.workers.leads:
        try:
            run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError.of(
                f"run folder {run}", got=f"a place that cannot be written to ({error.strerror})"
            ) from None
        seen.save(run)
        Domain.sample(train_assays, seed).save(run)
        _write_json(
            run / CONFIG,
            {
                "molmeta": __version__,
                "features": FEATURE_SPEC,
                "standardize": form.spec if form else None,
                "recipe": recipe,
                "init": began_with,
                "data": data,
            },
        )
    if init is None:
        fit_inputs(learner.encoder, train_assays, seed)
    how: Any = {"resume": resume, "progress": progress, "stop": stop}
    pretrain(learner, train_assays, run, recipe, **how)
    best = trainer.run(centre=centre or bool(given["epochs"]), **how)
    if given["final"]:
        best = finish(trainer, train_assays, recipe, **how)
    if trainer.workers.leads:
        write_card(run / CARD, recipe, seen, best, learner.encoder)
    return best


def load_model(
    run: str | Path, device: str | torch.device = "cpu", *, trust_code: bool = False
) -> LoadedModel:
    """Load a model, ready to use.

    Args:
        run: A run folder, or the name of a model that comes with molmeta.
        device: Where it computes.
        trust_code: Whether parts that are not molmeta's own are imported: their code runs, with
            all your rights.

    Raises:
        InputError: If the folder, its recipe or its weights cannot be used, or it names parts that
            are not molmeta's own and is not trusted; then nothing was imported.
    """
    run = _find(run)
    config = load_config(run)
    foreign = foreign_parts(config["recipe"])
    if foreign and not trust_code:
        raise InputError.of(
            f"model {run}",
            got=f"parts that are not molmeta's own, {', '.join(foreign)}; nothing was imported",
            expected="molmeta's own parts, since importing others runs their code",
            fix="If you trust their code, say trust_code=True (--trust-code).",
        )
    recipe, form = resolve_recipe(config["recipe"]), config.get("standardize")
    learner = build_learner(recipe)
    try:
        learner.load_state_dict(load_tensors(run / MODEL))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError.of(
            f"weights {run / MODEL} do not fit the recipe in {CONFIG}",
            got=reason,
            expected="those that were trained by this recipe, in this version of molmeta",
            fix=f"Train the model again, or use the version that {CONFIG} names.",
        ) from None
    return LoadedModel(
        learner.to(device).eval(),
        recipe,
        run,
        Standardizer.from_spec(form),
        Domain.load(run),
        Calibration.load(run),
    )


def _check_held_out(train: AssayStore, valid: AssayStore | None, test: HeldOut | None) -> None:
    """Refuse to train on validation or test assays, and to choose a checkpoint by test assays."""
    if test is not None:
        test.check(train, "training")
    if valid is not None:
        # By id alone: FS-Mol's own folds have one assay in both, CHEMBL3882760 and …759.
        HeldOut("validation", frozenset(valid.assay_ids)).check(train, "training")
        if test is not None:
            test.check(valid, "validation")


def _check_init(
    init: LoadedModel, train: AssayStore, valid: AssayStore | None, test: HeldOut | None
) -> Seen:
    """What a model to start from has seen, which must not be validation or test assays."""
    check_form(train, init.standardize, f"the model to start from, {init.path}")
    seen = Seen.of_run(init.path)
    if valid is not None:
        seen.check(valid.assay_ids, "validation")
    if test is not None:
        seen.check(test.ids, "test")
    return seen


def _name_of(model: LoadedModel) -> str:
    """Its folder's name and a hash of its weights, which tell it wherever the folder lies."""
    weights = fingerprint(model.learner.state_dict())
    return f"{model.path.resolve().name} ({bytes(weights.tolist()).hex()[:16]})"


def _find(run: str | Path) -> Path:
    """The folder that `run` names: one on disk, else one that comes with molmeta."""
    if Path(run).exists():
        return Path(run)
    shipped = {path.parent.name: path.parent for path in _SHIPPED.glob(f"*/{CONFIG}")}
    if str(run) not in shipped:
        raise InputError.of(
            f"model {run}",
            got="no such run folder",
            expected=" or ".join(
                ["a folder written by `molmeta train`", *map(repr, sorted(shipped))]
            ),
        )
    return shipped[str(run)]


def load_config(run: Path) -> dict[str, Any]:
    """The run's `config.json`.

    Raises:
        InputError: If `run` is not a run folder, or was made for other features.
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
    if features != _plain(FEATURE_SPEC):
        raise InputError.of(
            f"model {run} reads other features",
            got=json.dumps(features, sort_keys=True),
            expected=json.dumps(FEATURE_SPEC, sort_keys=True),
            fix="Train it again, or use the version of molmeta that its config.json names.",
        )
    return {**config, "recipe": without_gone(recipe)}


def _foreign(run: Path, resume: bool) -> Iterator[Path]:
    """What is in the folder; to be resumed, it may hold what a kill at the start left behind."""
    own = {ASSAYS, MOLECULES, DOMAIN} if resume else set()
    return (path for path in run.iterdir() if path.name not in own and path.name[0] != ".")


def _check_same(
    run: Path, recipe: Recipe, data: Mapping[str, str | None], init: str | None
) -> None:
    """Refuse to resume with another recipe, model or assays than the run began with."""
    config = load_config(run)
    foreign, own = foreign_parts(config["recipe"]), foreign_parts(recipe)
    if not set(foreign) <= set(own):  # the user's own recipe says what may be imported
        raise InputError.of(
            f"--resume of {run}: parts that are not molmeta's own",
            got=", ".join(own) or "none",
            expected=f"{', '.join(foreign)}, as the run began; nothing was imported",
        )
    began = _plain(resolve_recipe(config["recipe"]))
    for section, settings in _plain(recipe).items():
        for key, value in settings.items():
            if began[section].get(key) != value:
                raise InputError.of(
                    f"--resume of {run}: {section}.{key}",
                    got=repr(value),
                    expected=f"{began[section].get(key)!r}, as the run began",
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


def _digest(store: AssayStore, *, values: bool = False) -> str:
    """A hash of all that training reads of a store: assays, molecules, labels, what is kept.

    Of measured values too, if they are a target.
    """
    digest = hashlib.sha256()
    for assay in map(store.assay, range(len(store))):
        digest.update(assay.id.encode())
        digest.update(store.identities[assay.molecules[assay.kept]].tobytes())
        digest.update(assay.labels[assay.kept].tobytes())
        if values:
            digest.update(assay.values[assay.kept].tobytes())
    return digest.hexdigest()[:16]


def _write_json(file: Path, content: object) -> None:
    with write_atomically(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _plain(content: Any) -> Any:
    """As JSON gives it back: tuples become lists."""
    return json.loads(json.dumps(content))
