import math

import numpy as np
from absl.testing import parameterized

from tf_bert.models import activations

POINTS = (-4.0, -1.5, -0.3, 0.0, 0.2, 1.0, 3.0)


def gelu(x):
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def gelu_by_tanh(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return x * (1 + math.tanh(inner)) / 2


def silu(x):
    return x / (1 + math.exp(-x))


class ActivationsTest(parameterized.TestCase):
    @parameterized.parameters(
        ("gelu", gelu),
        ("gelu_new", gelu_by_tanh),
        ("gelu_pytorch_tanh", gelu_by_tanh),
        ("relu", lambda x: max(x, 0.0)),
        ("silu", silu),
        ("swish", silu),
        ("tanh", math.tanh),
    )
    def test_equals_its_closed_form(self, name, expected):
        actual = activations.get(name)(np.array(POINTS, np.float32))
        np.testing.assert_allclose(
            actual, [expected(x) for x in POINTS], atol=1e-6
        )

    def test_exact_gelu_is_not_the_approximate_one(self):
        point = np.array([2.0], np.float32)
        exact = np.asarray(activations.get("gelu")(point))
        approximate = np.asarray(activations.get("gelu_new")(point))
        self.assertGreater(abs(exact - approximate).item(), 1e-5)

    def test_unknown_name_lists_the_choices(self):
        with self.assertRaisesRegex(
            ValueError, "not known.*hidden_act='gelu_fast'. .* gelu, gelu_new, "
        ):
            activations.get("gelu_fast")
