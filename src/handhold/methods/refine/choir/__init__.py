"""CHOIR: a hand from its interaction field.

Morales, Taheri, Lacey, A Versatile and Differentiable Hand-Object Interaction Representation.
"""

from handhold.methods.refine.choir.config import ChoirFitConfig, PublishedFitConfig
from handhold.methods.refine.choir.fit import ChoirFit, fit_choir
from handhold.methods.refine.choir.published import fit_published

__all__ = ["ChoirFit", "ChoirFitConfig", "PublishedFitConfig", "fit_choir", "fit_published"]
