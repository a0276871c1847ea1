"""Sentences as features for networks; nothing here knows of hands or objects."""

from handhold.language.cached import CachedEncoder
from handhold.language.causal_encoder import VICUNA_7B, CausalConfig, CausalEncoder
from handhold.language.features import TextEncoder, TextFeatures
from handhold.language.from_image import instruction_from_image
from handhold.language.open import open_encoder
from handhold.language.sentence_encoder import SentenceEncoder

__all__ = [
    "VICUNA_7B",
    "CachedEncoder",
    "CausalConfig",
    "CausalEncoder",
    "SentenceEncoder",
    "TextEncoder",
    "TextFeatures",
    "instruction_from_image",
    "open_encoder",
]
