"""Colours of pictures and viewer, and from which depth on they show."""

import numpy as np

SKIN = (0.90, 0.71, 0.60)
OBJECT = (0.58, 0.67, 0.77)
CUT, DEEP_CUT = (0.95, 0.16, 0.12), (0.62, 0.0, 0.06)
TISSUE, DEEP_TISSUE = (0.45, 0.72, 0.66), (0.02, 0.36, 0.50)
BACKGROUND = (0.937, 0.941, 0.945)

CUT_SHOWN = 0.0005
"""Contact presses in a little; a cut deeper than this is coloured [m]."""
TISSUE_SHOWN = 0.0001
"""Flesh that gave way by more than this is coloured [m]."""
DEPTH_SHOWN = 0.010
"""The strongest colour stands for this depth, and all beyond [m]."""

HEAT = (
    (0.80, 0.82, 0.845),
    (0.965, 0.785, 0.43),
    (0.935, 0.47, 0.15),
    (0.79, 0.13, 0.15),
    (0.40, 0.01, 0.20),
)
"""From no contact to contact for certain, in equal steps; darker step by step, so that it is read in grey as well."""


def heat_colours(values: np.ndarray) -> np.ndarray:
    """Red, green, blue (N, 3) in [0, 1] of weights (N,) from 0 to 1."""
    steps = np.linspace(0.0, 1.0, len(HEAT))
    return np.stack([np.interp(values, steps, channel) for channel in np.transpose(HEAT)], axis=-1)
