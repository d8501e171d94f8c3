"""Settings of the devices: where, and in what portions, it is computed."""

import dataclasses
import functools

from tf_bert.config.setting import COMPUTING, Changes, setting

_of_machines = functools.partial(
    setting, changes=Changes.SPEED, modes=COMPUTING
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """The group "Devices"."""

    distribution: str = _of_machines(
        "auto",
        "Devices to train on. auto: a TPU if there is one, else as many GPUs "
        "as divide the batch, else one device; the workers that TF_CONFIG "
        "names, if it is set. "
        "mirrored: all GPUs (or CPU devices) of this machine. multi_worker: "
        "those of several machines. The result is the same but for rounding "
        "and for the dropout masks, of which each device draws its own.",
        choices=("auto", "one_device", "mirrored", "multi_worker", "tpu"),
    )

    tpu_name: str | None = _of_machines(
        None,
        "Name of a TPU in the cloud; or local: the TPU of this machine, as on "
        "Colab and TPU VMs. Default: local.",
    )

    tpu_zone: str | None = _of_machines(
        None, "Zone of the TPU of --tpu_name. Default: as gcloud says."
    )

    gcp_project: str | None = _of_machines(
        None, "Project of the TPU of --tpu_name. Default: as gcloud says."
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
        "Recomputes each block in the backward pass, to save memory. The "
        "result is the same.",
        changes=Changes.SPEED,
    )
