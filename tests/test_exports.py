"""Every module can be imported, and every name that a package hands on is there."""

import importlib
import pkgutil

import pytest

import handhold

MODULES = sorted(m.name for m in pkgutil.walk_packages(handhold.__path__, "handhold."))


@pytest.mark.parametrize("name", ["handhold", *MODULES])
def test_exports(name):
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", [])
    assert sorted(set(exported)) == sorted(exported)
    for wanted in exported:
        assert hasattr(module, wanted), f"{name}.__all__ names {wanted}"
