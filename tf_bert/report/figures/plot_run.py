"""`--mode=plot`: draws the pictures of one run, finished or not.

No TensorFlow, unless the run lies on `gs://`.
"""

from absl import logging

from tf_bert.config import Config
from tf_bert.report.figures import recorded_run, run_figures, style
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder


def plot_run(config: Config) -> list[str]:
    """Draws into `plots/`, each picture as PNG and as SVG.

    What the run did not record is left out, and said. Earlier pictures are
    replaced.

    Args:
        config: of `stored_config.stored_config`.

    Returns:
        The paths of the pictures.

    Raises:
        FileNotFoundError: if the run has not been evaluated yet.
        ValueError: if a file of the run is damaged.
    """
    run = recorded_run.read(config)
    folder = RunFolder(config.output_dir)
    if not folder.is_finished():
        logging.info("The run has not ended: drawn as far as it has got.")
    paths = []
    path = folder.join(run_folder.PLOTS)
    with (
        folder.written.open_folder_writer(run_folder.PLOTS) as temporary,
        style.settings(),
    ):
        for name, (title, draw) in run_figures.FIGURES.items():
            figure = draw(run)
            if isinstance(figure, str):
                logging.info("Left out: %s (%s).", title, figure)
                continue
            for written in style.write(figure, f"{temporary}/{name}"):
                paths.append(folder.join(path, written.rpartition("/")[2]))
    print(f"Wrote {len(paths)} pictures to {path}.")
    return paths
