"""Settings of the devices: where, and in what portions, it is computed."""

import dataclasses

from tf_bert.config.setting import COMPUTING, Changes, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """The group "Devices"."""

    distribution: str = setting(
        "auto",
        "auto: a TPU if there is one, else as many GPUs as divide the batch, "
        "else one device; the workers that TF_CONFIG names, if it is set. "
        "mirrored: all GPUs (or CPU devices) of this machine. multi_worker: "
        "those of several machines. The result is the same but for rounding "
        "and for the dropout masks, of which each device draws its own.",
        choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"),
        changes=Changes.SPEED,
        modes=COMPUTING,
    )

    tpu_name: str | None = setting(
        None,
        "local: the TPU of this machine, as on Colab and TPU VMs. Or the name "
        "of one in the cloud. Default: local.",
        changes=Changes.SPEED,
        modes=COMPUTING,
    )

    tpu_zone: str | None = setting(
        None,
        "Of a TPU by name. Default: as gcloud says.",
        changes=Changes.SPEED,
        modes=COMPUTING,
    )

    gcp_project: str | None = setting(
        None,
        "Of a TPU by name. Default: as gcloud says.",
        changes=Changes.SPEED,
        modes=COMPUTING,
    )

    steps_per_loop: int | None = setting(
        None,
        "Updates between two looks at signals and the progress bar. Default: "
        "what takes a tenth of a second; 32 where shapes are fixed, which all "
        "these updates share.",
        at_least=1,
        changes=Changes.SPEED,
    )

    jit_compile: str = setting(
        "auto",
        "Compiles the step by XLA, with few fixed shapes. auto: on TPUs, "
        "which know nothing else.",
        choices=("auto", "true", "false"),
    )

    remat: bool = setting(
        False,
        "Computes each block again on the way back, to save memory. The "
        "result is the same.",
        changes=Changes.SPEED,
    )
