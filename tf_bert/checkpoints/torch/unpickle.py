"""Reads the pickles of PyTorch's state dicts, and runs nothing.

A pickle is a program for a stack machine, and the machine of Python's `pickle`
calls what it is told to. This one knows the few instructions that a state dict
takes, and of everything that can be named only what is in `tensors`:
instead of a function, each name stands for a description made of plain data.

Why not `pickle.Unpickler` with a list of names: an instruction of five bytes
makes it allocate 64 GiB (its memo is as long as twice the largest index), and
a tuple in a tuple, a million deep, ends the process with a segmentation fault
when it becomes the key of a dictionary. Here memory is linear in the size of
the pickle, and keys are strings.
"""

import pickle
import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from tf_bert.checkpoints.torch.tensors import (
    NAMES,
    Function,
    Storage,
    check,
    describe_storage,
)

# A state dict takes some 250 bytes a tensor, so this is enough for 4,000.
MAX_BYTES = 1 << 20


def load(stream: BinaryIO, storages: dict[str, Storage] | None = None) -> Any:
    """Reads one pickle, up to its end.

    Returns plain Python objects, `Storage` and `Tensor`. A pickle that is
    damaged, or asks for anything that a state dict does not need, is a
    `pickle.UnpicklingError` with the reason.

    Args:
        stream: at the pickle's begin; left at its end. Its length is the
            caller's to limit, see `MAX_BYTES`.
        storages: gets every storage that the pickle names, by its key.
    """
    machine = _Machine({} if storages is None else storages)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name == "STOP":
                return machine.result()
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


class _Machine:
    """The stack, the memo and what instructions do to them."""

    def __init__(self, storages: dict[str, Storage]):
        self.stack: list[Any] = []
        self._storages = storages
        self._below_marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        """Returns what is left at the end."""
        check(
            len(self.stack) == 1 and not self._below_marks,
            f"{len(self.stack)} things at its end, not one",
        )
        return self.stack[0]

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
        check(isinstance(self.stack.pop(), dict), "a state that is no dict")
        check(isinstance(self.stack[-1], dict), "the state of no dict")

    def name(self, name: str) -> None:
        module, _, attribute = name.partition(" ")
        self._push_named(module, attribute)

    def name_on_stack(self, _) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        check(
            isinstance(attribute, str) and isinstance(module, str),
            "a name that is no text",
        )
        self._push_named(module, attribute)

    def call(self, _) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        check(isinstance(function, Function), "a call of no function")
        check(isinstance(arguments, tuple), "a call without arguments")
        self.push(function.describe(arguments))

    def find_storage(self, _) -> None:
        """Replaces a persistent id by the storage that it stands for."""
        storage = describe_storage(self.stack.pop())
        known = self._storages.setdefault(storage.key, storage)
        check(
            (known.dtype, known.num_elements)
            == (storage.dtype, storage.num_elements),
            f"storage {storage.key:.50} of two types or sizes",
        )
        self.push(storage)

    def _push_named(self, module: str, attribute: str) -> None:
        full_name = f"{module}.{attribute}"
        if full_name not in NAMES:
            raise pickle.UnpicklingError(f"it tries to run {full_name:.100}")
        self.push(NAMES[full_name])

    def _extend(self, values: list[Any]) -> None:
        check(isinstance(self.stack[-1], list), "an entry of no list")
        self.stack[-1].extend(values)

    def _update(self, keys_and_values: list[Any]) -> None:
        check(isinstance(self.stack[-1], dict), "an entry of no dict")
        keys, values = keys_and_values[::2], keys_and_values[1::2]
        check(len(keys) == len(values), "a key without a value")
        for key, value in zip(keys, values, strict=True):
            check(isinstance(key, str), "a key that is no text")
            self.stack[-1][key] = value


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
