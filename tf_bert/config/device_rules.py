"""Which settings of devices go together. No TensorFlow."""

from typing import Any


def check(config: Any) -> None:
    """Checks the flags about devices of a `tf_bert.config.Config`.

    Raises:
        ValueError: if two contradict.
    """
    for name in ("tpu_name", "tpu_zone", "gcp_project"):
        value = getattr(config, name)
        if value is not None and config.distribution not in ("auto", "tpu"):
            raise ValueError(
                f"`{name}` must be left out without a TPU. Received: "
                f"{name}={value!r}, distribution={config.distribution}. Leave "
                f"out --{name}, or pass --distribution=tpu."
            )
    for name in ("tpu_zone", "gcp_project"):
        if getattr(config, name) and config.tpu_name in (None, "local"):
            raise ValueError(
                f"`{name}` must come with the name of a TPU. Received: "
                f"{name}={getattr(config, name)!r}, tpu_name="
                f"{config.tpu_name}. Pass --tpu_name, or leave out --{name}."
            )
    if config.distribution == "tpu" and config.jit_compile == "false":
        raise ValueError(
            "A TPU must get compiled steps. Received: jit_compile=false, "
            "distribution=tpu. Leave out --jit_compile."
        )
    if config.remat and config.freeze in ("encoder", "all_but_head"):
        raise ValueError(
            "`remat` must have a trained block to compute again. Received: "
            f"remat=True, freeze={config.freeze}, which freezes all. Leave "
            "out --remat, or freeze less."
        )
    if config.mode == "trials" and config.distribution == "multi_worker":
        raise ValueError(
            "Trials must run on the devices of one machine each. Received: "
            "distribution=multi_worker, mode=trials. Leave out "
            "--distribution; --trial_runner=ray spreads them over machines."
        )
