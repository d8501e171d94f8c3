"""What flags, model and machine mean for a training: the rules.

A rule takes an `Inspection` and yields its findings. Those of `MACHINE_RULES`
depend on the computer, and differ from one to the next.
"""

import math
from collections.abc import Iterable

from tf_bert.inspection.contents import Inspection
from tf_bert.inspection.finding import Finding

# Zhang et al., 2021, Section 6, tune lengths from 200 steps on.
_FEW_STEPS = 200
# Mosbach et al., 2021, Section 6.
_MOST_EPOCHS = 20
_LONG_SECONDS = 3600
_SMALL_HIDDEN_SIZE = 384
_MEMORY_SHARE = 0.8


def _few_steps(inspection: Inspection) -> Iterable[Finding]:
    training = inspection.training
    if training.num_steps >= _FEW_STEPS or training.num_epochs >= _MOST_EPOCHS:
        return
    epochs = math.ceil(_FEW_STEPS / training.steps_per_epoch)
    yield Finding(
        "warning",
        "few_steps",
        f"{training.num_steps} steps ({training.num_epochs:.1f} epochs) are "
        "few: fine-tuning on small data gains from a longer training (Zhang "
        "et al., 2021; Mosbach et al., 2021, take 20 epochs).",
        f"Pass --num_train_epochs={min(epochs, _MOST_EPOCHS)}.",
    )


def _large_batch(inspection: Inspection) -> Iterable[Finding]:
    rows = inspection.splits["train"].texts.num_rows
    batch_size = inspection.config.train_batch_size
    if batch_size > rows:
        yield Finding(
            "warning",
            "large_batch",
            f"A batch of {batch_size} is more than the {rows} training rows.",
            f"Pass --train_batch_size={2 ** int(math.log2(max(rows // 4, 1)))}"
            " or so.",
        )


def _memory(inspection: Inspection) -> Iterable[Finding]:
    available, needed = inspection.physical_memory, inspection.memory.total
    is_enough = available is None or needed <= _MEMORY_SHARE * available
    if is_enough and inspection.measurement is not None:
        return
    config = inspection.config
    parts = 2 * config.gradient_accumulation_steps
    if inspection.memory.activations < needed / 2:
        action = "Pass a smaller model, such as --init_checkpoint=minilm-l6."
    elif config.train_batch_size % parts == 0:
        action = (
            f"Pass --gradient_accumulation_steps={parts}; the result is the "
            "same."
        )
    else:
        action = "Pass a smaller --train_batch_size or --max_seq_length."
    yield Finding(
        "warning",
        "memory",
        f"A step needs about {needed / 1e9:.1f} GB, which is more than this "
        "machine has to spare.",
        action,
    )


def _long_time(inspection: Inspection) -> Iterable[Finding]:
    measured = inspection.measurement
    if measured is None or measured.total_seconds < _LONG_SECONDS:
        return
    action = "Train on a machine with a GPU"
    if inspection.hidden_size > _SMALL_HIDDEN_SIZE:
        action += ", or pass --init_checkpoint=minilm-l6, a small model"
    elif inspection.training.num_epochs > 3:
        action += ", or pass a smaller --num_train_epochs"
    yield Finding(
        "warning",
        "long_time",
        f"The training takes about {measured.total_seconds / 3600:.1f} hours "
        f"on {measured.device}.",
        action + ".",
    )


RULES = (_few_steps, _large_batch)
MACHINE_RULES = (_memory, _long_time)
