"""What Adam's missing bias correction does: losses, update norms, accuracy.

    python benchmarks/bias_correction.py --data_dir=../shared/data \
        --picture=docs/bias_correction.png

MiniLM on UCI amazon, split as by benchmarks/stabilisers.py, by flags/recipes/
zhang.flags with batches of 16: 96 updates, 9 of them warm-up, no weight decay.
Each rate with and without bias correction, from the same seeds. Nothing is
chosen on the rows that are scored. Runs are stored below --output_dir; what is
kept of one goes into --results as it ends. Given again, the command continues
where it was, and prints the tables of docs/bias_correction.md. `--quick` takes
one seed of one rate and a tiny checkpoint, and stores nothing.
"""

import argparse
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import quick
import real_data
import stabilisers

from tf_bert import finetune
from tf_bert.config import Config, parse
from tf_bert.runs import run_folder
from tf_bert.system import file_io
from tf_bert.training import update_log

NUM_SEEDS = 3
# Rate -> its colour and marker in the picture.
RATES = {"1e-4": ("#2166ac", "o"), "2e-4": ("#b35806", "s")}
# What a run is called -> its flag.
VARIANTS = {"on": "--bias_correction", "off": "--nobias_correction"}
SHOWN = (2, 5, 12, 24, 48, 96)  # Steps in the table.
EARLY = 16  # Of the evaluations, that soon after the end of warm-up.

Results = dict[str, dict[str, Any]]


def config_of(
    rate: str,
    variant: str,
    seed: int,
    files: dict[str, str],
    output_dir: str,
    *more: str,
) -> Config:
    """Returns the configuration of one run, with more flags behind."""
    recipe = stabilisers.ROOT / "flags" / "recipes" / "zhang.flags"
    folder = os.path.join(output_dir, f"{rate}_{variant}", f"seed_{seed}")
    return Config(
        **parse.parse(
            [
                f"--flagfile={recipe}",
                *stabilisers.COMMON,
                "--train_batch_size=16",
                # Every one stores the train loss since the one before.
                "--num_evaluations=12",
                "--record_updates",
                f"--learning_rate={rate}",
                VARIANTS[variant],
                *(f"--{name}={path}" for name, path in files.items()),
                f"--seed={seed}",
                f"--output_dir={folder}",
                *more,
            ]
        )
    )


def kept(result: dict[str, Any], output_dir: str) -> dict[str, Any]:
    """Returns what is kept of one run.

    Returns:
        The scores of `stabilisers.score`; ``losses``, pairs of a step and the
        train loss since the pair before; ``distances``, of a step and the
        distance of all weights from step 0; and, for each step from 1,
        ``update_norms`` and ``expected_norms`` of all weights together: what
        the step was, and what bias correction would have made of it.
    """
    folder = run_folder.RunFolder(output_dir)
    history = file_io.read_text(folder.join(run_folder.HISTORY))
    entries = [json.loads(line) for line in history.splitlines()]
    path = folder.join(run_folder.UPDATES)
    arrays = update_log.read_arrays(file_io.read_bytes(path), path=path)
    return {
        **stabilisers.score(result, output_dir),
        "losses": [[entry["step"], entry["train_loss"]] for entry in entries],
        "distances": [
            [
                entry["step"],
                float(np.linalg.norm([*entry["distance"].values()])),
            ]
            for entry in entries
        ],
        "update_norms": _of_all_blocks(arrays, update_log.UPDATE),
        "expected_norms": _of_all_blocks(arrays, update_log.EXPECTED),
    }


def _of_all_blocks(arrays: dict[str, np.ndarray], kind: str) -> list[float]:
    norms = [a for name, a in arrays.items() if name.startswith(f"{kind}/")]
    norms = np.linalg.norm(np.array(norms, np.float64), axis=0)  # [K]
    return [float(f"{norm:.5g}") for norm in norms]


def variants(results: Results) -> Iterator[tuple[str, str, list[dict]]]:
    """Yields rate, variant and runs, of those that there are."""
    for rate in RATES:
        for variant in VARIANTS:
            runs = list(results.get(f"{rate} {variant}", {}).values())
            if runs:
                yield rate, variant, runs


def score_table(results: Results) -> str:
    """Returns the scores as a Markdown table."""
    lines = [
        "| learning rate | bias correction | accuracy, mean | of each seed | "
        f"train loss at the end | distance after {EARLY} steps | at the end |",
        "|---|---|---|---|---|---|---|",
    ]
    for rate, variant, runs in variants(results):
        values = [run["accuracy"] for run in runs]
        losses = np.mean([run["train_loss"] for run in runs])
        distances = dict(np.mean([run["distances"] for run in runs], axis=0))
        lines.append(
            f"| {rate} | {variant} | {np.mean(values):.3f} | "
            f"{', '.join(f'{value:.3f}' for value in values)} | {losses:.3f} | "
            f"{distances[EARLY]:.1f} | {distances[max(SHOWN)]:.1f} |"
        )
    return "\n".join(lines)


def norm_table(results: Results) -> str:
    """Returns the norms of updates as a Markdown table, means over seeds.

    In brackets: as multiples of what bias correction would have made of them.
    """
    head = ["learning rate", "bias correction", *map("step {}".format, SHOWN)]
    rows = [head, ["---"] * len(head)]
    places = np.array(SHOWN) - 1
    for rate, variant, runs in variants(results):
        update, expected = _mean_norms(runs)
        cells = (
            f"{update[place]:.3f} ({update[place] / expected[place]:.2f})"
            for place in places
        )
        rows.append([rate, variant, *cells])
    formula = _formula(max(SHOWN), "off")[places]
    rows.append(["", "formula", *(f"({ratio:.2f})" for ratio in formula)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _mean_norms(runs: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(
        np.mean([run[name] for run in runs], axis=0)
        for name in ("update_norms", "expected_norms")
    )


def _formula(num_steps: int, variant: str) -> np.ndarray:
    if variant == "on":
        return np.ones(num_steps)
    return update_log.bias_ratio(np.arange(1, num_steps + 1), 0.9, 0.999)


def draw(results: Results, path: str) -> None:
    """Draws losses and ratios; legible in grey, for line styles differ."""
    from matplotlib.figure import Figure

    # One below the other, to be read on a phone too.
    figure = Figure(figsize=(5, 7.6), layout="constrained")
    top, bottom = figure.subplots(2)
    for rate, variant, runs in variants(results):
        color, marker = RATES[rate]
        style = {
            "color": color,
            "linestyle": "-" if variant == "on" else "--",
        }
        for run in runs:
            top.plot(*zip(*run["losses"], strict=True), lw=0.6, **style)
        mean = np.mean([run["losses"] for run in runs], axis=0)
        top.plot(
            *mean.T,
            lw=2,
            marker=marker,
            ms=4,
            label=f"rate {rate}, correction {variant}",
            **style,
        )
        _draw_measured(bottom, rate, variant, runs)
    _draw_formulas(bottom, num_steps=max(step for step, _ in runs[0]["losses"]))
    top.set(xlabel="update", ylabel="train loss")
    bottom.set(xlabel="update", ylabel="norm of the update / Adam's")
    for axes in (top, bottom):
        axes.set_xlim(0, None)
        axes.set_ylim(0, axes.get_ylim()[1])
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            frameon=False,
            fontsize=9.5,
            loc="lower left",
            bbox_to_anchor=(-0.1, 1),
            ncols=2,
            columnspacing=1,
            handlelength=2.8,
        )
    figure.savefig(path, dpi=150)


def _draw_formulas(axes, *, num_steps: int) -> None:
    for variant, linestyle, label in (
        ("off", "--", r"$(1 - \beta_1^t) / \sqrt{1 - \beta_2^t}$"),
        ("on", "-", "bias-corrected Adam"),
    ):
        axes.plot(
            np.arange(1, num_steps + 1),
            _formula(num_steps, variant),
            color="black",
            lw=1,
            linestyle=linestyle,
            label=label,
        )


def _draw_measured(axes, rate: str, variant: str, runs: list[dict]) -> None:
    update, expected = _mean_norms(runs)
    # The first update of a warm-up has a rate of 0, and no ratio. Of the
    # others some are drawn, at each rate its own.
    shown = slice(1 + 4 * list(RATES).index(rate), None, 8)
    color, marker = RATES[rate]
    axes.plot(
        np.arange(1, len(update) + 1)[shown],
        update[shown] / expected[shown],
        marker,
        ms=4,
        color=color,
        fillstyle="full" if variant == "on" else "none",
        label=f"rate {rate}, correction {variant}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", default="../shared/data")
    parser.add_argument("--output_dir", default="runs/bias_correction")
    parser.add_argument(
        "--results",
        default=str(stabilisers.ROOT / "benchmarks" / "bias_correction.json"),
    )
    parser.add_argument("--picture", help="Where to draw; needs matplotlib.")
    quick.add_flag(parser)
    arguments = parser.parse_args()
    num_seeds, rates, more = NUM_SEEDS, list(RATES), []
    if arguments.quick:
        num_seeds, rates = 1, rates[:1]
        more = [f"--init_checkpoint={quick.checkpoint()}"]
        more += ["--max_seq_length=32"]
        arguments.output_dir = str(quick.folder() / "bias_correction")
        arguments.results = str(quick.folder() / "bias_correction.json")
        arguments.picture = str(quick.folder() / "bias_correction.png")
    splits = real_data.read_uci(
        pathlib.Path(arguments.data_dir), "amazon_cells"
    )
    files = real_data.write_splits(
        splits, pathlib.Path(arguments.output_dir, "files")
    )
    results = stabilisers.read_results(arguments.results)
    for seed in range(num_seeds):
        for rate in rates:
            for variant in VARIANTS:
                runs = results.setdefault(f"{rate} {variant}", {})
                if str(seed) in runs:
                    continue
                config = config_of(
                    rate, variant, seed, files, arguments.output_dir, *more
                )
                result = finetune.fine_tune(config)
                runs[str(seed)] = kept(result, config.output_dir)
                file_io.write_text(
                    arguments.results, json.dumps(results, sort_keys=True)
                )
    print(f"\n{score_table(results)}\n\n{norm_table(results)}")
    if arguments.picture:
        draw(results, arguments.picture)


if __name__ == "__main__":
    main()
