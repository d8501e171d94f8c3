"""Reads the pickles of PyTorch's state dicts, and runs nothing.

A pickle is a program for a stack machine, and the machine of Python's `pickle`
calls what it is told to. This one knows the few instructions that a state dict
takes, and of everything that can be named only what is in two tables here:
instead of a function, each name stands for a description made of plain data.

Why not `pickle.Unpickler` with a list of names: an instruction of five bytes
makes it allocate 64 GiB (its memo is as long as twice the largest index), and
a tuple in a tuple, a million deep, ends the process with a segmentation fault
when it becomes the key of a dictionary. Here memory is linear in the size of
the pickle, and keys are strings.
"""

import dataclasses
import math
import pickle
import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

# A state dict takes some 250 bytes a tensor, so this is enough for 4,000.
MAX_BYTES = 1 << 20

_MAX_RANK = 8
# Product of the other sizes of a tensor without elements; NumPy has a limit.
_MAX_EMPTY = 1 << 31


@dataclasses.dataclass(frozen=True, slots=True)
class Storage:
    """Numbers in a row, somewhere in the file.

    Attributes:
        key: name of the storage in the file.
        dtype: PyTorch's name of the type of its numbers: `float32`.
        num_elements: how many numbers the storage has.
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
        storage: where its numbers are.
        offset: of its first number in the storage, in numbers.
        shape: numbers along each axis.
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


def load(stream: BinaryIO, storages: dict[str, Storage] | None = None) -> Any:
    """Reads one pickle, up to its end.

    Args:
        stream: at the pickle's begin; left at its end. Its length is the
            caller's to limit, see `MAX_BYTES`.
        storages: gets every storage that the pickle names, by its key.

    Returns:
        Plain Python objects, `Storage` and `Tensor`.

    Raises:
        pickle.UnpicklingError: with the reason, if the pickle is damaged, or
            asks for anything that a state dict does not need.

    Example:
        >>> import io, pickle
        >>> load(io.BytesIO(pickle.dumps({"version": 1}, protocol=2)))
        {'version': 1}
        >>> load(io.BytesIO(pickle.dumps(print, protocol=2)))
        Traceback (most recent call last):
        _pickle.UnpicklingError: it tries to run __builtin__.print
    """
    machine = _Machine({} if storages is None else storages)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name == "STOP":
                return machine.stack.pop()
            instruction = _INSTRUCTIONS.get(opcode.name)
            if instruction is None:
                raise pickle.UnpicklingError(
                    f"it has an instruction {opcode.name}, which no state dict "
                    "needs"
                )
            instruction(machine, argument)
    # From genops for bytes that are no pickle; from a stack that is too short.
    except (ValueError, IndexError, KeyError) as error:
        raise pickle.UnpicklingError(
            f"its pickle is damaged: {error!s:.200}"
        ) from error
    raise pickle.UnpicklingError("its pickle has no end")


@dataclasses.dataclass(frozen=True)
class _StorageType:
    """Stands for a class such as `torch.FloatStorage`."""

    dtype: str


@dataclasses.dataclass(frozen=True)
class _Function:
    """Stands for a function, which is never called.

    Args:
        describe: makes a description of its result from its arguments.
    """

    describe: Callable[[tuple[Any, ...]], Any]


class _Machine:
    """The stack, the memo and what instructions do to them."""

    def __init__(self, storages: dict[str, Storage]):
        self.stack: list[Any] = []
        self._storages = storages
        self._below_marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self, _) -> None:
        self._below_marks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        above, self.stack = self.stack, self._below_marks.pop()
        return above

    def put(self, index: int) -> None:
        self._memo[index] = self.stack[-1]

    def memoize(self, _) -> None:
        self.put(len(self._memo))

    def get(self, index: int) -> None:
        self.push(self._memo[index])

    def tuple_of_marked(self, _) -> None:
        self.push(tuple(self.pop_mark()))

    def tuple_of_last(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError("a tuple of more than there is")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def append(self, _) -> None:
        self._extend([self.stack.pop()])

    def append_marked(self, _) -> None:
        self._extend(self.pop_mark())

    def set_item(self, _) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def set_marked_items(self, _) -> None:
        self._update(self.pop_mark())

    def set_state(self, _) -> None:
        # A state dict's `_metadata`: versions of its modules.
        _check(isinstance(self.stack.pop(), dict), "a state that is no dict")
        _check(isinstance(self.stack[-1], dict), "the state of no dict")

    def name(self, name: str) -> None:
        module, _, attribute = name.partition(" ")
        self._push_named(module, attribute)

    def name_on_stack(self, _) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        _check(
            isinstance(attribute, str) and isinstance(module, str),
            "a name that is no text",
        )
        self._push_named(module, attribute)

    def call(self, _) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        _check(isinstance(function, _Function), "a call of no function")
        _check(isinstance(arguments, tuple), "a call without arguments")
        self.push(function.describe(arguments))

    def find_storage(self, _) -> None:
        """Replaces a persistent id by the storage that it stands for."""
        storage = _make_storage(self.stack.pop())
        known = self._storages.setdefault(storage.key, storage)
        _check(
            (known.dtype, known.num_elements)
            == (storage.dtype, storage.num_elements),
            f"storage {storage.key:.50} of two types or sizes",
        )
        self.push(storage)

    def _push_named(self, module: str, attribute: str) -> None:
        full_name = f"{module}.{attribute}"
        if full_name in _STORAGE_TYPES:
            self.push(_StorageType(_STORAGE_TYPES[full_name]))
        elif full_name in _FUNCTIONS:
            self.push(_Function(_FUNCTIONS[full_name]))
        else:
            raise pickle.UnpicklingError(f"it tries to run {full_name:.100}")

    def _extend(self, values: list[Any]) -> None:
        _check(isinstance(self.stack[-1], list), "an entry of no list")
        self.stack[-1].extend(values)

    def _update(self, keys_and_values: list[Any]) -> None:
        _check(isinstance(self.stack[-1], dict), "an entry of no dict")
        keys, values = keys_and_values[::2], keys_and_values[1::2]
        _check(len(keys) == len(values), "a key without a value")
        for key, value in zip(keys, values, strict=True):
            _check(isinstance(key, str), "a key that is no text")
            self.stack[-1][key] = value


def _check(is_right: bool, problem: str) -> None:
    if not is_right:
        raise pickle.UnpicklingError(f"it is no state dict: it has {problem}")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _make_storage(identity: Any) -> Storage:
    """Describes what a persistent id of PyTorch stands for."""
    _check(
        isinstance(identity, tuple)
        and len(identity) in (5, 6)
        and identity[0] == "storage",
        "a reference to something else than a storage",
    )
    _, storage_type, key, _, num_elements, *view = identity
    _check(
        isinstance(storage_type, _StorageType)
        and isinstance(key, str)
        and _is_count(num_elements),
        "a storage without a type, a key and a size",
    )
    start, length = 0, num_elements
    if view and view[0] is not None:  # As PyTorch before 0.4 wrote.
        _check(
            isinstance(view[0], tuple) and len(view[0]) == 3,
            "a view of a storage without a key, an offset and a size",
        )
        _, start, length = view[0]
        _check(
            _is_count(start)
            and _is_count(length)
            and start + length <= num_elements,
            f"a view that is not inside of storage {key:.50}",
        )
    return Storage(key, storage_type.dtype, num_elements, start, length)


def _rebuild_tensor(arguments: tuple[Any, ...]) -> Tensor:
    """Describes a tensor; what follows the strides is for training."""
    _check(len(arguments) >= 4, "a tensor without strides")
    storage, offset, shape, strides = arguments[:4]
    _check(isinstance(storage, Storage), "a tensor without a storage")
    _check(
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
    _check(
        num_elements <= limit and offset + tensor.span <= storage.length,
        f"a tensor of shape {shape!s:.100} that is not inside of storage "
        f"{storage.key:.50}, which has {storage.length} elements",
    )
    return tensor


def _rebuild_parameter(arguments: tuple[Any, ...]) -> Tensor:
    _check(
        bool(arguments) and isinstance(arguments[0], Tensor),
        "a parameter that is no tensor",
    )
    return arguments[0]


def _make_dict(arguments: tuple[Any, ...]) -> dict[str, Any]:
    # A copy of given items could be asked for again and again.
    _check(not arguments, "a dict that is made of a list")
    return {}


_FUNCTIONS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": _make_dict,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
}
_STORAGE_TYPES = {
    "torch.DoubleStorage": "float64",
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "uint8",
}


def _skip(machine: _Machine, argument: Any) -> None:
    """For what only tells the length or the version of a pickle."""


_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _skip,
    "FRAME": _skip,
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    **dict.fromkeys(
        (
            *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
            *("BINUNICODE", "SHORT_BINUNICODE"),
            *("BINSTRING", "SHORT_BINSTRING"),  # As Python 2 wrote.
        ),
        _Machine.push,
    ),
    "MARK": _Machine.mark,
    "TUPLE": _Machine.tuple_of_marked,
    "TUPLE1": lambda machine, _: machine.tuple_of_last(1),
    "TUPLE2": lambda machine, _: machine.tuple_of_last(2),
    "TUPLE3": lambda machine, _: machine.tuple_of_last(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.append_marked,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_marked_items,
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine.put),
    "MEMOIZE": _Machine.memoize,
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.get),
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name_on_stack,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.set_state,
    "BINPERSID": _Machine.find_storage,
}
