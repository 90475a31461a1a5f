"""What training starts from: its inputs' distribution, or another model's weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from molmeta.assays.columns import listed
from molmeta.assays.held_out import contents_of
from molmeta.assays.store import AssayStore
from molmeta.config import Recipe
from molmeta.episodes.batch import make_batch
from molmeta.errors import InputError
from molmeta.meta.learner import Learner
from molmeta.models.encoder import Encoder
from molmeta.resources import write_atomically

ASSAYS, MOLECULES = "assays.json", "molecules.npy"
_N_SAMPLED = 20_000


@dataclass(frozen=True)
class Seen:
    """What a model saw in training.

    Attributes:
        assays: Of the id of each training assay a hash of its molecules and labels, by which it
            is known under another id; None where that was not recorded.
        molecules: Identities of all their molecules, sorted, shape (n,); the numbers are the
            same in every store.
    """

    assays: Mapping[str, str | None]
    molecules: NDArray[np.int64]

    @classmethod
    def of_store(cls, store: AssayStore) -> Seen:
        """The record of something trained on every assay of `store`."""
        numbers = np.unique(np.concatenate([store.assay(i).molecules for i in range(len(store))]))
        contents = contents_of(store)
        assays = {assay_id: contents.get(assay_id) for assay_id in store.assay_ids}
        return cls(assays, np.unique(store.identities[numbers[numbers >= 0]]))

    @classmethod
    def of_run(cls, run: Path) -> Seen:
        """What a run folder says; earlier versions of molmeta recorded ids alone.

        Raises:
            InputError: If it says nothing, so that leakage cannot be ruled out.
        """
        try:
            found = json.loads((run / ASSAYS).read_text(encoding="utf-8"))
            assays = found if isinstance(found, dict) else dict.fromkeys(found)
            molecules = np.load(run / MOLECULES, allow_pickle=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError.of(
                f"model {run}",
                got=f"no readable {ASSAYS} and {MOLECULES} ({error})",
                expected="both, which `molmeta train` writes, to check for leakage",
            ) from None
        return cls(assays, molecules)

    def save(self, run: Path) -> None:
        """Write it into a run folder, each file as a whole."""
        with write_atomically(run / ASSAYS) as file:
            file.write_text(json.dumps(self.assays, indent=1) + "\n", encoding="utf-8")
        with write_atomically(run / MOLECULES) as file:
            np.save(file, self.molecules)

    def __or__(self, other: Seen) -> Seen:
        """What either saw."""
        return Seen({**self.assays, **other.assays}, np.union1d(self.molecules, other.molecules))

    def check(self, held_out: Iterable[str], role: str) -> None:
        """Refuse a model to start from that was trained on assays of these ids.

        Raises:
            InputError: If it was.
        """
        found = sorted(set(self.assays) & set(held_out))
        if found:
            raise InputError.of(
                "the model to start from",
                got=f"one trained on {len(found)} {role} assays: {listed(found, 5)}",
                expected="none: what was seen in training tests nothing",
                fix="Start from another model, or hold out other assays.",
            )


def fit_inputs(encoder: Encoder, store: AssayStore, seed: int) -> None:
    """Let an encoder that scales its inputs see some of the molecules it will be trained on."""
    kept = [(assay := store.assay(i)).molecules[assay.kept] for i in range(len(store))]
    sample = np.random.default_rng(seed).permutation(np.unique(np.concatenate(kept)))[:_N_SAMPLED]
    device = next(encoder.parameters()).device
    batch = make_batch(store, np.sort(sample), encoder.reads, device)
    encoder.fit_inputs(batch)


def start_from(learner: Learner, model: Learner) -> bool:
    """Take over a model's weights: its encoder's, and the matcher's where the parts are alike.

    Returns:
        Whether the matcher's were taken over too.

    Raises:
        InputError: If the encoders differ.
    """
    try:
        learner.encoder.load_state_dict(model.encoder.state_dict())
    except RuntimeError as error:
        raise InputError.of(
            "the model to start from has another encoder",
            got=" ".join(str(error).split())[:200],
            fix="Give the recipe the encoder of that model's config.json.",
        ) from None
    own, other = learner.matcher.state_dict(), model.matcher.state_dict()
    alike = _shapes(own) == _shapes(other)
    if alike:
        learner.matcher.load_state_dict(other)
    return alike


def check_final(recipe: Recipe) -> None:
    """Refuse final epochs that could not be.

    Raises:
        InputError: If they are.
    """
    final, epochs, share = (recipe["pretraining"][name] for name in ("final", "epochs", "share"))
    if not final:
        return
    if final >= epochs or share == 1:
        got = f"pretraining.epochs: {epochs}, pretraining.share: {share:g}"
        expected = "epochs before the final ones, and a share below 1"
        fix = "Raise pretraining.epochs and set pretraining.share below 1, or leave final out."
        raise InputError.of(f"pretraining.final: {final}", got=got, expected=expected, fix=fix)


def check_profile(learner: Learner, recipe: Recipe) -> None:
    """Refuse activity profiles that nothing fills, or that hold the labels which episodes ask for.

    Raises:
        InputError: If they would.
    """
    profiles, given = learner.encoder.activity_profiles, recipe["pretraining"]
    if profiles is None:
        return
    if not given["epochs"] and not len(profiles):
        got = "pretraining.epochs: 0, so that no molecule is known"
        fix = "Set pretraining.epochs, or start from a model that knows some (--init)"
    elif given["epochs"] and given["share"] == 1:
        got = "pretraining.share: 1, so that profiles hold the labels that episodes ask for"
        fix = "Set pretraining.share below 1"
    else:
        return
    raise InputError.of(
        f"encoder.profile: {recipe['encoder'].get('profile')}",
        got=got,
        expected="pre-training on a share of the assays",
        fix=f"{fix}, or leave encoder.profile out.",
    )


def check_pretraining(learner: Learner, recipe: Recipe) -> None:
    """Refuse what takes for granted that the encoder stays as pre-training left it, if it does not.

    Raises:
        InputError: If known assays have nothing that tells of them, or an encoder that moves away
            from them; or if final epochs would undo what meta-training made of the encoder.
    """
    check_final(recipe)
    check_profile(learner, recipe)
    known, final = learner.matcher.known_assays, recipe["pretraining"]["final"]
    moves = recipe["training"]["encoder_rate"]
    what = f"pretraining.final: {final}" if known is None else f"known_assays.rank: {known.rank}"
    if moves and (final or known is not None):
        got, fix = f"training.encoder_rate: {moves}", "Set training.encoder_rate: 0"
    elif known is not None and not (len(known) or recipe["pretraining"]["epochs"]):
        got = "pretraining.epochs: 0, so that no assay is known"
        fix = "Set pretraining.epochs, or start from a model that knows as many dimensions (--init)"
    else:
        return
    raise InputError.of(
        what,
        got=got,
        expected="pre-training, and an encoder that stays as it is afterwards",
        fix=f"{fix}, or leave {what.partition(':')[0]} out.",
    )


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Of all that has a fixed shape: an untrained learner knows no assays yet."""
    free = {f"known_assays.{name}" for name in ("places", "readouts", "biases")}
    return {name: tuple(tensor.shape) for name, tensor in weights.items() if name not in free}
