"""Tests of tf_bert/doctor/install_plan.py: what pip is asked for."""

from absl.testing import parameterized

from tf_bert.doctor import install_plan, packages

REQUIREMENTS = [
    "keras>=3.12",
    "numpy",
    "huggingface_hub",
    "tensorboard",
    "tensorflow>=2.20,<2.22",
    "tensorflow-text>=2.20,<2.22",
    "transformers>=5,<6",
]
# What Colab ships, of these. Names are spelled as distributions spell them.
COLAB_TPU = {
    "keras": "3.13.2",
    "numpy": "2.0.2",
    "huggingface_hub": "1.0.1",
    "transformers": "5.15.0",
    "jax": "0.7.2",
    "jaxlib": "0.7.2",
    "libtpu": "0.0.21.1",
    "torch": "2.8.0+cpu",
}
COLAB = {
    **COLAB_TPU,
    "tensorboard": "2.20.0",
    "tensorflow": "2.20.0",
    "tensorflow_text": "2.20.1",
}
KEPT_ON_TPU = (
    "huggingface-hub==1.0.1",
    "jax==0.7.2",
    "jaxlib==0.7.2",
    "keras==3.13.2",
    "numpy==2.0.2",
    "torch==2.8.0+cpu",
    "transformers==5.15.0",
)
TENSORFLOW_FOR_TPUS = (
    "install",
    "--force-reinstall",
    "--no-deps",
    "tensorflow-tpu==2.20.0",
)
LIBTPU = ("install", "--no-deps", "libtpu==0.0.21.1")
# As `plan` leaves a TPU runtime.
TPU_READY = {**COLAB, "tensorflow-tpu": "2.20.0"}


class InstallPlanTest(parameterized.TestCase):
    @parameterized.parameters("CPU", "GPU")
    def test_nothing_is_missing_on_colab(self, kind):
        # A release candidate in range is kept.
        installed = {**COLAB, "keras": "3.14.0rc1"}
        self.assertEqual(install_plan.plan(kind, installed, REQUIREMENTS), [])

    def test_colab_with_a_tpu_gets_tensorflow_for_tpus_last(self):
        commands = install_plan.plan("TPU", COLAB_TPU, REQUIREMENTS)
        missing = ("tensorboard", "tensorflow==2.20.0")
        first = ("install", *missing, "tensorflow-text==2.20.1", *KEPT_ON_TPU)
        self.assertEqual(commands, [first, TENSORFLOW_FOR_TPUS])

    def test_a_tpu_that_is_set_up_is_left_alone(self):
        self.assertEqual(install_plan.plan("TPU", TPU_READY, REQUIREMENTS), [])

    @parameterized.parameters(
        ("0.0.13", [LIBTPU]),
        ("0.0.14", []),
        ("0.0.31", []),
        ("0.0.32", [LIBTPU]),
        ("0.0.42.1", [LIBTPU]),
        (None, [LIBTPU]),
    )
    def test_libtpu_is_kept_where_it_loads(self, version, expected):
        installed = {**TPU_READY, "libtpu": version}
        if version is None:
            del installed["libtpu"]
        commands = install_plan.plan("TPU", installed, REQUIREMENTS)
        self.assertEqual(commands, expected)

    def test_a_newer_tensorflow_on_a_tpu_is_replaced(self):
        installed = {
            **TPU_READY,
            "tensorflow": "2.21.0",
            "tensorflow_text": "2.21.1",
        }
        commands = install_plan.plan("TPU", installed, REQUIREMENTS)
        self.assertEqual(
            commands[0][:3],
            ("install", "tensorflow==2.20.0", "tensorflow-text==2.20.1"),
        )
        # It is overwritten by the first command.
        self.assertEqual(commands[1:], [TENSORFLOW_FOR_TPUS])

    @parameterized.parameters(
        ("CPU", "tensorflow>=2.20"), ("GPU", "tensorflow[and-cuda]>=2.20")
    )
    def test_an_empty_machine_leaves_the_choice_to_pip(self, kind, expected):
        commands = install_plan.plan(kind, {}, ["tqdm", "tensorflow>=2.20"])
        self.assertEqual(commands, [("install", "tqdm", expected)])

    @parameterized.parameters(None, "2.21.1")
    def test_tensorflow_text_follows_the_tensorflow_that_is_there(self, text):
        installed = {"tensorflow": "2.20.0", "tensorflow-text": text}
        installed = {n: v for n, v in installed.items() if v is not None}
        [command] = install_plan.plan(
            "CPU", installed, ["tensorflow>=2.20", "tensorflow-text>=2.20"]
        )
        self.assertEqual(
            command,
            ("install", "tensorflow-text==2.20.*", "tensorflow==2.20.0"),
        )

    def test_what_the_package_needs_can_be_planned(self):
        requirements = packages.requirements()
        [command] = install_plan.plan("CPU", {}, requirements)
        self.assertLen(command, 1 + len(requirements))
        [first, *others] = install_plan.plan("TPU", {}, requirements)
        self.assertContainsSubset(
            {"tensorflow==2.20.0", "tensorflow-text==2.20.1"}, first
        )
        self.assertEqual(others, [TENSORFLOW_FOR_TPUS, LIBTPU])
