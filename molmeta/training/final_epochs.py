"""Final epochs: pre-training goes on with all assays once meta-training is done.

What meta-training learned stays: it still suits the vectors of an encoder that goes on for a few
epochs (research/all_assays.md). All assays are known then.
"""

import torch
from torch import Tensor

from molmeta.runs.model import MODEL
from molmeta.tensors import load_tensors, save_tensors
from molmeta.training.checkpoint import damaged_state
from molmeta.training.job import Job
from molmeta.training.parallel import Workers
from molmeta.training.pretrain import Pretrainer, complete, make_pretrainer


def finish(job: Job) -> None:
    """Do the final epochs of pre-training, and make what comes out the run's model.

    Raises:
        InputError: If the state that pre-training left in the run folder is lost or damaged.
        Interrupted: If `stop` said so.
    """
    if not job.recipe.pretraining.final:
        return
    workers = Workers.join(job.learner.device)
    workers.wait()  # for the model, which the leader has written by then
    job.learner.load_state_dict(load_tensors(job.run / MODEL))
    before, final = make_pretrainer(job), make_pretrainer(job, final=True)
    carry_over(before, final)
    complete(final, job)
    job.score = job.validation.score(job.learner.eval(), workers)
    if workers.leads:
        save_tensors(job.run / MODEL, job.learner.state_dict())


@torch.no_grad()
def carry_over(before: Pretrainer, final: Pretrainer) -> None:
    """Let the final epochs begin with what the saved epochs before them learned.

    The readouts of assays that were left out begin as the mean of the others.

    Raises:
        InputError: If no epoch is saved, or the state is damaged.
    """
    if not before.load():
        raise damaged_state(before.folder, "no saved epoch")
    learned = dict(before.readout.named_parameters())
    places = before.places.to(before.device)
    for name, other in final.readout.named_parameters():
        own = learned[name]
        moments = before.optimizer.state[own]
        if name.startswith("shared"):
            other.copy_(own)
        else:
            other.copy_(own.mean(0).expand_as(other))
            other[places] = own
            moments = {
                kind: moment if kind == "step" else _spread(moment, places, other)
                for kind, moment in moments.items()
            }
        final.optimizer.state[other] = moments
    for parameter in before.trained:
        final.optimizer.state[parameter] = before.optimizer.state[parameter]


def _spread(rows: Tensor, places: Tensor, like: Tensor) -> Tensor:
    """Place rows in a tensor that is zero elsewhere."""
    return torch.zeros_like(like).index_copy(0, places, rows)
