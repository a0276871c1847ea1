"""Contact from language: a network that tells where a sentence has hand and object touch (GravityDB §3.4)."""

from handhold.models.contact.committee import Committee
from handhold.models.contact.config import ContactNetConfig
from handhold.models.contact.load import SHIPPED, load_model, load_reading_model, open_teller
from handhold.models.contact.model import ContactNet
from handhold.models.contact.reading import ReadingContactNet
from handhold.models.contact.tell import Teller, ToldContact

__all__ = [
    "SHIPPED",
    "Committee",
    "ContactNet",
    "ContactNetConfig",
    "ReadingContactNet",
    "Teller",
    "ToldContact",
    "load_model",
    "load_reading_model",
    "open_teller",
]
