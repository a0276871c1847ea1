"""Colours of pictures and viewer, and from which depth on they show."""

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
