"""Finding a TPU, and connecting to it.

TensorFlow needs a build of its own for TPUs (`tensorflow-tpu`); the ordinary
one has no kernels for them. That there is a TPU, and that this TensorFlow can
use it, are therefore two questions.
"""

import dataclasses
import functools

import tensorflow as tf
from absl import logging
from tensorflow.python.framework import kernels

from tf_bert.config import Config
from tf_bert.system import device_files

LOCAL = "local"
_INSTALL = (
    "Install a TensorFlow for TPUs: pip install --force-reinstall --no-deps "
    "tensorflow-tpu==2.20.0, as docs/tpu.md says"
)


def find(config: Config) -> str | None:
    """Returns the name of the TPU that a run could use; None without one."""
    if config.tpu_name is not None:
        return config.tpu_name
    has_gpus = bool(tf.config.list_physical_devices("GPU"))
    if device_files.tpu_chips(has_gpus=has_gpus):
        return LOCAL
    return device_files.name_of_remote_tpu()


def is_usable(name: str) -> bool:
    """Whether this TensorFlow has what the TPU of a name needs; says if not."""
    if has_kernels(name):
        return True
    logging.warning(
        "This machine has a TPU, but this TensorFlow has no kernels for it: "
        "running without the TPU. %s.",
        _INSTALL,
    )
    return False


def has_kernels(name: str) -> bool:
    """Whether this TensorFlow has what the TPU of a name needs."""
    # What a TPU elsewhere needs is there, not here. Not the devices: none is
    # listed while another process holds the TPU.
    found = kernels.get_registered_kernels_for_op("TPUExecute")
    return bool(found.kernel) or name != LOCAL


@dataclasses.dataclass(frozen=True, eq=False)
class Tpu:
    """A TPU that is ready."""

    resolver: tf.distribute.cluster_resolver.TPUClusterResolver
    topology: tf.tpu.experimental.Topology

    @property
    def num_cores(self) -> int:
        """Of all its machines; each core is a device."""
        return self.topology.num_tasks * self.topology.num_tpus_per_task

    def strategy(self, count: int) -> tf.distribute.TPUStrategy:
        """Returns the strategy for `count` of the cores."""
        assignment = None
        if count < self.num_cores:
            assignment = tf.tpu.experimental.DeviceAssignment.build(
                self.topology, num_replicas=count
            )
        return tf.distribute.TPUStrategy(
            self.resolver, experimental_device_assignment=assignment
        )


def connect(config: Config) -> Tpu:
    """Connects to the TPU and prepares it, once in a process."""
    name = find(config) or LOCAL
    if not has_kernels(name):
        raise ValueError(
            "This TensorFlow has no kernels for TPUs. Received: tensorflow "
            f"{tf.__version__}, tpu_name={name}. {_INSTALL}; or pass "
            "--distribution=one_device."
        )
    try:
        return _connect(name, config.tpu_zone, config.gcp_project)
    # What is raised depends on how far it gets: the client of Google's cloud,
    # its network, or the TPU system.
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"Could not connect to the TPU: {reason}. Received: "
            f"tpu_name={name}, tpu_zone={config.tpu_zone}, gcp_project="
            f"{config.gcp_project}. Pass the --tpu_name, --tpu_zone and "
            "--gcp_project of one that runs, or --distribution=one_device; "
            "--mode=doctor looks for what is wrong with this machine."
        ) from error


# To prepare it again would take away what the first strategy has on it.
@functools.cache
def _connect(name: str, zone: str | None, project: str | None) -> Tpu:
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
        tpu=name, zone=zone, project=project
    )
    if resolver.master():
        tf.config.experimental_connect_to_cluster(resolver)
    return Tpu(resolver, tf.tpu.experimental.initialize_tpu_system(resolver))
