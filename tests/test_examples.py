"""The examples run as they stand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from handhold.cli.main import main

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
WRITES = {
    "refine_one_grasp": ("refined.npz",),
    "export_a_grasp": ("grasp.glb", "grasp.xml", "grasp_assets"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where `handhold demo` was run."""
    folder = tmp_path_factory.mktemp("examples")
    assert main(["demo", "--out", str(folder / "handhold-demo"), "--no-picture", "--quiet"]) == 0
    return folder


def test_there_are_examples():
    assert {*WRITES, "check_a_mesh"} <= {path.stem for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, folder):
    if path.stem == "export_a_grasp":
        pytest.importorskip("coacd")
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert all((folder / name).exists() for name in WRITES.get(path.stem, ()))
