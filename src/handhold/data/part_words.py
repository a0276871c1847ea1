"""What people call the parts of household objects, held or not, and which parts an object plainly lacks: tables only.

Beyond `handhold.data.lexicon`, which names what the grasps of a set hold. All wordings are ours. A word that ends in
"+" is plural; one that begins with "~" is one of several.
"""

from __future__ import annotations

from collections import Counter

from handhold.data.lexicon import HELD, PARTS

_MORE = """
banana | stalk | stump, end of the stem
book | cover | front and back, boards+
book | pages | pages+, page edges+, paper
book | spine | spine, back, bound side, back of the book
bottle | body | side, belly, main part, wall
bottle | neck | throat, narrow part, thin part
bottle | cap | cap, screw cap, top, closure, lid, bottle top, stopper
bowl | outside | outside, outer wall, outer side
bowl | rim | brim, lip, border
bowl | inside | inside, inner side, hollow
box | sides | long sides+, faces+
box | top | top, top face
box | bottom | bottom, underside, base
camera | glass | front glass
camera | release | shutter button, shutter release
can | side | wall, cylinder, round part
can | top | top, flat top, tab end
computer mouse | wheel | wheel, scroll wheel
computer mouse | underside | underside, bottom, base
door knob | neck | neck, shank, thin part behind the knob
door knob | plate | plate, rosette, mounting plate
door knob | knob | knob, round knob
eyeglasses | rims | front, frame front
eyeglasses | temples | ~legs, ~earpieces, temple, arm, left arm, side arm
eyeglasses | lenses | lenses+, glass
flashlight | barrel | body, grip, shaft
flashlight | head | front, wide end
flashlight | glass | glass, front glass
flashlight | switch | switch, button, power button
fork | handle | shaft, stem, back end
fork | head | prongs+, tines+, head, fork end
frying pan | handle | stick, panhandle
frying pan | body | body, pan itself, outside
frying pan | rim | rim, edge, lip
frying pan | inside | inside, cooking surface
glass | body | wall, outside
glass | rim | brim, top edge, upper edge
glass | inside | inside
hammer | handle | haft, stick, wooden part
hammer | head | hammer head, heavy end, striking end
headphones | band | headband, bow, arc, strap
headphones | cups | ~ear pieces, ~shells, ear cup, earcup, left ear cup, ear pad
headphones | pads | ear pads+, cushions+, pads+
jar | body | side, wall, glass part
jar | lid | cover, top, cap
kettle | handle | bow, grab handle
kettle | body | body, side, belly
kettle | spout | spout, beak, pouring end
kettle | lid | lid, cover
knife | handle | hilt, haft, grip end
knife | blade | blade, sharp side, cutting edge, metal part
mug | body | side, wall, belly, main part
mug | rim | brim, upper edge, top edge
mug | handle | ear, loop, grip
mug | inside | inside, inner wall
pen | barrel | middle, tube, body
pen | grip | front part, grip section
pen | point | point, tip, nib
pen | clip | clip, pocket clip
phone | body | back, edges+, frame
phone | screen | screen, display, glass
phone | lens | camera lens, lens
phone | buttons | side buttons+, buttons+
plate | rim | border, brim
plate | underside | underside, bottom
plate | inside | middle, centre, flat part
pot | handle | ~side handles, ear, grip
pot | body | body, side, wall
pot | rim | rim, edge
pot | inside | inside
pot | knob | knob, knob of the lid
pot | lid | lid, cover
power drill | handle | pistol grip
power drill | body | motor housing, upper part, top
power drill | trigger | trigger, switch
power drill | battery | base, bottom part, foot
power drill | chuck | chuck, drill chuck
power drill | bit | bit, drill bit
remote | body | back, edges+
remote | keys | keys+, buttons+
scissors | bows | ~loops, ~rings, ~finger holes, grips+, handle, handle end
scissors | blades | blades+, cutting edges+, sharp part, jaws+, one blade
scissors | rivet | rivet, pivot, screw
screwdriver | handle | thick end, plastic part
screwdriver | shaft | rod, metal part, thin part
screwdriver | tip | tip, blade end
spoon | handle | stem, shaft, back end
spoon | head | bowl of the spoon, scoop, head
spray bottle | body | bottle, tank, side, wide part
spray bottle | neck | throat, thin part
spray bottle | head | sprayer head, top
spray bottle | trigger | trigger, lever
spray bottle | nozzle | nozzle, spray tip
teapot | body | body, belly
teapot | spout | spout, beak
teapot | lid | lid, cover
toothbrush | handle | grip, shaft
toothbrush | head | brush head, head
toothbrush | bristles | bristles+
wine glass | bowl | cup, upper part
wine glass | stem | leg, thin part
wine glass | foot | foot, base
wine glass | rim | rim, brim
"""

# Parts that are known by words of their own; the categories after the bar have it, or something one may call so.
_OWN = """
handle | mug, frying pan, pot, kettle, teapot, knife, fork, spoon, hammer, screwdriver, power drill, toothbrush, \
    flashlight, scissors, pen, spray bottle, door knob, headphones, eyeglasses, torus
lid | jar, pot, kettle, teapot, bottle, box, can, pen, spray bottle, camera
cap | bottle, jar, pen, spray bottle, can, flashlight, camera, apple, pear, kettle, teapot
screw cap | bottle, jar, pen, spray bottle, flashlight
spout | kettle, teapot, bottle, spray bottle, can, pot, frying pan, mug
trigger | power drill, spray bottle, camera
blade | knife, scissors, screwdriver, spoon, fork, power drill
neck | bottle, spray bottle, door knob, wine glass, jar, pear, spoon, fork, toothbrush, hammer, flashlight, camera, \
    screwdriver, power drill, teapot, kettle, headphones
stem | wine glass, apple, pear, banana, lemon, fork, spoon, toothbrush, pen, screwdriver, hammer
stalk | apple, pear, banana, lemon, wine glass
lens | camera, phone, eyeglasses, flashlight
prongs | fork, power drill, eyeglasses
knob | door knob, pot, kettle, teapot, camera, headphones
clip | pen, eyeglasses, headphones
nozzle | spray bottle, bottle, kettle, teapot
spine | book
pages | book
cover | book, phone, jar, pot, kettle, teapot, box, remote, power drill
temples | eyeglasses
headband | headphones
ear cups | headphones
finger loops | scissors, mug
scroll wheel | computer mouse, camera
battery pack | power drill, flashlight, camera, phone, remote
drill bit | power drill, screwdriver
switch | flashlight, power drill, kettle, phone, remote, headphones, camera, computer mouse
buttons | phone, remote, camera, computer mouse, flashlight, headphones, power drill
screen | phone, camera
lever | spray bottle, power drill, kettle, door knob
strap | headphones, camera, flashlight
wheels | computer mouse, camera
crank | door knob, pot, kettle, teapot
rim | mug, glass, wine glass, bowl, plate, frying pan, pot, jar, eyeglasses, can, kettle, teapot, bottle, flashlight, \
    headphones
"""


def _table(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.split("|")] for line in text.replace("\\\n", "").strip().splitlines()
    ]


def _split(cell: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in cell.split(","))


def _part_words() -> dict[tuple[str, str], tuple[str, ...]]:
    words = dict(PARTS)
    for (category, part, _), named in HELD.items():
        words[category, part] = (*words.get((category, part), ()), named[0])
    for category, part, cell in _table(_MORE):
        words[category, part] = tuple(dict.fromkeys((*words.get((category, part), ()), *_split(cell))))
    return words


PART_WORDS: dict[tuple[str, str], tuple[str, ...]] = _part_words()
"""What a part is called, by category and part; a part without an entry is the whole object to a speaker."""

_NEVER = """
carrying strap, hand strap, wings, pump, loop of cord, string, chain, antenna, propeller, zipper, pedal,
hose, faucet, drawer, hinge, tassel, cable, plug, rope, belt, suction cup, tap, keyhole, hanger, mast,
shoulder strap, side handle, top handle, dispenser, funnel, ring pull, wick, reins, fin, sail, visor
"""


HAD_BY: dict[str, tuple[str, ...]] = {word: _split(cell) for word, cell in _table(_OWN)}
"""Words for parts, with the categories for which they can not be said to be lacking."""

NEVER: tuple[str, ...] = tuple(word.strip() for word in _NEVER.replace("\n", " ").split(","))
"""Words for parts that no household object has."""

_CALLED = Counter(word.strip("~+") for words in PART_WORDS.values() for word in dict.fromkeys(words))
"""How many parts are called by a word."""


def lacking(category: str) -> tuple[str, ...]:
    """Words for parts that an object of a category plainly has not; one comes the more often the more objects have a
    part of that name, for a word that is seldom missed would be taken for there."""
    known = tuple(
        word
        for word, having in HAD_BY.items()
        if category not in having
        for _ in range(max(_CALLED[word] // 2, 1))
    )
    return known + tuple(word for word in NEVER if "handle" not in word or "handle" in known)
