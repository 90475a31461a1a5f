"""The settings of a run's stages, which hold the only defaults of what a recipe may leave out.

A recipe's sections `pretraining`, `training` and `calibration` become these objects.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from molmeta.config import Count, CountOrNone, Fraction, NotNegative, Positive, Share

Sizes = Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
"""Sizes of support sets: one or more, each of two molecules at least."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Pre-training: the encoder learns every label of its assays at once.

    Attributes:
        teacher: A model, by name or run folder, whose vectors the encoder learns too, for every
            molecule, beside the labels; "" for the labels alone.
        epochs: Passes over the molecules; 0 for no pre-training.
        share: The share of the assays that pre-training sees; the others are left to
            meta-training, with no epochs too. With 1 both see all.
        final: How many of the epochs come last, after meta-training, and see the others too.
        split_seed: Which assays these are.
        molecules_per_step: Molecules of a step, all processes together.
        lr: Peak learning rate; warms up linearly, then falls as a cosine to 2 %.
        warmup: Steps of warm-up.
        weight_decay: AdamW's.
        values: Weight of the measured values as a second target, in squared standard deviations.
        groups: Columns of `store.assays`: assays that are alike in one share a part of their weight
            vector, such as those of one target.
        bf16: The encoder's matrix products are in bfloat16 (autocast).
    """

    teacher: str = ""
    epochs: CountOrNone = 0
    share: Share = 1.0
    final: CountOrNone = 0
    split_seed: CountOrNone = 0
    molecules_per_step: Count = 1024
    lr: Positive = 1e-3
    warmup: CountOrNone = 200
    weight_decay: NotNegative = 1e-2
    values: NotNegative = 0.0
    groups: tuple[str, ...] = ()
    bf16: bool = False


@dataclass(frozen=True, kw_only=True)
class Training:
    """Meta-training: the learner learns from episodes.

    Attributes:
        steps: Outer steps.
        assays_per_step: Episodes whose outer gradients are averaged into a step.
        support_sizes: Sizes of the support set; each episode draws one.
        query_size: Molecules of the query set, at most.
        assay_weight: How much more often large assays are drawn: the power of an assay's size that
            its probability is proportional to. 0 draws all assays alike, 1 all measurements.
        lr: Peak outer learning rate β; warms up linearly, then falls as a cosine to 1 %.
        scalar_lr: Peak outer learning rate of the matcher's single numbers, its strengths, which
            AdamW moves by about its rate a step; three times it for learned inner rates. By default
            they are learned at `lr`.
        encoder_rate: The encoder's learning rate as a share of `lr`: below 1 for one that is
            pre-trained, 0 for one that stays as it is: its vectors are then computed once, before
            the first step, and have no dropout.
        warmup: Steps of warm-up.
        weight_decay: AdamW's, on matrices only.
        clip: Largest norm of the outer gradient.
        average: Decay of the averaged weights.
        log_every: Steps between rows of `metrics.csv`.
        valid_every: Steps between validations, each of which saves the state.
        valid_support_sizes: Support sizes of the validation score.
        valid_draws: Draws a validation assay and size.
        patience: Stop after so many validations without a better score; 0 never stops early.
        seed: Of weights, episodes and dropout; of pre-training too.
    """

    steps: Count = 5000
    assays_per_step: Count = 16
    support_sizes: Sizes = (16,)
    query_size: Count = 32
    assay_weight: NotNegative = 0.0
    lr: Positive = 3e-4
    scalar_lr: Positive | None = None
    encoder_rate: NotNegative = 1.0
    warmup: CountOrNone = 100
    weight_decay: NotNegative = 1e-2
    clip: Positive = 1.0
    average: Fraction = 0.998
    log_every: Count = 25
    valid_every: Count = 250
    valid_support_sizes: Sizes = (16,)
    valid_draws: Count = 3
    patience: CountOrNone = 0
    seed: CountOrNone = 0


@dataclass(frozen=True, kw_only=True)
class Calibrating:
    """Calibration on the validation assays, once training is done.

    Attributes:
        draws: Draws an assay and size of support set.
        support_sizes: Sizes of the support set, each with a temperature of its own.
        level: The share of held-out draws within the interval of the expected ΔAUPRC.
    """

    draws: Count = 5
    support_sizes: Sizes = (16, 32, 64, 128)
    level: Fraction = 0.8
