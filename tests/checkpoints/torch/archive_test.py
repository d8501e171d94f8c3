import io
import os
import pathlib
import struct
import tarfile
import tempfile
import zipfile

import numpy as np
import pytest
import torch_files
from absl.testing import parameterized

from tf_bert.checkpoints.torch import archive as torch_archive

ARRAYS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3) - 2.5,
    "b.bias": np.array([1.5, -0.25], np.float64),
    "c.half": np.array([[0.5], [-2.0]], np.float16),
    "d.ids": np.array([[1, -2, 3]], np.int64),
    "e.scalar": np.array(7, np.int32),
    "f.empty": np.zeros((0, 3), np.float32),
}
DATA = np.arange(6, dtype=np.float32)
BYTES = DATA.tobytes()
STORED = torch_files.storage("0", "float32", 6)
WHOLE = torch_files.dict_of({"a": torch_files.tensor(STORED, (2, 3))})


class WithPath(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = str(pathlib.Path(folder, "pytorch_model.bin"))

    def write(self, data: bytes):
        pathlib.Path(self.path).write_bytes(data)

    def write_zip(self, description, data=BYTES, **options):
        members = torch_files.zip_file(description, {"0": data}, **options)
        torch_files.write_zip(self.path, members)

    def open(self):
        return torch_archive.open_archive(self.path)

    def assert_refused(self, message):
        with self.assertRaisesRegex(
            ValueError,
            rf"not a state dict.*Received: {self.path} \(\d+ bytes; .*"
            rf"{message}.*Fetch it again",
        ):
            self.open()


class ReadTest(WithPath):
    @parameterized.parameters(True, False)
    def test_arrays_come_back(self, is_zip):
        torch_files.write_arrays(self.path, ARRAYS, is_zip=is_zip)
        archive = self.open()
        self.assertEqual(set(archive.tensors), set(ARRAYS))
        for name, array in ARRAYS.items():
            read = archive.read(name)
            np.testing.assert_array_equal(read, array)
            is_half = array.dtype == np.float16
            self.assertEqual(read.dtype, np.float32 if is_half else array.dtype)

    def test_bfloat16_is_the_upper_half_of_float32(self):
        values = np.array([1.5, -2.25, 3e38, np.inf], np.float32)
        upper = (values.view(np.uint32) >> 16).astype(np.uint16)
        stored = torch_files.storage("0", "BFloat16Storage", 4)
        self.write_zip(
            torch_files.dict_of({"a": torch_files.tensor(stored, (2, 2))}),
            upper.tobytes(),
        )
        expected = (upper.astype(np.uint32) << 16).view(np.float32)
        read = self.open().read("a")
        np.testing.assert_array_equal(read, expected.reshape(2, 2))
        np.testing.assert_allclose(read[0], [1.5, -2.25])

    def test_views_share_a_storage(self):
        tensors = {
            "transposed": torch_files.tensor(STORED, (3, 2), (1, 3)),
            "every_second": torch_files.tensor(STORED, (3,), (2,), 1),
            "tied": torch_files.tensor(STORED, (2, 3)),
        }
        self.write_zip(torch_files.dict_of(tensors))
        archive = self.open()
        matrix = DATA.reshape(2, 3)
        np.testing.assert_array_equal(archive.read("transposed"), matrix.T)
        np.testing.assert_array_equal(archive.read("every_second"), [1, 3, 5])
        np.testing.assert_array_equal(archive.read("tied"), matrix)

    @parameterized.parameters(
        ((1, 6), (2**63 - 1, 1)), ((1, 1), (2**80, 2**80)), ((0, 2), (2**80, 9))
    )
    def test_a_stride_that_is_never_taken_may_be_anything(self, shape, strides):
        tensor = torch_files.tensor(STORED, shape, strides)
        self.write_zip(torch_files.dict_of({"a": tensor}))
        count = int(np.prod(shape))
        expected = DATA[:count].reshape(shape)
        np.testing.assert_array_equal(self.open().read("a"), expected)

    def test_another_byte_order_is_heeded(self):
        members = torch_files.zip_file(
            WHOLE, {"0": DATA.astype(">f4").tobytes()}
        )
        members[1] = ("archive/byteorder", b"big", zipfile.ZIP_STORED)
        torch_files.write_zip(self.path, members)
        read = self.open().read("a")
        np.testing.assert_array_equal(read, DATA.reshape(2, 3))
        self.assertTrue(read.dtype.isnative)

    @parameterized.parameters("state_dict", "model_state_dict", "model")
    def test_a_wrapped_state_dict_is_found(self, name):
        self.write_zip(torch_files.dict_of({"epoch": b"K\3", name: WHOLE}))
        self.assertEqual(set(self.open().tensors), {"a"})

    def test_a_stream_may_hold_storages_that_no_tensor_uses(self):
        other = torch_files.storage("1", "int64", 1)
        description = torch_files.dict_of({"step": other, "model": WHOLE})
        storages = {"1": (1, b"\7" * 8), "0": (6, BYTES)}
        self.write(torch_files.stream(description, storages))
        np.testing.assert_array_equal(self.open().read("a"), DATA.reshape(2, 3))

    def test_a_file_that_shrinks_after_it_was_opened(self):
        self.write_zip(WHOLE)
        archive = self.open()
        os.truncate(self.path, 100)
        with self.assertRaisesRegex(ValueError, "a ends too early"):
            archive.read("a")


class RefusalTest(WithPath):
    @parameterized.parameters(True, False)
    def test_what_it_tries_to_run_is_named_and_not_run(self, is_zip):
        trace = f"{self.path}.trace"
        body = torch_files.call(
            torch_files.name("os", "mkdir"), torch_files.text(trace)
        )
        if is_zip:
            self.write_zip(body)
        else:
            self.write(torch_files.stream(body, {}))
        self.assert_refused("it tries to run os.mkdir")
        self.assertFalse(os.path.exists(trace))

    def test_a_zip_bomb_is_not_unpacked(self):
        self.write_zip(
            WHOLE, b"\0" * 50_000_000, compression=zipfile.ZIP_DEFLATED
        )
        self.assertLess(os.path.getsize(self.path), 100_000)
        self.assert_refused("data.pkl is compressed, as PyTorch never does")

    @parameterized.parameters(10**18, 2**62, 2**200)
    def test_a_storage_that_claims_very_many_numbers(self, count):
        stored = torch_files.storage("0", "float32", count)
        tensor = torch_files.tensor(stored, (count,))
        description = torch_files.dict_of({"a": tensor})
        self.write_zip(description)
        self.assert_refused(f"storage 0 claims {count} numbers of float32")
        self.write(torch_files.stream(description, {"0": (6, BYTES)}))
        self.assert_refused(f"storage 0 claims {count} numbers of float32")

    def test_a_negative_count_of_numbers(self):
        self.write(torch_files.stream(WHOLE, {"0": (-6, BYTES)}))
        self.assert_refused("claims 6 numbers of float32 and has -24 bytes")

    def test_a_description_that_is_very_long(self):
        self.write_zip(torch_files.text("x" * 2_000_000))
        self.assert_refused("takes 20000.. bytes, more than 1048576")

    def test_a_tar_archive(self):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("storages"))
        self.write(content.getvalue())
        self.assert_refused("tar archive, as PyTorch before 0.1.12 wrote")

    @parameterized.named_parameters(
        ("empty", b""),
        ("page", b"<!doctype html><title>Not found</title>"),
        ("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256"),
        ("number", b"\x80\x02K\1."),
        ("pk", b"PK"),
        ("end_of_zip", b"PK\5\6" + b"\xff" * 18),
    )
    def test_what_is_no_file_of_pytorch(self, data):
        self.write(data)
        self.assert_refused("")

    def test_a_member_that_is_marked_as_a_folder(self):
        # PyTorch reads nothing of it, and keeps silent.
        with zipfile.ZipFile(self.path, "w") as archive:
            for name, data, _ in torch_files.zip_file(WHOLE, {"0": BYTES}):
                info = zipfile.ZipInfo(name)
                info.external_attr = 0x10 if name.endswith("data/0") else 0
                archive.writestr(info, data)
        self.assert_refused("archive/data/0 is a folder")

    def test_a_directory_that_begins_before_the_file(self):
        self.write_zip(WHOLE)
        data = pathlib.Path(self.path).read_bytes()
        end = data.rindex(b"PK\5\6")
        size = struct.pack("<I", 10**6)
        self.write(data[: end + 12] + size + data[end + 16 :])
        self.assert_refused("")

    def test_another_version(self):
        data = torch_files.stream(WHOLE, {"0": (6, BYTES)})
        version = torch_files.integer(1001)
        self.write(data.replace(version, torch_files.integer(1002), 1))
        self.assert_refused("it has version 1002")

    @parameterized.named_parameters(
        ("list", b"]", "it holds a list"),
        ("tensor", torch_files.tensor(STORED, (6,)), "it holds a Tensor"),
        (
            "entry",
            torch_files.dict_of(
                {"a": torch_files.tensor(STORED, (6,)), "epoch": b"K\3"}
            ),
            "its entry epoch is a int, no tensor",
        ),
        (
            "wrapped_twice",
            torch_files.dict_of({"x": WHOLE}),
            "its entry x is a dict, no tensor",
        ),
    )
    def test_what_is_no_state_dict(self, description, message):
        self.write_zip(description)
        self.assert_refused(message)

    def test_a_missing_member(self):
        members = torch_files.zip_file(WHOLE, {"1": BYTES})
        torch_files.write_zip(self.path, members)
        self.assert_refused("its storage 0 is missing")

    @parameterized.parameters(0, 2)
    def test_one_description_is_needed(self, count):
        member = ("data.pkl", b"\x80\x02}.", zipfile.ZIP_STORED)
        names = [f"{i}/data.pkl" for i in range(count)]
        torch_files.write_zip(
            self.path, [("x", *member[1:]), *((n, *member[1:]) for n in names)]
        )
        self.assert_refused(f"with {count} files data.pkl, not one")

    @parameterized.parameters(True, False)
    def test_every_truncation_is_refused(self, is_zip):
        if is_zip:
            self.write_zip(WHOLE)
        else:
            self.write(torch_files.stream(WHOLE, {"0": (6, BYTES)}))
        data = pathlib.Path(self.path).read_bytes()
        for size in range(0, len(data), 7):
            self.write(data[:size])
            self.assert_refused("")

    def test_a_stream_that_lacks_a_storage(self):
        self.write(torch_files.stream(WHOLE, {}))
        self.assert_refused("it ends too early")

    def test_a_stream_with_an_unknown_storage(self):
        self.write(torch_files.stream(WHOLE, {"7": (6, BYTES)}))
        self.assert_refused("list of storages names unknown ones")


@pytest.mark.large
@pytest.mark.reference
class TorchTest(WithPath):
    """What PyTorch writes, and what it reads of ours."""

    def state_dict(self, dtype="float32"):
        import torch

        torch.manual_seed(0)
        table = torch.randn(30, 8).to(getattr(torch, dtype))
        state = torch.nn.Linear(8, 4).state_dict()  # With `_metadata`.
        state |= {
            "tied": table,
            "tied_too": table,
            "transposed": table.t(),
            "rows": table[3:9, ::2],
            "parameter": torch.nn.Parameter(table[1]),
            "scalar": torch.tensor(3),
            "position_ids": torch.arange(12).expand(1, -1),
            "mask": torch.tensor([True, False]),
            "empty": torch.zeros(0, 3),
        }
        return state

    @parameterized.product(
        dtype=("float32", "float16", "bfloat16", "float64"),
        is_zip=(True, False),
    )
    def test_everything_torch_saves_comes_back(self, dtype, is_zip):
        import torch

        state = self.state_dict(dtype)
        torch.save(state, self.path, _use_new_zipfile_serialization=is_zip)
        archive = self.open()
        self.assertEqual(list(archive.tensors), list(state))
        for name, tensor in state.items():
            tensor = tensor.detach()
            if tensor.dtype in (torch.float16, torch.bfloat16):
                tensor = tensor.float()
            read = archive.read(name)
            self.assertEqual(read.shape, tuple(tensor.shape), name)
            np.testing.assert_array_equal(read, tensor.numpy(), name)

    def test_a_whole_module_is_refused(self):
        import torch

        torch.save(torch.nn.Linear(2, 2), self.path)
        self.assert_refused("it tries to run torch.nn.modules.linear.Linear")

    @parameterized.parameters(True, False)
    def test_torch_reads_the_files_of_these_tests(self, is_zip):
        import torch

        torch_files.write_arrays(self.path, ARRAYS, is_zip=is_zip)
        read = torch.load(self.path, weights_only=True)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(read[name].numpy(), array)
