"""A run: a recipe and assays in, a folder with a trained model out, stage by stage."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from molmeta.assays.record import AssayRecord, digest_store
from molmeta.assays.store import AssayStore
from molmeta.errors import InputError
from molmeta.resources import check_name, making
from molmeta.runs.card import write_card
from molmeta.runs.config import CONFIG, check_same, save_config
from molmeta.runs.domain import DOMAIN, Domain
from molmeta.runs.model import Model, load_model
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.runs.rules import check_rules
from molmeta.runs.seen import ASSAYS, MOLECULES, load_seen, save_seen
from molmeta.tensors import digest_tensors
from molmeta.training.calibrate import calibrate_run
from molmeta.training.division import Division, divide
from molmeta.training.final_epochs import finish
from molmeta.training.initial_weights import fit_inputs, start_from
from molmeta.training.job import Job
from molmeta.training.loop import Control
from molmeta.training.metatrain import make_sampler, metatrain
from molmeta.training.parallel import Workers
from molmeta.training.pretrain import PRETRAINING, Epoch, pretrain
from molmeta.training.progress import Progress
from molmeta.training.teacher import VECTORS, Teacher
from molmeta.training.validation import Validation

STAGES: tuple[Callable[[Job], None], ...] = (pretrain, metatrain, finish, calibrate_run)
"""What a run does, in order; each stage does nothing where the recipe does not ask for it."""


def train(
    recipe: Mapping[str, Any],
    train_assays: AssayStore,
    valid_assays: AssayStore | None,
    run: str | Path,
    *,
    test: AssayRecord | None = None,
    resume: bool = False,
    device: str | torch.device = "cpu",
    init: Model | None = None,
    progress: Callable[[Progress | Epoch], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> float:
    """Train a model: pre-train its encoder if the recipe says so, then meta-train the learner.

    >>> import tempfile
    >>> from molmeta.assays import drug_mechanisms
    >>> assays, valid = (AssayStore.from_frame(drug_mechanisms(f)) for f in ("train", "valid"))
    >>> few = {"steps": 2, "support_sizes": [8], "valid_support_sizes": [8], "valid_draws": 1}
    >>> recipe = {"encoder": {"dim": 16, "layers": 1}, "training": few}
    >>> score = train(recipe, assays, valid, tempfile.mkdtemp())
    >>> 0 < score < 1
    True

    Args:
        recipe: Sections of what differs from the defaults; see `configs/`.
        train_assays: What it learns from.
        valid_assays: What chooses the checkpoint; None keeps the last.
        run: The run folder: new or empty, or with `resume` the one to go on from.
        test: Test assays; training and validation assays that are among them are refused.
        resume: Go on from the folder's last saved state.
        device: Where tensors live.
        init: A model to start from: the encoder's weights, and those above it if they fit. What it
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
    settings, run = resolve_recipe(recipe), Path(run).resolve()
    check_name(run)
    told_by = settings.pretraining.teacher
    teacher = load_model(told_by, device) if told_by else None
    seen = _check_assays(train_assays, valid_assays, test, init, teacher)
    assays = divide(train_assays, settings.pretraining)
    began_with = None if init is None else _name_of(init)
    reads_values = bool(settings.pretraining.epochs and settings.pretraining.values)
    data = _digests(assays, valid_assays, test, reads_values)
    data["teacher"] = None if teacher is None else _name_of(teacher)
    if resume and (run / CONFIG).exists():
        check_same(run, settings, began_with, data)
    else:
        _check_folder(run, resume)
    torch.manual_seed(settings.training.seed)
    learner = build_learner(settings).to(device)
    goes_on = init is not None and start_from(learner, init.learner)
    check_rules(settings, learner)
    job = Job(
        settings,
        learner,
        assays,
        make_sampler(assays.rest, settings.training),
        Validation(valid_assays, settings.training),
        run,
        Control(resume, progress, stop),
        centre=not goes_on or bool(settings.pretraining.epochs),
    )
    if teacher is not None:
        file = run / PRETRAINING / VECTORS
        job.teacher = Teacher(teacher, learner.encoder, train_assays, file).to(device)
    leads = Workers.join(learner.device).leads
    if leads:
        with making(run):
            run.mkdir(parents=True, exist_ok=True)
        save_seen(run, seen)
        Domain.sample(train_assays, settings.training.seed).save(run)
        save_config(run, settings, train_assays.standardize, began_with, data)
    if init is None:
        fit_inputs(learner.encoder, train_assays, settings.training.seed)
    for stage in STAGES:
        stage(job)
    if leads:
        write_card(run, settings, seen, job.score, learner.encoder)
    return job.score


def _check_assays(
    train: AssayStore,
    valid: AssayStore | None,
    test: AssayRecord | None,
    init: Model | None,
    teacher: Model | None,
) -> AssayRecord:
    """Refuse to train on held-out assays; what the model will have seen.

    A model to start from, or to learn from, has seen assays too. A checkpoint is not chosen by test
    assays.
    """
    seen = AssayRecord.of(train)
    if valid is not None:
        valid.check_form(train.standardize, f"training store {train.path}")
    if test is not None:
        test.refuse(seen, "training assays")
    if valid is not None:
        held_out = AssayRecord.of(valid, "validation")
        # By id alone: FS-Mol's own folds have one assay in both, CHEMBL3882760 and …759.
        held_out.ids_alone.refuse(seen, "training assays")
        if test is not None:
            test.refuse(held_out, "validation assays")
    for model, role in ((init, "model to start from"), (teacher, "teacher")):
        if model is None:
            continue
        train.check_form(model.standardize, f"the {role}, {model.path}")
        before = load_seen(model.path)
        what, fix = f"assays of the {role}", "Take another, or hold out others."
        if valid is not None:
            held_out.ids_alone.refuse(before, what, fix)
        if test is not None:
            test.refuse(before, what, fix)
        seen = seen | before
    return seen


def _digests(
    assays: Division, valid: AssayStore | None, test: AssayRecord | None, reads_values: bool
) -> dict[str, str | None]:
    """Digest all that a run reads, by role, so that it is resumed with the same."""
    groups = hashlib.sha256(assays.groups.tobytes()).hexdigest()[:16]
    return {
        "train": digest_store(assays.whole, values=reads_values),
        "groups": groups if assays.groups.size else None,
        "valid": None if valid is None else digest_store(valid),
        "test": None if test is None else test.digest,
    }


def _check_folder(run: Path, resume: bool) -> None:
    """Refuse a folder that holds something else than this run."""
    if run.exists() and (run.is_file() or any(_foreign(run, resume))):
        raise InputError.of(
            f"run folder {run}",
            got="something already there",
            expected="a new or empty folder",
            fix="Name another folder, or add --resume to go on with it.",
        )


def _foreign(run: Path, resume: bool) -> Iterator[Path]:
    """List what is in the folder but what a kill at the start of a resumed run left behind."""
    own = {ASSAYS, MOLECULES, DOMAIN} if resume else set()
    return (path for path in run.iterdir() if path.name not in own and path.name[0] != ".")


def _name_of(model: Model) -> str:
    """Name a model by its folder and a digest of its weights, wherever the folder lies."""
    weights = digest_tensors(model.learner.state_dict())
    return f"{model.path.resolve().name} ({bytes(weights.tolist()).hex()[:16]})"
