"""The flags about devices: see `flag_table.py`."""

from tf_bert import device_rules
from tf_bert.flag import Flag

DEVICE_FLAGS = (
    Flag(
        "distribution",
        device_rules.DISTRIBUTIONS,
        "auto: a TPU if there is one, else as many GPUs as divide the batch, "
        "else one device; the workers that TF_CONFIG names, if it is set. "
        "mirrored: all GPUs (or CPU devices) of this machine. multi_worker: "
        "those of several machines. The result is the same but for rounding "
        "and for the dropout masks, of which each device draws its own.",
    ),
    Flag(
        "tpu_name",
        str,
        "local: the TPU of this machine, as on Colab and TPU VMs. Or the "
        "name of one in the cloud. Default: local.",
    ),
    Flag("tpu_zone", str, "Of a TPU by name. Default: as gcloud says."),
    Flag("gcp_project", str, "Of a TPU by name. Default: as gcloud says."),
    Flag(
        "steps_per_loop",
        int,
        "Updates between two looks at signals and the progress bar. "
        "Default: what takes a tenth of a second; 32 where shapes are fixed, "
        "which all these updates share.",
    ),
    Flag(
        "jit_compile",
        device_rules.JIT_COMPILE,
        "Compiles the step by XLA, with few fixed shapes. auto: on TPUs, "
        "which know nothing else.",
    ),
    Flag(
        "remat",
        bool,
        "Computes each block again on the way back, to save memory. The "
        "result is the same.",
    ),
)
