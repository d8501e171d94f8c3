"""The training that `reliability.py` interrupts, and what it came to."""

import dataclasses
import json
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

HERE = pathlib.Path(__file__).parent
# What must be the same; of all_results.json without what the clock decides.
_FILES = (
    "model/model.safetensors",
    "model/config.json",
    "history.jsonl",
    "scored_rows.tsv",
    "predictions.tsv",
    "eval_results.txt",
)
# In such a time after its first step a process is interrupted.
_SECONDS = 1.5


def make_checkpoint(folder: pathlib.Path) -> None:
    """Writes a BERT with 2 layers, and a vocabulary for its texts."""
    import re

    import transformers

    import tf_bert
    from tf_bert.data.tokens import tokenizer_files
    from tf_bert.data.tokens.tokenizer_settings import TokenizerSettings

    texts = tf_bert.load_examples(str(_data("train.tsv"))).texts
    words = set(re.findall(r"[a-z0-9]+|[^\sa-z0-9]", " ".join(texts).lower()))
    vocabulary = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(words))
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=64,
    )
    model = tf_bert.TFBertForSequenceClassification(config, seed=0)
    model.save_pretrained(str(folder))
    tokenizer_files.write_tokenizer_files(
        str(folder), TokenizerSettings(vocabulary), model_max_length=64
    )


def _data(name: str) -> pathlib.Path:
    return HERE.parent / "tf_bert" / "data" / "product_reviews" / name


def training_flags(checkpoint: str, num_steps: int) -> tuple[str, ...]:
    """Returns the flags of the training, without its `output_dir`.

    Everything that a resumed run must bring back is on: dropout, an average
    of the weights, early stopping, the best checkpoint.
    """
    return (
        "--task_name=product_reviews",
        f"--predict_file={_data('test.tsv')}",
        f"--init_checkpoint={checkpoint}",
        f"--num_train_steps={num_steps}",
        "--max_seq_length=64",
        "--train_batch_size=8",
        "--learning_rate=1e-3",
        "--ema_decay=0.9",
        "--early_stopping_patience=20",
        "--num_evaluations=10",
        "--save_every_seconds=0.5",
        "--nocompare_baselines",
    )


@dataclasses.dataclass(frozen=True)
class Laboratory:
    """Starts and interrupts runs of one training.

    Attributes:
        flags: of the training, without its `output_dir`.
        num_steps: of the training.
        moments: draws when something happens.
    """

    flags: tuple[str, ...]
    num_steps: int
    moments: random.Random

    def with_length(self, num_steps: int) -> "Laboratory":
        """Returns the same for a training of so many steps."""
        flags = (*self.flags, f"--num_train_steps={num_steps}")
        return dataclasses.replace(self, flags=flags, num_steps=num_steps)

    def command(self, output_dir: str, steps: pathlib.Path) -> list[str]:
        """Returns the command line of `start`."""
        command = (sys.executable, HERE / "counted_run.py", steps)
        return [*map(str, command), *self.flags, f"--output_dir={output_dir}"]

    def start(
        self, output_dir: str, steps: pathlib.Path, **options
    ) -> subprocess.Popen:
        """Starts or continues a run.

        Args:
            output_dir: of the run.
            steps: the file of its steps, see `counted_run`.
            **options: of `subprocess.Popen`.
        """
        return subprocess.Popen(
            self.command(output_dir, steps),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=HERE.parent,
            **options,
        )

    def finish(self, output_dir: str, steps: pathlib.Path, **options) -> str:
        """Lets a run go on to its end; returns what it said.

        Raises:
            RuntimeError: if it ends badly.
        """
        process = self.start(output_dir, steps, **options)
        _, said = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{output_dir}: {process.returncode}: {said}")
        return said

    def wait_for_a_moment(
        self, process: subprocess.Popen, steps: pathlib.Path
    ) -> bool:
        """Waits for a random moment of the training.

        Returns:
            Whether the process is still there.
        """
        before = _num_calls(steps)
        while _num_calls(steps) == before and process.poll() is None:
            time.sleep(0.02)
        time.sleep(self.moments.uniform(0, _SECONDS))
        return process.poll() is None

    def interrupt(
        self, output_dir: str, steps: pathlib.Path, number: signal.Signals
    ) -> tuple[bool, int, str]:
        """Starts or continues a run, and sends it a signal at some moment.

        Returns:
            Whether it was still there, its exit status, and what it said.
        """
        process = self.start(output_dir, steps)
        is_there = self.wait_for_a_moment(process, steps)
        process.send_signal(number)
        _, said = process.communicate()
        return is_there, process.returncode, said


def _num_calls(steps: pathlib.Path) -> int:
    return steps.read_text().count("\n") if steps.exists() else 0


def steps_taken(steps: Sequence[pathlib.Path]) -> int:
    """Returns how many steps were taken in all, by all processes."""
    return sum(sum(map(int, path.read_text().split())) for path in steps)


def result(read: Callable[[str], bytes]) -> dict[str, object]:
    """Returns all of a finished run that no interruption may change.

    Args:
        read: from the name of a file below the run's folder to its content.
    """
    results = json.loads(read("all_results.json"))
    results.pop("runtime")
    return {"results": results, **{name: read(name) for name in _FILES}}


def local_result(folder: pathlib.Path) -> dict[str, object]:
    """Returns `result` of a run on this machine."""
    return result(lambda name: (folder / name).read_bytes())
