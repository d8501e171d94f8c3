import io
import pickle
import struct

import torch_files
from absl.testing import parameterized

from tf_bert.checkpoints.torch import unpickle
from tf_bert.checkpoints.torch.tensors import Storage, Tensor

STORED = torch_files.storage("0", "float32", 6)
WHOLE = Storage("0", "float32", 6, 0, 6)


def load(body):
    data = torch_files.PROTOCOL + body + torch_files.END
    return unpickle.load(io.BytesIO(data))


class LoadTest(parameterized.TestCase):
    @parameterized.parameters(2, 3, 4, 5)
    def test_plain_things_are_what_pickle_wrote(self, protocol):
        value = {"a": [1, -2, 2**40], "b": (True, False, None), "c": "é"}
        data = pickle.dumps(value, protocol=protocol)
        self.assertEqual(unpickle.load(io.BytesIO(data)), value)

    def test_the_stream_is_left_at_the_end(self):
        stream = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps(2, 2) + b"rest")
        self.assertEqual(unpickle.load(stream), 1)
        self.assertEqual(unpickle.load(stream), 2)
        self.assertEqual(stream.read(), b"rest")

    def test_a_tensor_is_described(self):
        tensor = torch_files.tensor(STORED, (3, 2), (1, 3))
        self.assertEqual(
            load(torch_files.dict_of({"a": tensor})),
            {"a": Tensor(WHOLE, 0, (3, 2), (1, 3))},
        )

    def test_a_parameter_is_its_tensor(self):
        parameter = torch_files.call(
            torch_files.name("torch._utils", "_rebuild_parameter"),
            torch_files.tensor(STORED, (2, 3)),
            b"\x88",
        )
        self.assertEqual(load(parameter), Tensor(WHOLE, 0, (2, 3), (3, 1)))

    def test_the_state_of_a_dict_is_passed_over(self):
        self.assertEqual(
            load(torch_files.dict_of({"a": b"N"}) + b"}b"), {"a": None}
        )

    def test_a_view_of_a_storage_is_a_part_of_it(self):
        view = torch_files.tuple_of(
            torch_files.text("v"),
            torch_files.integer(2),
            torch_files.integer(4),
        )
        stored = torch_files.storage("0", "float32", 6, view)
        tensor = load(torch_files.tensor(stored, (2, 2)))
        self.assertEqual(tensor.storage, Storage("0", "float32", 6, 2, 4))

    def test_all_storages_are_told(self):
        storages = {}
        body = torch_files.tuple_of(
            STORED, torch_files.storage("1", "int64", 9)
        )
        data = torch_files.PROTOCOL + body + torch_files.END
        unpickle.load(io.BytesIO(data), storages)
        self.assertEqual(
            storages, {"0": WHOLE, "1": Storage("1", "int64", 9, 0, 9)}
        )


class RefusalTest(parameterized.TestCase):
    def assert_refused(self, body, message):
        with self.assertRaisesRegex(pickle.UnpicklingError, message):
            load(body)

    @parameterized.parameters(
        ("os", "system"),
        ("builtins", "eval"),
        ("__builtin__", "getattr"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("torch.storage", "_load_from_bytes"),
        ("collections", "Counter"),
        ("collections", "OrderedDict.fromkeys"),
        ("tf_bert.checkpoints.torch.unpickle", "load"),
    )
    def test_what_it_would_run_is_named(self, module, attribute):
        message = f"it tries to run {module}.{attribute}$"
        name = torch_files.name(module, attribute)
        self.assert_refused(
            torch_files.call(name, torch_files.text("id")), message
        )
        on_stack = torch_files.text(module) + torch_files.text(attribute)
        self.assert_refused(on_stack + b"\x93", message)

    @parameterized.named_parameters(
        ("instance", b"(ios\nsystem\n"),
        ("object", b"(c__main__\nX\no"),
        ("new_object", b"ccollections\nOrderedDict\n)\x81"),
        ("extension", b"\x82\x01"),
        ("persistent_line", b"Pid\n"),
    )
    def test_other_ways_to_make_objects_are_refused(self, body):
        self.assert_refused(body, "instruction|tries to run")

    @parameterized.named_parameters(
        ("no_function", STORED + b")R", "a call of no function"),
        ("storage_type", b"ctorch\nFloatStorage\n)R", "call of no function"),
        ("arguments", b"ccollections\nOrderedDict\nNR", "without arguments"),
        (
            "dict_of_list",
            b"ccollections\nOrderedDict\n(]tR",
            "a dict that is made of a list",
        ),
        ("key", b"}))s", "a key that is no text"),
        ("deep_key", b"})" + b"\x85" * 100_000 + b"Ns", "no text"),
        ("odd", b"}(Nu", "a key without a value"),
        ("entry_of_none", b"NX\1\0\0\0aNs", "an entry of no dict"),
        ("append_to_none", b"NNa", "an entry of no list"),
        ("state_of_none", b"N}b", "the state of no dict"),
        ("state", b"}Nb", "a state that is no dict"),
        ("module", b"(X\6\0\0\0moduletQ", "something else than a storage"),
        ("no_storage", b"NQ", "something else than a storage"),
        (
            "key_of_storage",
            b"(X\7\0\0\0storagectorch\nFloatStorage\nNNK\1tQ",
            "without a type, a key and a size",
        ),
        (
            "negative_storage",
            torch_files.storage("0", "float32", -1),
            "without a type, a key and a size",
        ),
        ("two_things", b"}}", "2 things at its end, not one"),
        ("nothing", b"", "0 things at its end"),
        ("open_mark", b"(N", "1 things at its end"),
        ("two_names", b"X\1\0\0\0aN\x93", "a name that is no text"),
    )
    def test_what_is_no_state_dict_is_refused(self, body, message):
        self.assert_refused(body, message)

    @parameterized.parameters(
        ((2, 3), (3, 1), 1),
        ((7,), (1,), 0),
        ((2, 3), (4, 1), 0),
        ((10**9, 10**9), (0, 0), 0),
        ((7,), (0,), 0),
        ((10**18,), (1,), 0),
        ((0, 2**62, 2**62), (0, 0, 0), 0),
    )
    def test_a_tensor_outside_of_its_storage(self, shape, strides, offset):
        tensor = torch_files.tensor(STORED, shape, strides, offset)
        self.assert_refused(tensor, "not inside of storage 0, which has 6 el")

    @parameterized.parameters(
        ((-1,), (1,), 0), ((2,), (-1,), 1), ((2,), (1,), -1), ((2,), (), 0)
    )
    def test_numbers_that_no_tensor_has(self, shape, strides, offset):
        tensor = torch_files.tensor(STORED, shape, strides, offset)
        self.assert_refused(tensor, "not whole numbers")

    def test_a_tensor_of_very_many_axes(self):
        tensor = torch_files.tensor(STORED, (1,) * 9)
        self.assert_refused(tensor, "at most 8 of each")

    def test_a_storage_of_two_sizes(self):
        other = torch_files.storage("0", "float32", 7)
        self.assert_refused(
            torch_files.tuple_of(STORED, other), "storage 0 of two types or"
        )

    @parameterized.parameters(-1, 7)
    def test_a_view_outside_of_its_storage(self, length):
        view = torch_files.tuple_of(b"N", b"K\0", torch_files.integer(length))
        stored = torch_files.storage("0", "float32", 6, view)
        self.assert_refused(stored, "view that is not inside of storage 0")

    @parameterized.named_parameters(
        ("empty", b""),
        ("no_end", torch_files.PROTOCOL + b"N"),
        ("no_pickle", b"<!doctype html>"),
        ("short_stack", b"\x80\x02\x86."),
        ("no_mark", b"\x80\x02t."),
        ("memo", b"\x80\x02h\x07."),
        ("text", b"\x80\x02X\xff\xff\xff\x7fabc."),
        ("text_8", b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"abc."),
        ("integer", b"\x80\x02\x8b\xff\xff\xff\x7fabc."),
        ("encoding", b"\x80\x02X\1\0\0\0\xff."),
    )
    def test_damage_is_told(self, data):
        with self.assertRaisesRegex(
            pickle.UnpicklingError, "damaged|no end|instruction"
        ):
            unpickle.load(io.BytesIO(data))

    def test_a_large_index_of_the_memo_is_like_any_other(self):
        index = struct.pack("<I", 2**32 - 1)
        body = b"(Nr" + index + b"j" + index + b"t"
        self.assertEqual(load(body), (None, None))
