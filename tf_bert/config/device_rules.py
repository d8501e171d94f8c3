"""Which settings of devices go together. No TensorFlow."""

from typing import Any

from tf_bert.config.all_settings import received


def check(config: Any) -> None:
    """Raises a ValueError if two flags about devices contradict."""
    for name in ("tpu_name", "tpu_zone", "gcp_project"):
        is_given = getattr(config, name) is not None
        if is_given and config.distribution not in ("auto", "tpu"):
            raise ValueError(
                f"`{name}` must be left out without a TPU. "
                f"{received(config, name, 'distribution')}. Leave out "
                f"--{name}, or pass --distribution=tpu."
            )
    for name in ("tpu_zone", "gcp_project"):
        if getattr(config, name) and config.tpu_name in (None, "local"):
            raise ValueError(
                f"`{name}` must come with the name of a TPU. "
                f"{received(config, name, 'tpu_name')}. Pass --tpu_name, or "
                f"leave out --{name}."
            )
    if config.distribution == "tpu" and config.jit_compile == "false":
        raise ValueError(
            "A TPU runs compiled steps alone. "
            f"{received(config, 'jit_compile', 'distribution')}. Leave out "
            "--jit_compile."
        )
    if config.remat and config.freeze in ("encoder", "all_but_head"):
        raise ValueError(
            "`remat` has nothing to recompute where all blocks are frozen. "
            f"{received(config, 'remat', 'freeze')}. Leave out --remat, or "
            "freeze less."
        )
    if config.mode == "trials" and config.distribution == "multi_worker":
        raise ValueError(
            "A trial runs on the devices of one machine. "
            f"{received(config, 'distribution', 'mode')}. Leave out "
            "--distribution; --trial_runner=ray spreads trials over machines."
        )
