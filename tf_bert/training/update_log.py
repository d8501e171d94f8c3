"""`updates.npz`: how far each step of a run moved each block. No TensorFlow.

Letters: K steps.
"""

import dataclasses
import io
import zipfile
from collections.abc import Iterable

import numpy as np

UPDATE, EXPECTED = "update_norm", "expected_norm"


def bias_ratio(step: np.ndarray, beta_1: float, beta_2: float) -> np.ndarray:
    """Returns how many times larger the update of BERTAdam is than Adam's.

    By leaving out bias correction, (1 - b1^t) / sqrt(1 - b2^t) at step t.

    Example:
        >>> bias_ratio(np.array([1, 12, 3200]), 0.9, 0.999).round(2).tolist()
        [3.16, 6.57, 1.02]

    References:
        Zhang et al., 2021, Section 4. https://arxiv.org/abs/2006.05987
    """
    step = np.asarray(step, np.float64)
    return (1 - beta_1**step) / np.sqrt(1 - beta_2**step)


def array_names(blocks: Iterable[str]) -> frozenset[str]:
    """Returns the names of the arrays of a file, see `UpdateLog.arrays`.

    Example:
        >>> sorted(array_names(["pooler"]))[:3]
        ['bias_ratio', 'expected_norm/pooler', 'learning_rate']
    """
    norms = (f"{kind}/{x}" for x in blocks for kind in (UPDATE, EXPECTED))
    return frozenset(("step", "learning_rate", "bias_ratio", *norms))


@dataclasses.dataclass
class UpdateLog:
    """What was recorded of the steps of a run.

    Attributes:
        blocks: names of the blocks that are trained, lowest first.
        learning_rates: of each step.
        norms: of each step, float32 `[2, blocks]`: the norms of the updates,
            and of what Adam with bias correction would have done.
    """

    blocks: tuple[str, ...]
    learning_rates: list[float] = dataclasses.field(default_factory=list)
    norms: list[np.ndarray] = dataclasses.field(default_factory=list)

    def append(self, learning_rate: float, norms: np.ndarray) -> None:
        """Adds a step."""
        self.learning_rates.append(learning_rate)
        self.norms.append(norms)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays of the file.

        Returns:
            ``step`` int32 `[K]`, counted from 1; and float32 `[K]`:
            ``learning_rate``; ``update_norm/<block>`` and
            ``expected_norm/<block>``; ``bias_ratio``, the norm of the whole
            update as a multiple of what was expected. A step with a rate of 0
            moves nothing and has no ratio: NaN.
        """
        norms = np.array(self.norms, np.float32)  # [K, 2, blocks]
        norms = norms.reshape(-1, 2, len(self.blocks))
        update, expected = np.linalg.norm(norms.astype(np.float64), axis=2).T
        ratio = np.full(len(norms), np.nan)
        np.divide(update, expected, out=ratio, where=expected > 0)
        arrays = {
            "step": np.arange(1, len(norms) + 1, dtype=np.int32),
            "learning_rate": np.array(self.learning_rates, np.float32),
            "bias_ratio": ratio.astype(np.float32),
        }
        for index, block in enumerate(self.blocks):
            arrays[f"{UPDATE}/{block}"] = norms[:, 0, index]
            arrays[f"{EXPECTED}/{block}"] = norms[:, 1, index]
        return arrays

    def to_bytes(self) -> bytes:
        """Returns the content of the file, the same for the same steps."""
        file = io.BytesIO()
        np.savez(file, **self.arrays())
        return file.getvalue()

    def restore(self, data: bytes, num_steps: int, *, path: str) -> None:
        """Takes the steps that an interrupted run has recorded.

        Args:
            data: of `to_bytes`, perhaps with later steps, which are dropped:
                a run may end between writing this file and its state.
            num_steps: that the state of the run has done.
        """
        arrays = read_arrays(data, path=path)
        kept = {name: array[:num_steps] for name, array in arrays.items()}
        if kept.keys() != array_names(self.blocks) or any(
            len(array) != num_steps for array in kept.values()
        ):
            raise ValueError(
                "The recorded updates belong to another run than the one that "
                f"is continued. Received: {path}, not of {num_steps} steps of "
                f"{', '.join(self.blocks)}. Restore the file, or pass "
                "--overwrite_output_dir to start over."
            )
        self.learning_rates = list(kept["learning_rate"])
        self.norms = list(
            np.stack(
                [
                    [kept[f"{kind}/{block}"] for block in self.blocks]
                    for kind in (UPDATE, EXPECTED)
                ]
            ).transpose(2, 0, 1)  # [K, 2, blocks]
        )


def read_arrays(data: bytes, *, path: str) -> dict[str, np.ndarray]:
    """Returns what `UpdateLog.arrays` was."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return dict(arrays)
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"Could not read the recorded updates. Received: {path} ({error}). "
            "Restore the file, or train again: with --overwrite_output_dir; "
            "for a trial, remove its JSON file alone."
        ) from error
