"""Which grasp a person uses for which part and purpose: a written table, for the household categories.

Names of types are those of `handhold.interaction.grasp_types`. Where one hand cannot do it, or no type of the table
is how people do it, the purpose is listed with its reason instead (`NOT_DONE`). What of a row fits an object of given
dimensions is decided where the object is known (`handhold.batch.purposes.asks_for`).

No measurement and no captured grasp stands behind it: it is how we use these things ourselves.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """One line of the table.

    Attributes:
        category: a name of the household `CATEGORIES`.
        part: the part that is touched.
        purpose: what for.
        standing: the object is taken as it stands, lies or is fixed: no finger comes under it, or into the wall.
            Otherwise it is in use, free in the air.
        types: names of `GRASP_TYPES`, the most usual first.
    """

    category: str
    part: str
    purpose: str
    standing: bool
    types: tuple[str, ...]


# Things that stand are taken as they stand, whatever for. Things that lie are in the air when in use, and are picked
# up from above where pads fit across them: then a part has one line for each.
_DONE = """
mug          | body        | drink                   | stands | power
mug          | body        | move, hand over         | stands | power, sphere
mug          | rim         | move                    | stands | pinch
mug          | handle      | drink                   | stands | power, hook, lateral, tripod
mug          | handle      | pour, carry             | stands | power, hook, lateral
glass        | body        | drink                   | stands | power, precision
glass        | body        | pour                    | stands | power
glass        | body        | move, hand over         | stands | power, precision, sphere
glass        | rim         | move                    | stands | pinch
wine glass   | bowl        | move, hand over         | stands | power, sphere, precision
wine glass   | stem        | drink, carry            | stands | tripod, pinch, precision, lateral
wine glass   | stem        | pour                    | stands | precision, tripod
bottle       | body        | drink, pour             | stands | power
bottle       | body        | carry, move, hand over  | stands | power, precision
bottle       | neck        | pour                    | stands | power
bottle       | neck        | carry                   | stands | power, precision, tripod
bottle       | cap         | open                    | stands | precision, tripod, sphere
spray bottle | body        | carry, move, hand over  | stands | power, precision
spray bottle | neck        | spray, carry            | stands | power
spray bottle | head        | move                    | stands | precision, tripod, pinch
jar          | body        | open, carry             | stands | power
jar          | body        | move, hand over         | stands | power, sphere
jar          | lid         | open                    | stands | sphere, power
jar          | lid         | move                    | stands | sphere
can          | side        | drink, pour             | stands | power
can          | side        | carry, move, hand over  | stands | power, sphere, precision
box          | sides       | carry, hand over        | stands | power, precision, extension
box          | sides       | move                    | stands | precision, extension, power
bowl         | rim         | carry, move             | stands | pinch, lateral, extension
plate        | rim         | carry, hand over        | free   | extension, lateral, pinch
plate        | rim         | move                    | stands | pinch, lateral, extension
frying pan   | handle      | cook, pour, carry, hand over | stands | power
pot          | handle      | cook, carry             | stands | hook, power
pot          | handle      | pour                    | stands | power
pot          | knob        | open                    | stands | tripod, pinch, precision, lateral
kettle       | handle      | pour, carry             | stands | power, hook
kettle       | lid         | open                    | stands | tripod, pinch, precision, lateral
teapot       | handle      | pour, carry             | stands | power, hook, lateral
teapot       | lid         | open                    | stands | tripod, pinch, precision
knife        | handle      | cut                     | free   | power, index_extension
knife        | handle      | spread                  | free   | index_extension, power
knife        | handle      | carry                   | free   | power
knife        | handle      | carry                   | stands | precision, tripod, pinch
fork         | handle      | eat                     | free   | tripod, writing, index_extension, lateral
fork         | handle      | stir                    | free   | writing, tripod, index_extension
fork         | handle      | carry                   | free   | lateral, pinch, tripod
fork         | handle      | carry, hand over        | stands | pinch, tripod
spoon        | handle      | eat                     | free   | tripod, writing, lateral, index_extension
spoon        | handle      | stir                    | free   | writing, tripod, pinch, index_extension
spoon        | handle      | carry                   | free   | lateral, pinch, tripod
spoon        | handle      | carry, hand over        | stands | pinch, tripod
hammer       | handle      | hit, carry              | free   | power
hammer       | handle      | carry                   | stands | precision
hammer       | head        | hand over               | free   | power, precision
hammer       | head        | move                    | stands | precision
screwdriver  | handle      | turn                    | free   | power, precision, index_extension, tripod
screwdriver  | handle      | carry                   | free   | power
screwdriver  | handle      | carry                   | stands | precision, tripod, pinch
screwdriver  | shaft       | hand over               | free   | pinch, lateral
screwdriver  | shaft       | move                    | stands | pinch
scissors     | bows        | carry                   | free   | lateral, pinch
scissors     | bows        | carry                   | stands | pinch, tripod
power drill  | handle      | drill, carry            | stands | power
power drill  | body        | hand over, move         | stands | power, sphere
power drill  | battery     | move                    | stands | power, sphere
flashlight   | barrel      | light                   | free   | power, index_extension
flashlight   | barrel      | carry                   | free   | power
flashlight   | barrel      | carry                   | stands | precision, tripod
flashlight   | head        | hand over               | free   | sphere, precision, power
flashlight   | head        | move                    | stands | precision, sphere
phone        | body        | call                    | free   | power, sphere
phone        | body        | photograph              | free   | sphere, power
phone        | body        | move, hand over         | free   | sphere, power
remote       | body        | press                   | free   | power
remote       | body        | hand over               | free   | extension, precision, lateral
remote       | body        | move, hand over         | stands | precision, tripod
camera       | body        | photograph              | free   | power, extension
camera       | body        | move                    | stands | precision, power, extension
camera       | body        | hand over               | stands | power, extension
camera       | grip        | photograph              | free   | power
camera       | grip        | carry                   | stands | power
camera       | lens        | photograph              | free   | sphere, power, precision
computer mouse | body      | press                   | stands | sphere, precision
computer mouse | body      | move, hand over         | stands | sphere, precision
headphones   | band        | carry                   | stands | hook, extension, lateral
headphones   | band        | wear                    | free   | extension, lateral
headphones   | band        | hand over               | stands | extension, lateral
headphones   | cups        | wear                    | free   | sphere, power
headphones   | cups        | move                    | stands | sphere, power
eyeglasses   | rims        | wear                    | free   | pinch, lateral
eyeglasses   | rims        | carry, hand over        | stands | pinch
eyeglasses   | temples     | wear                    | free   | pinch, lateral
eyeglasses   | temples     | carry, hand over        | stands | pinch, lateral
toothbrush   | handle      | brush                   | free   | index_extension, lateral, writing, tripod
toothbrush   | handle      | carry                   | free   | tripod, pinch, lateral
toothbrush   | handle      | carry, hand over        | stands | pinch, tripod, precision
pen          | grip        | write                   | free   | writing
pen          | barrel      | carry                   | free   | tripod, pinch, lateral
pen          | barrel      | hand over               | free   | pinch, tripod
pen          | barrel      | carry, hand over        | stands | pinch, tripod, precision
book         | cover       | read                    | free   | extension, precision
book         | cover       | carry                   | free   | extension, power, precision
book         | cover       | move, hand over         | free   | extension, lateral, precision
door knob    | knob        | open                    | stands | sphere, power
door knob    | knob        | open                    | stands | precision, hook
apple        | body        | eat                     | free   | sphere, power
apple        | body        | move, hand over         | stands | sphere
pear, lemon  | body        | eat                     | free   | sphere, precision, power
pear, lemon  | body        | move, hand over         | stands | precision, sphere
apple, pear, banana | stalk | move                   | stands | pinch, lateral
banana       | body        | eat                     | free   | power, precision
banana       | body        | move                    | stands | precision, tripod
banana       | body        | hand over               | stands | precision
ball         | body        | throw                   | free   | sphere, tripod, power
ball         | body        | move, hand over         | stands | sphere, tripod, precision
cube, cylinder, cone, pyramid | body | move           | stands | precision, tripod, power, extension
cube, cylinder, cone, pyramid | body | hand over      | stands | precision, power, sphere
cube, cylinder, cone, pyramid | body | carry          | stands | power, sphere, precision
capsule      | body        | move, hand over         | stands | precision, power, tripod
capsule      | body        | carry                   | free   | power, precision
torus        | body        | move                    | stands | pinch, tripod, precision
torus        | body        | hand over               | free   | pinch, precision, extension
torus        | body        | carry                   | free   | power, hook
"""

_NOT_DONE = """
wine glass      | foot      | move       | the glass stands on it: fingers would have to come under it
spray bottle    | trigger   | spray      | pressed by a finger of the hand that holds the neck
can             | top       | open       | a flat end; its tab is pulled, not held
box             | top       | open, move | a flat side, nothing to close on
box             | bottom    | carry      | the box stands on it
bowl            | outside   | carry, eat, move, hand over | wider than a hand, and its other side is the inside
plate           | underside | carry      | lies on the flat hand: that stands no push from above
frying pan, pot | body      | move       | wider than a hand
frying pan, pot | rim       | move       | too heavy for a lip between the fingers
pot             | lid       | move       | wider than a hand; it is lifted by its knob
kettle, teapot  | body      | move       | wider than a hand
scissors        | bows      | cut        | needs the thumb through one bow and fingers through the other
scissors        | rivet     | move       | smaller than a fingertip, between the blades
power drill     | trigger   | drill      | pressed by a finger of the hand that holds the handle
phone           | buttons   | press      | pressed by a finger
remote          | keys      | press      | pressed by a finger
camera          | release   | press      | pressed by a finger
computer mouse  | wheel     | press      | rolled by a finger
flashlight      | switch    | press      | pressed by a finger
book            | pages     | open       | turned, not held
book            | spine     | carry, read | lies in the web of the thumb: thumb and fingers are on the cover
"""


def _names(cell: str) -> list[str]:
    return [name.strip() for name in cell.split(",")]


def _uses() -> dict[str, tuple[Use, ...]]:
    """By category, in the table's order."""
    uses: dict[str, tuple[Use, ...]] = {}
    for line in _DONE.strip().splitlines():
        categories, part, purposes, how, types = line.split("|")
        for category in _names(categories):
            uses[category] = uses.get(category, ()) + tuple(
                Use(category, part.strip(), purpose, how.strip() == "stands", tuple(_names(types)))
                for purpose in _names(purposes)
            )
    return uses


def _reasons() -> dict[tuple[str, str, str], str]:
    reasons = {}
    for line in _NOT_DONE.strip().splitlines():
        categories, part, purposes, reason = line.split("|")
        for category in _names(categories):
            for purpose in _names(purposes):
                reasons[category, part.strip(), purpose] = reason.strip()
    return reasons


PURPOSES: dict[str, tuple[Use, ...]] = _uses()
"""By category."""

NOT_DONE: dict[tuple[str, str, str], str] = _reasons()
"""Purposes of parts for which no grasp is made, by category, part and purpose: why."""
