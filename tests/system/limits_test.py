"""Tests of tf_bert/system/limits.py, on folders as Linux has them."""

import os
import pathlib
import subprocess
import sys

import pytest

from tf_bert.system import limits

ROOT = pathlib.Path(__file__).parents[2]
ALLOWED = limits._allowed_cpus()
MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
GROUPS = "proc/self/cgroup"
V2 = "sys/fs/cgroup"
NESTED = f"{V2}/kubepods/pod1"
CPU = f"{V2}/cpu,cpuacct/docker/1"


def write(root: pathlib.Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return str(root)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ALLOWED),
        ({GROUPS: "0::/", f"{V2}/cpu.max": "max 100000"}, ALLOWED),
        ({GROUPS: "0::/", f"{V2}/cpu.max": "50000 100000"}, 1),
        ({GROUPS: "0::/", f"{V2}/cpu.max": "100001 100000"}, 2),
        ({GROUPS: "0::/", f"{V2}/cpu.max": "9900000 100000"}, ALLOWED),
        # Outside of a container the group has a path, and limits above it.
        ({GROUPS: "0::/kubepods/pod1", f"{NESTED}/cpu.max": "9000 10000"}, 1),
        (
            {
                GROUPS: "0::/kubepods/pod1",
                f"{NESTED}/cpu.max": "max 100000",
                f"{V2}/kubepods/cpu.max": "1000 10000",
            },
            1,
        ),
        ({GROUPS: "0::/../other", f"{V2}/cpu.max": "1000 10000"}, 1),
        ({GROUPS: "0::/", f"{V2}/unified/cpu.max": "1000 10000"}, 1),
        (
            {
                GROUPS: "3:cpu,cpuacct:/docker/1\n0::/",
                f"{CPU}/cpu.cfs_quota_us": "20000",
                f"{CPU}/cpu.cfs_period_us": "100000",
            },
            1,
        ),
        (
            {
                GROUPS: "3:cpu,cpuacct:/docker/1",
                f"{V2}/cpu,cpuacct/cpu.cfs_quota_us": "-1",
                f"{V2}/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            ALLOWED,
        ),
    ],
)
def test_processors_are_the_least_that_holds(files, expected, tmp_path):
    found = limits.num_cpus(write(tmp_path, files))
    assert found == min(expected, ALLOWED)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, MACHINE),
        ({GROUPS: "0::/", f"{V2}/memory.max": "max"}, MACHINE),
        ({GROUPS: "0::/", f"{V2}/memory.max": "1048576"}, 2**20),
        ({GROUPS: "0::/", f"{V2}/memory.max": str(MACHINE + 1)}, MACHINE),
        (
            {
                GROUPS: "0::/kubepods/pod1",
                f"{NESTED}/memory.max": "max",
                f"{V2}/kubepods/memory.max": "4096",
            },
            4096,
        ),
        # In a container its group is mounted as the root.
        (
            {
                GROUPS: "4:memory:/docker/1",
                f"{V2}/memory/memory.limit_in_bytes": "4096",
            },
            4096,
        ),
        (
            {
                GROUPS: "4:memory:/",
                f"{V2}/memory/memory.limit_in_bytes": "9223372036854771712",
            },
            MACHINE,
        ),
    ],
)
def test_memory_is_the_least_that_holds(files, expected, tmp_path):
    assert limits.memory_bytes(write(tmp_path, files)) == expected


@pytest.mark.skipif(ALLOWED < 2, reason="There is one processor anyway.")
@pytest.mark.parametrize(
    ("quota", "of_user", "expected"),
    [("5000 10000", {}, "1"), ("max 10000", {}, "None")]
    + [("5000 10000", {"TF_NUM_INTRAOP_THREADS": "7"}, "7")],
)
def test_tensorflow_gets_as_many_threads(quota, of_user, expected, tmp_path):
    root = write(tmp_path, {GROUPS: "0::/", f"{V2}/cpu.max": quota})
    code = (
        "import os, sys; from tf_bert.system import limits;"
        f"limits.limit_threads({root!r});"
        "print(os.environ.get('TF_NUM_INTRAOP_THREADS'))"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in limits._THREADS
    }
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "PYTHONPATH": str(ROOT), **of_user},
        check=True,
        capture_output=True,
        text=True,
    )
    assert process.stdout.strip() == expected
