"""The curves' CSV and picture."""

import csv
import math

import pytest
from PIL import Image
from small_tasks import SHORT, Noisy

from handhold.errors import InputError, MissingExtra
from handhold.models.training import train
from handhold.models.training.curves import Curves, draw_curves, read_rows
from handhold.models.training.learner import Step


def counted(*losses: float) -> Curves:
    curves = Curves()
    for number, loss in enumerate(losses, 1):
        step = Step(number, rate=0.1, norm=2.0, losses={"loss": loss}, taken=math.isfinite(loss))
        curves.add(step)
        if number % 2 == 0:
            validation = {"loss": 0.5, "iv_cm3": 1.25} if number == 4 else {}
            curves.end_row(step, seconds=float(number), validation=validation)
    return curves


def test_rows_are_means_since_the_row_before():
    rows = counted(1.0, 3.0, 5.0, math.nan, math.nan, math.inf).rows
    assert rows[0] == {
        "step": 2,
        "seconds": 2.0,
        "learning_rate": 0.1,
        "gradient_norm": 2.0,
        "skipped": 0,
        "train_loss": 2.0,
    }
    assert (rows[1]["train_loss"], rows[1]["skipped"]) == (5.0, 1)
    assert "train_loss" not in rows[2]
    assert rows[2]["skipped"] == 2


def test_the_csv_has_empty_cells_and_gives_every_bit_back(tmp_path):
    curves = counted(0.1, 0.2, 1 / 3, 2 / 3)
    curves.write(tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open(newline="") as file:
        table = list(csv.reader(file))
    assert table[0][:5] == ["step", "seconds", "learning_rate", "gradient_norm", "skipped"]
    assert table[0][5:] == ["train_loss", "validation_loss", "validation_iv_cm3"]
    assert table[1][5:] == ["0.15000000000000002", "", ""]
    assert table[2][6:] == ["0.5", "1.25"]
    assert read_rows((tmp_path / "curves.csv").read_text()) == curves.rows
    assert [path.name for path in tmp_path.iterdir()] == ["curves.csv"]
    with pytest.raises(InputError, match="cannot write"):
        curves.write(tmp_path / "nowhere" / "curves.csv")


def test_the_picture_has_a_panel_for_each_figure(tmp_path):
    for terms, across, down in ((1, 1, 1), (3, 3, 1), (6, 4, 2)):
        rows = [{"step": s, **{f"train_{k}": 10.0**-s for k in range(terms)}} for s in range(4)]
        draw_curves(rows, tmp_path / "curves.png")
        with Image.open(tmp_path / "curves.png") as image:
            image.verify()
            assert image.size == (round(3.6 * 110) * across, round(2.6 * 110) * down)
    draw_curves([], tmp_path / "none.png")
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_axes_are_logarithmic_where_values_span_a_decade(tmp_path):
    from matplotlib.figure import Figure

    from handhold.models.training.curves import _draw_panel

    def scale(*values):
        axes = Figure().add_subplot()
        _draw_panel(axes, [{"step": k, "train_loss": v} for k, v in enumerate(values)], "loss")
        return axes.get_yscale()

    assert scale(1.0, 0.05) == "log"
    assert scale(1.0, 0.2) == "linear"
    assert scale(1.0, -0.01) == "linear"
    assert scale(1.0, math.nan, 0.01) == "log"


def test_a_training_writes_both(tmp_path, draws):
    trained = train(Noisy(), SHORT, folder=tmp_path, device="cpu", validate=lambda: {"loss": 0.5})
    assert trained.warnings == ()
    with Image.open(tmp_path / "curves.png") as image:
        assert len(image.convert("L").getcolors()) > 10
    rows = read_rows((tmp_path / "curves.csv").read_text())
    assert [row["step"] for row in rows if "validation_loss" in row] == [8, 16, 24]
    assert trained.losses["loss"] == rows[-1]["train_loss"]
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint", "curves.csv", "curves.png"}


def test_without_matplotlib_there_is_a_warning(tmp_path, draws, monkeypatch):
    def missing(package, *, extra):
        raise MissingExtra(f"no {package}: pip install 'handhold[{extra}]'")

    monkeypatch.setattr("handhold.models.training.curves.require", missing)
    trained = train(Noisy(), SHORT, folder=tmp_path, device="cpu")
    assert len(trained.warnings) == 1
    assert "handhold[train]" in trained.warnings[0]
    assert not (tmp_path / "curves.png").exists()
    with pytest.raises(MissingExtra):
        draw_curves(read_rows((tmp_path / "curves.csv").read_text()), tmp_path / "curves.png")
