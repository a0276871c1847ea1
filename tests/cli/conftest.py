from pathlib import Path

import pytest
from cli_examples import refine, write_scene
from train_examples import make_set


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "in")


@pytest.fixture(scope="session")
def refined(tmp_path_factory) -> Path:
    """A folder with the results of one scene, made once."""
    folder = tmp_path_factory.mktemp("refined")
    assert refine(write_scene(folder / "in"), folder / "out") == 0
    return folder / "out"


@pytest.fixture(scope="session")
def grasps(tmp_path_factory) -> Path:
    """A small grasp set, made once."""
    folder = tmp_path_factory.mktemp("train") / "set"
    make_set(folder)
    return folder


@pytest.fixture
def complaint(capfd):
    """What was said on stderr: one line, ours, without a traceback."""

    def read() -> str:
        text = capfd.readouterr().err
        assert "Traceback" not in text
        lines = text.strip().splitlines()
        assert len(lines) == 1, text
        assert lines[0].startswith("handhold: ")
        return lines[0]

    return read
