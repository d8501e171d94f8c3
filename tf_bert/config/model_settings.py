"""Settings of the model that a run starts from."""

import dataclasses

from tf_bert.config.setting import COMPUTING, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The group "Model"."""

    init_checkpoint: str = setting(
        "minilm-l6",
        "Model to start from: minilm-l6, a folder (Hugging Face's or "
        "Google's TF1), or a hub id such as google-bert/bert-base-uncased.",
        is_input=True,
    )

    do_lower_case: bool | None = setting(
        None,
        "Turns texts into lower case before they are tokenised. Default: as "
        "the checkpoint says.",
    )

    dropout: float | None = setting(
        None,
        "Probability of every dropout. 0 turns it off. Default: as the "
        "checkpoint says, mostly 0.1.",
        at_least=0,
        at_most=0.999999,
    )

    precision: str = setting(
        "float32",
        "Number format of the computation. mixed_bfloat16 keeps float32 "
        "weights: faster on TPUs and recent GPUs.",
        choices=("float32", "mixed_bfloat16"),
        modes=COMPUTING,
    )
