"""Every name that handhold.io promises is there."""

import handhold.io


def test_all_names_exist():
    assert all(hasattr(handhold.io, name) for name in handhold.io.__all__)
