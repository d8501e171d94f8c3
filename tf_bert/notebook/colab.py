"""Google's sign-in, Drive and uploads, where the notebook runs on Colab.

`google.colab` is there and nowhere else: it is imported where it is used. What
this module does on Colab is tested with a stand-in for it.
"""

import os
from collections.abc import Mapping

from tf_bert.doctor import runtime
from tf_bert.system import file_io

_MOUNT_POINT = "/content/drive"


def sign_in(
    *places: str | None, environment: Mapping[str, str] = os.environ
) -> None:
    """Asks for the rights that the places need, and for no more.

    Args:
        places: files and folders that will be read or written; None and ""
            are no places. On Colab those on `gs://` make Google's sign-in
            appear, those below `/content/drive` mount Drive. Elsewhere nobody
            is asked: there `gs://` is reached by `gcloud auth
            application-default login`.
    """
    places = tuple(place for place in places if place)
    buckets = [place for place in places if file_io.is_remote(place)]
    on_drive = [p for p in places if p.startswith(f"{_MOUNT_POINT}/")]
    if not buckets and not on_drive:
        print("No bucket and no Drive was chosen: no sign-in is needed.")
        return
    if not runtime.is_colab(environment):
        if on_drive:
            raise ValueError(
                "Google Drive can only be mounted on Colab. Received: "
                f"{on_drive[0]}. Choose a folder of this machine, or of a "
                "bucket (gs://)."
            )
        print(
            "Not on Colab: buckets are reached with this machine's own "
            "sign-in (gcloud auth application-default login)."
        )
        return
    from google.colab import auth, drive

    if buckets:
        auth.authenticate_user()
        print(f"Signed in, for {', '.join(buckets)}.")
    if on_drive:
        drive.mount(_MOUNT_POINT)


def upload(environment: Mapping[str, str] = os.environ) -> str:
    """Asks for a file with Colab's upload button."""
    if not runtime.is_colab(environment):
        raise ValueError(
            "Only Colab has an upload button. Received: an empty path, and "
            "this is not Colab. Fill in the path of your file."
        )
    from google.colab import files

    names = list(files.upload())
    if len(names) != 1:
        raise ValueError(
            "One file is needed. Received: "
            f"{', '.join(names) or 'none'}. Run the cell again and choose one."
        )
    return os.path.abspath(names[0])
