"""`--mode=report`: writes `report.html` about trials, or about one training.

No TensorFlow, unless a folder lies on `gs://` or the data does.
"""

from tf_bert.config import Config
from tf_bert.report import page, run_sections, trials_content, trials_page
from tf_bert.report.figures import style


def report_run(config: Config) -> str:
    """Writes `report.html`, and `report/` with its figures and tables.

    Of a sweep or a training that goes on, it is about what there is.

    Args:
        config: of `stored_config.stored_config`. With `trials_dirs` the
            report is about the trials in these folders, and `output_dir` is
            where it goes; else it is about what `output_dir` holds.

    Returns:
        The path of `report.html`.

    Raises:
        FileNotFoundError: if there is no finished trial, or the run has not
            been evaluated yet.
        ValueError: if a file is damaged, or `baseline` is no recipe.
    """
    folders = config.trials_dirs
    if folders is None and trials_content.is_trials_folder(config.output_dir):
        folders = (config.output_dir,)
    with style.settings(text_as_text=True):
        if folders is None:
            content = run_sections.run_page(config)
        else:
            content = trials_page.trials_page(folders, baseline=config.baseline)
        path = page.write(content, config.output_dir)
    print("\n".join(content.summary))
    print(f"\nWrote {path}.")
    return path
