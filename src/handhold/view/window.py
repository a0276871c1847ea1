"""An off-screen OpenGL window on machines with and without a display."""

from __future__ import annotations

import ctypes
import os
import sys

import vtkmodules.vtkRenderingOpenGL2 as opengl
from vtkmodules.vtkCommonCore import vtkLogger
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from handhold.errors import HandholdError

OSMESA = ("libOSMesa.so", "libOSMesa.so.8", "libOSMesa.so.6")


def off_screen_window():
    """A window that needs no display where that is possible.

    Chosen here, since VTK's own choice warns where there is no display and crashes where there is no OpenGL.

    Raises:
        HandholdError: this machine has no OpenGL.
    """
    verbosity = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
    try:
        for kind in _kinds_of_window():
            window = kind()
            window.SetOffScreenRendering(True)
            window.SetMultiSamples(0)
            window.SetAlphaBitPlanes(True)
            if window.SupportsOpenGL():
                return window
    finally:
        vtkLogger.SetStderrVerbosity(verbosity)
    raise HandholdError(
        "pictures need OpenGL, and this machine has neither a display nor a software renderer. "
        "On Debian or Ubuntu: apt-get install libegl1 libgl1-mesa-dri"
    )


def _kinds_of_window() -> list[type]:
    if not sys.platform.startswith("linux"):
        return [vtkRenderWindow]
    kinds = []
    if hasattr(opengl, "vtkEGLRenderWindow") and _loads("libEGL.so.1"):
        kinds.append(opengl.vtkEGLRenderWindow)
    if hasattr(opengl, "vtkXOpenGLRenderWindow") and os.environ.get("DISPLAY"):
        kinds.append(opengl.vtkXOpenGLRenderWindow)
    if hasattr(opengl, "vtkOSOpenGLRenderWindow") and any(map(_loads, OSMESA)):
        kinds.append(opengl.vtkOSOpenGLRenderWindow)
    return kinds


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
