"""Tests of tf_bert/doctor/runtime.py."""

import pathlib
import tempfile

from absl.testing import parameterized

from tf_bert.doctor import runtime


class RuntimeTest(parameterized.TestCase):
    @parameterized.parameters(
        ((), {}, "CPU"),
        (("null", "accel", "vfio/vfio"), {}, "CPU"),
        (("nvidia0", "nvidiactl"), {}, "GPU"),
        (("nvidiactl",), {}, "CPU"),
        (("dxg",), {}, "GPU"),
        (("accel0",), {}, "TPU"),
        (("vfio/0", "vfio/vfio"), {}, "TPU"),
        # A GPU that was handed over by VFIO is no TPU.
        (("vfio/0", "nvidia0"), {}, "GPU"),
        ((), {"TPU_ACCELERATOR_TYPE": "v5litepod-1"}, "TPU"),
        ((), {"COLAB_TPU_ADDR": "10.0.0.2:8470"}, "TPU"),
        (("nvidia0",), {"TPU_NAME": ""}, "GPU"),
    )
    def test_a_machine_is_known_by_its_devices(self, devices, names, expected):
        with tempfile.TemporaryDirectory() as root:
            for name in devices:
                path = pathlib.Path(root, "dev", name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            self.assertEqual(runtime.find_kind(names, root), expected)

    @parameterized.parameters(
        ("CPU", {}, "a machine with CPUs alone"),
        ("GPU", {}, "a machine with an NVIDIA GPU"),
        ("TPU", {"COLAB_RELEASE_TAG": "x"}, "a Colab runtime with a TPU"),
    )
    def test_the_sentence(self, kind, names, expected):
        self.assertIn(f"This is {expected}, ", runtime.describe(kind, names))
