"""What the names in PyTorch's pickles stand for: descriptions, no functions.

A storage is a row of numbers in a file, a tensor is a view of one. Both are
checked here as far as they can be without the file.
"""

import dataclasses
import math
import pickle
from collections.abc import Callable
from typing import Any

_MAX_RANK = 8
# Product of the other sizes of a tensor without elements; NumPy has a limit.
_MAX_EMPTY = 1 << 31


@dataclasses.dataclass(frozen=True, slots=True)
class Storage:
    """Numbers in a row, somewhere in the file.

    Attributes:
        key: name of the storage in the file.
        dtype: NumPy's name of the type of its numbers, or `bfloat16`.
        start: first number of the part that is meant.
        length: numbers in that part.
    """

    key: str
    dtype: str
    num_elements: int
    start: int
    length: int


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor:
    """A view of a storage.

    Attributes:
        offset: of its first number in the storage, in numbers.
        strides: of each axis, in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def span(self) -> int:
        """Numbers from its first to its last in the storage, both counted."""
        if 0 in self.shape:
            return 0
        steps = zip(self.shape, self.strides, strict=True)
        return 1 + sum((size - 1) * stride for size, stride in steps)


@dataclasses.dataclass(frozen=True)
class StorageType:
    """Stands for a class such as `torch.FloatStorage`."""

    dtype: str


@dataclasses.dataclass(frozen=True)
class Function:
    """Stands for a function: `describe` tells what it would return."""

    describe: Callable[[tuple[Any, ...]], Any]


def check(is_right: bool, problem: str) -> None:
    """Raises `pickle.UnpicklingError` unless `is_right`."""
    if not is_right:
        raise pickle.UnpicklingError(
            f"it is not a state dict: it has {problem}"
        )


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def describe_storage(identity: Any) -> Storage:
    """Describes what a persistent id of PyTorch stands for."""
    check(
        isinstance(identity, tuple)
        and len(identity) in (5, 6)
        and identity[0] == "storage",
        "a reference to something else than a storage",
    )
    _, storage_type, key, _, num_elements, *view = identity
    check(
        isinstance(storage_type, StorageType)
        and isinstance(key, str)
        and _is_count(num_elements),
        "a storage without a type, a key and a size",
    )
    start, length = 0, num_elements
    if view and view[0] is not None:  # As PyTorch before 0.4 wrote.
        check(
            isinstance(view[0], tuple) and len(view[0]) == 3,
            "a view of a storage without a key, an offset and a size",
        )
        _, start, length = view[0]
        check(
            _is_count(start)
            and _is_count(length)
            and start + length <= num_elements,
            f"a view that is not inside of storage {key:.50}",
        )
    return Storage(key, storage_type.dtype, num_elements, start, length)


def _rebuild_tensor(arguments: tuple[Any, ...]) -> Tensor:
    """Describes a tensor; what follows the strides is for training."""
    check(len(arguments) >= 4, "a tensor without strides")
    storage, offset, shape, strides = arguments[:4]
    check(isinstance(storage, Storage), "a tensor without a storage")
    check(
        isinstance(shape, tuple)
        and isinstance(strides, tuple)
        and len(shape) == len(strides) <= _MAX_RANK
        and all(map(_is_count, (offset, *shape, *strides))),
        "a tensor whose offset, shape and strides are not whole numbers, at "
        f"most {_MAX_RANK} of each",
    )
    tensor = Tensor(storage, offset, shape, strides)
    # An expanded tensor has more elements than its storage: small in the
    # file, of any size in memory. No weight is one.
    limit = _MAX_EMPTY if 0 in shape else storage.length
    num_elements = math.prod(max(size, 1) for size in shape)
    check(
        num_elements <= limit and offset + tensor.span <= storage.length,
        f"a tensor of shape {shape!s:.100} that is not inside of storage "
        f"{storage.key:.50}, which has {storage.length} elements",
    )
    return tensor


def _rebuild_parameter(arguments: tuple[Any, ...]) -> Tensor:
    check(
        bool(arguments) and isinstance(arguments[0], Tensor),
        "a parameter that is no tensor",
    )
    return arguments[0]


def _make_dict(arguments: tuple[Any, ...]) -> dict[str, Any]:
    # A copy of given items could be asked for again and again.
    check(not arguments, "a dict that is made of a list")
    return {}


# Everything that a state dict may name.
NAMES: dict[str, Function | StorageType] = {
    "collections.OrderedDict": Function(_make_dict),
    "torch._utils._rebuild_tensor": Function(_rebuild_tensor),
    "torch._utils._rebuild_tensor_v2": Function(_rebuild_tensor),
    "torch._utils._rebuild_parameter": Function(_rebuild_parameter),
    "torch.DoubleStorage": StorageType("float64"),
    "torch.FloatStorage": StorageType("float32"),
    "torch.HalfStorage": StorageType("float16"),
    "torch.BFloat16Storage": StorageType("bfloat16"),
    "torch.LongStorage": StorageType("int64"),
    "torch.IntStorage": StorageType("int32"),
    "torch.ShortStorage": StorageType("int16"),
    "torch.CharStorage": StorageType("int8"),
    "torch.ByteStorage": StorageType("uint8"),
    "torch.BoolStorage": StorageType("uint8"),
}
