"""Settings that earlier versions had, and what to do instead.

To remove a setting, delete its entry (or the choice of one) and add a row here.
As a flag it is then refused with the row's sentence. Stored configurations that
hold it still load: its value is dropped.
"""

# Name of a setting, or name=choice -> why it was removed, and what to do. A
# row has no effect as long as there is such a setting or choice.
REMOVED = {
    "early_stop_trials": "Stopping trials early chose no better than chance. "
    "Leave it out; a sweep that is given again runs every trial to its end.",
    "mode=plot": "The report has the same pictures: pass --mode=report.",
}


def check_removed(name: str, received: str) -> None:
    """Raises a ValueError if a setting or choice, as in `REMOVED`, is there.

    `received` is how it was given, for the message.
    """
    if name in REMOVED:
        raise ValueError(
            f"`{name}` is no longer a setting. Received: {received}. "
            f"{REMOVED[name]}"
        )
