"""Things put together from plain solids, with words for their parts: they teach that such a word means a shape in a
place, on whatever it may be."""

from handhold.data.things.draw import Thing, draw_thing

__all__ = ["Thing", "draw_thing"]
