"""Re-initialising parts of a loaded model: top blocks, pooler, head.

A value depends on the seed and the path of its variable alone
(`tf_bert.models.initialization`), so a run with re-initialised blocks has the
same head as one without. `runs/classifier.py` calls this once a checkpoint is
loaded.
"""

from absl import logging

from tf_bert.adaptation import freezing
from tf_bert.models import initialization
from tf_bert.models.pretrained import PretrainedModel


def reinitialize_top_layers(
    model: PretrainedModel, num_layers: int, *, pooler: bool, seed: int
) -> frozenset[str]:
    """Draws the top blocks of a model anew, and the pooler.

    The top blocks of a pretrained BERT have specialised in its own task; on
    small data they are a worse start than random ones. Kernels become
    normal(0, `initializer_range`), biases 0, LayerNorms the identity (gain 1,
    shift 0), in the blocks' attention and feed-forward parts alike.

    Args:
        model: with its weights loaded. What lies below the top blocks, and
            the head, is left as it is.
        num_layers: int in [0, L]. Number of top blocks; 0 leaves all. Above 0
            the pooler is drawn too: the reference code stops unless
            `--reinit_pooler` is given beside `--reinit_layers`, here it is
            implied.
        pooler: whether the pooler is drawn, with `num_layers` 0 too. False
            leaves it.
        seed: int >= 0, the run's `head_seed`. The reference code draws from
            one generator for everything, seeded by `--seed`: its values are
            other ones, of the same plain (not truncated) normal.

    Returns:
        Paths of the variables that were drawn.

    References:
        Zhang et al., 2021, Section 5. https://arxiv.org/abs/2006.05987
        Its code, run_glue.py:736-797 at 0aa4f4e.
        https://github.com/asappresearch/revisit-bert-finetuning
    """
    num_blocks = model.config.num_hidden_layers
    check_blocks(num_blocks=num_blocks, reinit_layers=num_layers)
    parts = [
        f"bert/encoder/layer_{index}"
        for index in range(num_blocks - num_layers, num_blocks)
    ]
    if pooler or num_layers:
        parts.append("bert/pooler")
    return _draw(model, parts, seed)


def check_blocks(
    *, num_blocks: int, reinit_layers: int = 0, freeze: str | None = None
) -> None:
    """Raises `ValueError` for what a model of so many blocks cannot do.

    For before any weights are loaded: what needs no model at all is checked
    in `tf_bert.config`.

    Args:
        num_blocks: L, the model's `num_hidden_layers`.
        reinit_layers: number of top blocks to draw anew.
        freeze: the value of `--freeze`.
    """
    if not 0 <= reinit_layers <= num_blocks:
        raise ValueError(
            "`reinit_layers` must be from 0 to the model's number of blocks. "
            f"Received: reinit_layers={reinit_layers}, num_hidden_layers="
            f"{num_blocks}. Pass --reinit_layers={num_blocks} or less."
        )
    if freeze is None:
        return
    num_stages = freezing.count_stages(freeze, num_blocks=num_blocks)
    room = max(0, num_blocks + 1 - num_stages)  # The embeddings are one too.
    if reinit_layers > room:
        advice = (
            f"Pass --reinit_layers={room} or less"
            if room
            else "Leave out --reinit_layers"
        )
        raise ValueError(
            "A block would be both re-initialised and frozen, and stay "
            f"random. Received: reinit_layers={reinit_layers}, freeze="
            f"{freeze}, num_hidden_layers={num_blocks}. {advice}, or freeze "
            "fewer blocks by --freeze."
        )


def reinitialize_head(model: PretrainedModel, *, seed: int) -> frozenset[str]:
    """Draws the classifier anew, whatever the checkpoint held.

    Takes and returns what `reinitialize_top_layers` does.
    """
    return _draw(model, ["classifier"], seed)


def _draw(
    model: PretrainedModel, parts: list[str], seed: int
) -> frozenset[str]:
    prefixes = tuple(f"{part}/" for part in parts)
    chosen = {
        path: variable
        for path, variable in model.weights_by_path().items()
        if path.startswith(prefixes)
    }
    initialization.initialize(
        chosen.values(),
        initializer_range=model.config.initializer_range,
        seed=seed,
    )
    if parts:
        logging.info("Newly drawn, head_seed %d: %s.", seed, ", ".join(parts))
    return frozenset(chosen)
