"""Takes a finished run off a runtime whose disk will be gone."""

import os
import shutil
from collections.abc import Mapping

from tf_bert.doctor import runtime
from tf_bert.runs import run_folder
from tf_bert.runs.run_folder import RunFolder
from tf_bert.system import file_io


def copy_run(output_dir: str, target: str) -> None:
    """Copies the folder of a finished run to a bucket, to Drive or anywhere.

    The copy is a run's folder like the first: it can be predicted with and
    reported on.

    Args:
        target: what the copy will be called, local or `gs://`. An earlier
            copy there is replaced.
    """
    RunFolder(output_dir).read_json(run_folder.RESULTS)
    if file_io.exists(target):
        _check_is_copy(output_dir, target)
    if not file_io.is_remote(target):
        file_io.make_dirs(os.path.dirname(os.path.abspath(target)))
    with file_io.open_folder_writer(target) as temporary:
        file_io.copy_to_local(output_dir, temporary)
    print(f"Copied {output_dir} to {target}.")


def _check_is_copy(output_dir: str, target: str) -> None:
    """Refuses to replace what is more than an earlier copy of a run."""
    folder, more = RunFolder(target), []
    folder.lock.check_free()
    is_run = folder.holds_run()
    if is_run:
        # A user's own file beside the run is copied with it.
        source = RunFolder(output_dir)
        more = [
            file
            for file in folder.written.of_others()
            if not file_io.exists(source.join(file))
        ]
    if not is_run or more:
        found = f" ({', '.join(more[:5])})" if more else ""
        raise ValueError(
            "`target` must be a new folder, or an earlier copy of a run: it "
            f"is replaced. Received: target={target}, which holds something "
            f"else{found}. Give the copy a name, such as "
            f"{target.rstrip('/')}/run."
        )


def download_run(
    output_dir: str, environment: Mapping[str, str] = os.environ
) -> str:
    """Packs the folder of a finished run, and hands it to the browser.

    Args:
        environment: the variables of the process: without Colab the archive
            is made, and nothing is handed over.

    Returns:
        The path of the `.zip`, beside the folder.
    """
    if file_io.is_remote(output_dir):
        raise ValueError(
            "Only a folder on this machine can be downloaded. Received: "
            f"output_dir={output_dir}, which is kept where it is already. "
            "Leave the download out."
        )
    RunFolder(output_dir).read_json(run_folder.RESULTS)
    folder = os.path.abspath(output_dir)
    path = shutil.make_archive(folder, "zip", folder)
    print(f"Wrote {path}.")
    if runtime.is_colab(environment):
        from google.colab import files

        files.download(path)
    return path
