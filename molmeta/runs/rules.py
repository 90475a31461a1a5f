"""The rules of a recipe that concern several of its sections at once."""

from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.runs.recipe import Recipe

_STAYS = "pre-training, and an encoder that stays as it is afterwards"


def check_rules(recipe: Recipe, learner: Learner) -> None:
    """Refuse a recipe whose sections contradict each other.

    Args:
        recipe: The recipe.
        learner: Its learner, with the weights from which training starts.

    Raises:
        InputError: If they do.
    """
    _check_teacher(recipe)
    _check_final_epochs(recipe, learner)
    _check_profiles(recipe, learner)
    _check_known_assays(recipe, learner)
    _check_encoder_rate(recipe, learner)


def _check_teacher(recipe: Recipe) -> None:
    """A teacher teaches in pre-training."""
    given = recipe.pretraining
    if given.teacher and not given.epochs:
        raise InputError.of(
            f"pretraining.teacher: {given.teacher}",
            got="pretraining.epochs: 0, in which nothing is taught",
            fix="Set pretraining.epochs, or leave pretraining.teacher out.",
        )


def _check_final_epochs(recipe: Recipe, learner: Learner) -> None:
    """Final epochs need others before them, assays left to see, and an encoder that stays."""
    given = recipe.pretraining
    if not given.final:
        return
    if given.final >= given.epochs or given.share == 1:
        got = f"pretraining.epochs: {given.epochs}, pretraining.share: {given.share:g}"
        expected = "epochs before the final ones, and a share below 1"
        fix = "Raise pretraining.epochs and set pretraining.share below 1, or leave final out."
    elif recipe.training.encoder_rate and learner.matcher.known_assays is None:
        got, expected = f"training.encoder_rate: {recipe.training.encoder_rate}", _STAYS
        fix = "Set training.encoder_rate: 0, or leave pretraining.final out."
    else:
        return
    raise InputError.of(f"pretraining.final: {given.final}", got=got, expected=expected, fix=fix)


def _check_profiles(recipe: Recipe, learner: Learner) -> None:
    """Activity profiles are filled by pre-training, with labels that no episode asks for."""
    profiles, given = learner.encoder.activity_profiles, recipe.pretraining
    if profiles is None:
        return
    if not given.epochs and not len(profiles):
        got = "pretraining.epochs: 0, so that no molecule is known"
        fix = "Set pretraining.epochs, or start from a model that knows some (--init)"
    elif given.epochs and given.share == 1:
        got = "pretraining.share: 1, so that profiles hold the labels that episodes ask for"
        fix = "Set pretraining.share below 1"
    else:
        return
    raise InputError.of(
        f"encoder.profile: {recipe.encoder.settings.get('profile')}",
        got=got,
        expected="pre-training on a share of the assays",
        fix=f"{fix}, or leave encoder.profile out.",
    )


def _check_known_assays(recipe: Recipe, learner: Learner) -> None:
    """Known assays are those of pre-training, and belong to its encoder."""
    known = learner.matcher.known_assays
    if known is None:
        return
    if recipe.training.encoder_rate:
        got = f"training.encoder_rate: {recipe.training.encoder_rate}"
        fix = "Set training.encoder_rate: 0"
    elif not (len(known) or recipe.pretraining.epochs):
        got = "pretraining.epochs: 0, so that no assay is known"
        fix = "Set pretraining.epochs, or start from a model that knows as many dimensions (--init)"
    else:
        return
    raise InputError.of(
        f"known_assays.rank: {known.rank}",
        got=got,
        expected=_STAYS,
        fix=f"{fix}, or leave known_assays.rank out.",
    )


def _check_encoder_rate(recipe: Recipe, learner: Learner) -> None:
    """An encoder that stays is the same for every assay."""
    rate = recipe.training.encoder_rate
    if not (rate or learner.embeds_once):
        raise InputError.of(
            "training.encoder_rate: 0",
            got="a learner.adapt by which the encoder adapts to each assay",
            fix="Let the matcher alone adapt, or let the encoder be trained.",
        )
