"""CHOIR: a grasp as an interaction field, and hands from such fields.

Morales, Taheri, Lacey, A Versatile and Differentiable Hand-Object Interaction Representation (2024).
"""

from handhold.interaction.choir.basis import ChoirConfig
from handhold.interaction.choir.config import (
    ChoirFitConfig,
    ChoirSampling,
    ContactFitConfig,
    PublishedFitConfig,
)
from handhold.interaction.choir.contacts import ContactGaussians, anchor_of_vertices, contact_map
from handhold.interaction.choir.encode import (
    Choir,
    ChoirObjects,
    choir_objects,
    choir_objects_from_points,
    encode,
)
from handhold.interaction.choir.fit import ChoirFit, fit_choir
from handhold.interaction.choir.published import fit_published
from handhold.interaction.choir.touch import fit_contacts

__all__ = [
    "Choir",
    "ChoirConfig",
    "ChoirFit",
    "ChoirFitConfig",
    "ChoirObjects",
    "ChoirSampling",
    "ContactFitConfig",
    "ContactGaussians",
    "PublishedFitConfig",
    "anchor_of_vertices",
    "choir_objects",
    "choir_objects_from_points",
    "contact_map",
    "encode",
    "fit_choir",
    "fit_contacts",
    "fit_published",
]
