"""Do the intervals of F1, macro F1 and Matthews hold the true value?

    python benchmarks/statistics_simulation.py

Confusion matrices are drawn from populations whose metric is known: of two
classes, 5 to 50 % are positive; of five, all are equal or 5 to 50 %; of
twenty, all are equal or 2.5 and 7.5 %. The model errs in one of four ways,
as often as gives the metric its value. Left out are splits where fewer than
ten rows of a class (of more than two: five) are expected, values that the
way cannot give, and for macro F1 models of which some class has an F1 below
0.2: there one row decides.
"""

import dataclasses
import json
import pathlib
from collections.abc import Iterator
from concurrent import futures

import numpy as np
from scipy import optimize

from tf_bert.scoring import class_intervals, row_intervals
from tf_bert.scoring.metrics import METRICS
from tf_bert.scoring.score_intervals import (
    MIN_ROWS_OF_A_CLASS,
    MIN_ROWS_OF_TWO_CLASSES,
)

RESULTS = pathlib.Path(__file__).with_name("interval_simulation.json")
INTERVALS = {
    "f1": class_intervals.f1_interval,
    "macro_f1": class_intervals.macro_f1_interval,
    "matthews": class_intervals.matthews_interval,
}
# Name -> shares of the classes among the rows; class 1 is positive of two.
SHARES = {
    **{f"2: {p:.0%}": (1 - p, p) for p in (0.05, 0.1, 0.2, 0.3, 0.5)},
    "5: 20%": (0.2,) * 5,
    "5: 5%": (0.5, 0.25, 0.12, 0.08, 0.05),
    "20: 5%": (0.05,) * 20,
    "20: 2.5%": (0.075,) * 10 + (0.025,) * 10,
}
ERRORS = ("even", "by share", "missed", "alarms")
NUM_ROWS = (50, 100, 200)
VALUES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
NUM_DRAWS = 2000
NUM_BOOTSTRAPS, NUM_RESAMPLES = 100, 400
# Not of the draws by which the constants of `class_intervals` were chosen.
_SEED = 20261129


@dataclasses.dataclass(frozen=True)
class Cell:
    """What was found for one population and size of a split.

    Attributes:
        metric: key of `INTERVALS`.
        shares: key of `SHARES`.
        num_rows: of the split.
        errors: of `ERRORS`.
        value: of the metric in the population.
        coverage: share of the intervals that hold `value`.
        reported: the same among the splits that have rows enough for one in
            a run; None where fewer than 500 have.
        width: mean width.
        bootstrap_width: that of the percentile bootstrap.
        bootstrap_coverage: its coverage, of 100 splits only.
    """

    metric: str
    shares: str
    num_rows: int
    errors: str
    value: float
    coverage: float
    reported: float | None
    width: float
    bootstrap_width: float
    bootstrap_coverage: float


def population(
    metric: str, shares: str, errors: str, value: float
) -> np.ndarray | None:
    """Returns `[C, C]` shares of the cells with that value, or None.

    Args:
        metric: key of `INTERVALS`.
        shares: key of `SHARES`.
        errors: "even": a wrong row goes to every class alike; "by share": as
            often as the class is; "missed": rows of all classes but the most
            frequent are taken for that; "alarms": the opposite.
        value: of the metric.
    """
    sizes = np.array(SHARES[shares])
    num_classes = len(sizes)
    wrong = {
        "even": np.full((num_classes, num_classes), 1 / num_classes),
        "by share": np.tile(sizes, (num_classes, 1)),
        "missed": np.eye(num_classes),
        "alarms": np.eye(num_classes),
    }[errors]
    if errors == "missed":
        wrong[1:] = np.eye(num_classes)[0]
    if errors == "alarms":
        wrong[0] = (1 - np.eye(num_classes)[0]) / (num_classes - 1)

    def cells(share_wrong: float) -> np.ndarray:
        right = (1 - share_wrong) * np.eye(num_classes)
        return sizes[:, None] * (right + share_wrong * wrong)

    def excess(share_wrong: float) -> float:
        return metric_of(metric, cells(share_wrong)) - value

    # Where all is wrong a metric may be undefined.
    almost_all = 1 - 1e-6
    if excess(almost_all) > 0:
        return None
    found = cells(optimize.brentq(excess, 0.0, almost_all))
    class_f1 = 2 * np.diag(found) / (found.sum(axis=0) + found.sum(axis=1))
    return None if metric == "macro_f1" and class_f1.min() < 0.2 else found


def metric_of(metric: str, cells: np.ndarray) -> float:
    """Returns a metric of `[C, C]` counts or shares of the cells."""
    labels, predictions = np.indices(cells.shape).reshape(2, -1)
    return float(METRICS[metric](labels, predictions, cells.ravel()))


def plan(*, quick: bool = False) -> Iterator[tuple[str, str, int, str, float]]:
    """Yields metric, shares, rows, errors and value of every population.

    Args:
        quick: of every metric and number of classes one.
    """
    for metric in INTERVALS:
        for shares, sizes in SHARES.items():
            if metric == "f1" and len(sizes) > 2:
                continue
            if quick and shares not in ("2: 30%", "5: 20%", "20: 5%"):
                continue
            least = MIN_ROWS_OF_A_CLASS
            if len(sizes) == 2:
                least = MIN_ROWS_OF_TWO_CLASSES
            for num_rows in (100,) if quick else NUM_ROWS:
                if num_rows * min(sizes) < least - 1e-9:
                    continue
                for errors in ERRORS[:1] if quick else _distinct(sizes):
                    for value in (0.8,) if quick else VALUES:
                        if population(metric, shares, errors, value) is None:
                            continue
                        yield metric, shares, num_rows, errors, value


def _distinct(sizes: tuple[float, ...]) -> tuple[str, ...]:
    """Ways to err; among equal classes "by share" is "even"."""
    are_equal = len(set(sizes)) == 1
    return tuple(x for x in ERRORS if not (are_equal and x == "by share"))


def simulate(
    metric: str,
    shares: str,
    num_rows: int,
    errors: str,
    value: float,
    *,
    num_draws: int = NUM_DRAWS,
    num_bootstraps: int = NUM_BOOTSTRAPS,
) -> Cell:
    """Draws splits of a population and counts what their intervals hold."""
    cells = population(metric, shares, errors, value)
    rng = np.random.default_rng([_SEED, num_rows])
    drawn = rng.multinomial(num_rows, cells.ravel(), size=num_draws)
    confusion = drawn.reshape(num_draws, *cells.shape)
    low, high = INTERVALS[metric](confusion)
    # The value of a population is only known up to rounding.
    holds = (low <= value + 1e-9) & (value - 1e-9 <= high)
    is_reported = _has_rows_enough(metric, confusion)
    bootstraps = np.array(
        [_bootstrap(metric, split) for split in confusion[:num_bootstraps]]
    )
    return Cell(
        metric,
        shares,
        num_rows,
        errors,
        value,
        coverage=round(holds.mean().item(), 4),
        reported=round(holds[is_reported].mean().item(), 4)
        if is_reported.sum() >= 500
        else None,
        width=round((high - low).mean().item(), 4),
        bootstrap_width=round(np.diff(bootstraps).mean().item(), 4),
        bootstrap_coverage=np.mean(
            (bootstraps[:, 0] <= value) & (value <= bootstraps[:, 1])
        ).item(),
    )


def simulate_all(executor: futures.Executor, *, quick: bool) -> list[Cell]:
    """Returns all populations of `plan`; quick: few, with few draws."""
    sizes = {"num_draws": 50, "num_bootstraps": 3} if quick else {}
    jobs = [
        executor.submit(simulate, *row, **sizes) for row in plan(quick=quick)
    ]
    return [job.result() for job in jobs]


def _has_rows_enough(metric: str, confusion: np.ndarray) -> np.ndarray:
    sizes = confusion.sum(axis=-1)
    if metric == "f1":
        return sizes[:, 1] >= MIN_ROWS_OF_TWO_CLASSES
    if sizes.shape[1] == 2:
        return sizes.min(axis=-1) >= MIN_ROWS_OF_TWO_CLASSES
    return sizes.min(axis=-1) >= MIN_ROWS_OF_A_CLASS


def _bootstrap(metric: str, confusion: np.ndarray) -> tuple[float, float]:
    labels, predictions = np.indices(confusion.shape).reshape(2, -1)
    counts = confusion.ravel()
    return row_intervals.bootstrap_interval(
        METRICS[metric],
        np.repeat(labels, counts),
        np.repeat(predictions, counts),
        num_resamples=NUM_RESAMPLES,
    )


def table(found: list[Cell]) -> str:
    """Returns the coverage and the width in Markdown.

    One row for each metric, number of classes and value, over all sizes of
    splits, shares of classes and ways to err.
    """
    heads = (
        "metric, classes",
        "true value",
        "populations",
        "95 % interval holds it",
        "mean width",
        "of the bootstrap's",
        "bootstrap holds it",
    )
    lines = [heads, ("---", *["---:"] * 6)]
    groups: dict[tuple[str, str, float], list[Cell]] = {}
    for cell in found:
        num_classes = cell.shares.partition(":")[0]
        key = (METRICS[cell.metric].title, num_classes, cell.value)
        groups.setdefault(key, []).append(cell)
    for (title, num_classes, value), group in sorted(
        groups.items(), key=lambda item: _order(found, item[1][0])
    ):
        lines.append(
            (
                f"{title}, {num_classes}",
                str(value),
                str(len(group)),
                _range([cell.coverage for cell in group]),
                _range([cell.width for cell in group], digits=2),
                _range(
                    [x.width / max(x.bootstrap_width, 1e-9) for x in group],
                    digits=2,
                ),
                f"{np.mean([x.bootstrap_coverage for x in group]):.2f}",
            )
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _order(found: list[Cell], cell: Cell) -> tuple[int, int, float]:
    return (
        list(INTERVALS).index(cell.metric),
        int(cell.shares.partition(":")[0]),
        cell.value,
    )


def _range(values: list[float], *, digits: int = 3) -> str:
    return f"{min(values):.{digits}f} to {max(values):.{digits}f}"


def read() -> list[Cell]:
    """Returns what was stored by the last full run."""
    stored = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [Cell(*row) for row in stored]


def write(found: list[Cell]) -> None:
    """Stores a full run, a line for each population."""
    lines = [json.dumps(dataclasses.astuple(cell)) for cell in found]
    RESULTS.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
