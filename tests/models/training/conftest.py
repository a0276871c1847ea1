"""Pictures take longer than these trainings: only the tests of pictures draw any."""

import pytest


@pytest.fixture(autouse=True)
def no_pictures(request, monkeypatch):
    if "draws" not in request.fixturenames:
        monkeypatch.setattr("handhold.models.training.trainer.draw_curves", lambda rows, path: None)


@pytest.fixture
def draws():
    """Asked for by a test whose trainings draw their curves."""
