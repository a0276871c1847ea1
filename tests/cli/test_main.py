import subprocess
import sys
import time

import pytest

import handhold.cli.check
from handhold.cli.main import COMMANDS, main
from handhold.errors import InputError
from handhold.version import __version__

RUN = (sys.executable, "-c", "import sys; from handhold.cli.main import main; sys.exit(main())")


def test_help_comes_at_once_and_without_torch():
    code = (
        "import sys\nfrom handhold.cli.main import main\nassert main(['--help']) == 0\n"
        "assert not {'torch', 'tyro', 'numpy', 'vtkmodules'} & set(sys.modules)"
    )
    start = time.process_time()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)
    assert time.process_time() - start < 1


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"handhold {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    assert main([name, "--help"]) == 0
    assert f"handhold {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given",
    [
        ["frobnicate"],
        [],
        ["check"],
        ["check", "--frobnicate", "x"],
        ["refine", "x", "--out", "y", "--seed", "z"],
    ],
)
def test_wrong_usage_is_exit_2(given):
    assert main(given) == 2


def test_a_near_miss_is_named(capsys):
    assert main(["refin"]) == 2
    assert "refine" in capsys.readouterr().err


def test_an_error_of_ours_is_short_and_exit_1(monkeypatch, complaint):
    monkeypatch.setattr(handhold.cli.check, "run", lambda options: 1 / 0)
    assert main(["check", "x.obj"]) == 1
    assert "please report" in complaint()


def test_debug_shows_where(monkeypatch, capfd):
    monkeypatch.setattr(handhold.cli.check, "run", lambda options: 1 / 0)
    assert main(["check", "x.obj", "--debug"]) == 1
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (InputError("bad"), 2)])
def test_exit_codes(monkeypatch, complaint, error, code):
    def run(options):
        raise error

    monkeypatch.setattr(handhold.cli.check, "run", run)
    assert main(["check", "x.obj"]) == code
    complaint()


def test_a_reader_that_leaves_early_gets_no_traceback(scene):
    mesh = scene.parent / "can.obj"
    command = subprocess.Popen([*RUN, "check", str(mesh)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    command.stdout.close()
    assert command.wait() == 0
    assert b"Traceback" not in command.stderr.read()


def test_bad_input_from_a_shell(tmp_path):
    done = subprocess.run([*RUN, "check", str(tmp_path / "none.obj")], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["demo"], ["evaluate", "x.npz"], ["refine", "x.json"]])
def test_a_negative_seed_is_refused(command, tmp_path, capsys):
    assert main([*command, "--out", str(tmp_path / "out"), "--seed", "-1"]) == 2
    assert "--seed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_too_long_a_name_is_refused(tmp_path, capsys):
    assert main(["demo", "--out", str(tmp_path / ("x" * 300))]) == 2
    assert "output folder" in capsys.readouterr().err
