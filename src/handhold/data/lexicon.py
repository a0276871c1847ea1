"""Words for household objects, their parts, what they are for and how a hand holds them: tables only.

All wordings are ours. A noun that ends in "+" is plural; a part that begins with "~" is one of several. In what is
done, "|" stands between the verb and its form in -ing, `{it}` is the object by name or pronoun, `{obj}` the object by
name only, and a leading "*" marks what is said to somebody only ("me").
"""

from __future__ import annotations


def _words(cell: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in cell.split(","))


def _ways(cell: str) -> tuple[str, ...]:
    return tuple(way.strip() for way in cell.split(";"))


def _lines(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(" | ")] for line in table.strip().splitlines()]


_NOUNS = """
apple | apple
ball | ball
banana | banana
book | book
bottle | bottle
bowl | bowl
box | box, carton, package
camera | camera
can | can, tin
capsule | capsule, pill-shaped block
computer mouse | mouse, computer mouse
cone | cone, cone-shaped block
cube | cube, block, cube-shaped block
cylinder | cylinder, cylindrical block
door knob | door knob, doorknob
eyeglasses | glasses+, eyeglasses+, spectacles+, pair of glasses, pair of eyeglasses
flashlight | flashlight, torch
fork | fork
frying pan | frying pan, pan, skillet
glass | glass, drinking glass, water glass
hammer | hammer
headphones | headphones+, pair of headphones
jar | jar
kettle | kettle
knife | knife
lemon | lemon
mug | mug, cup, coffee mug
pear | pear
pen | pen
phone | phone, smartphone, mobile phone, cell phone
plate | plate, dish
pot | pot, cooking pot
power drill | drill, power drill, electric drill
pyramid | pyramid, pyramid-shaped block
remote | remote, remote control, TV remote
scissors | scissors+, pair of scissors
screwdriver | screwdriver
spoon | spoon
spray bottle | spray bottle, sprayer
teapot | teapot
toothbrush | toothbrush
torus | ring, torus, ring-shaped block
wine glass | wine glass, wineglass, stemmed glass
"""

_PARTS = """
apple | stalk | stalk, stem
pear | stalk | stalk, stem
banana | stalk | stalk, stem
book | cover | cover, covers+
bottle | body | body
bottle | neck | neck
bowl | rim | rim, edge
box | sides | sides+
camera | body | body
camera | grip | grip, hand grip
camera | lens | lens, lens barrel
can | side | side, body
eyeglasses | rims | ~rims, frame
eyeglasses | temples | ~temples, ~arms, ~side pieces
flashlight | barrel | barrel, handle, tube
flashlight | head | head, lamp end
fork | handle | handle
frying pan | handle | handle, grip
glass | body | body, side
glass | rim | rim, lip
hammer | handle | handle, shaft, grip
hammer | head | head
headphones | band | band, headband
headphones | cups | ~ear cups, ~cups
jar | body | body
jar | lid | lid
kettle | handle | handle, grip
knife | handle | handle, grip
mug | body | body
mug | rim | rim, lip
mug | handle | handle
pen | barrel | barrel, shaft
pen | grip | grip, lower end
phone | body | body, case
plate | rim | rim, edge
pot | handle | handle
power drill | handle | handle, grip
power drill | body | body, housing
power drill | battery | battery, battery pack
remote | body | body, case
scissors | bows | ~finger loops, ~bows, ~handles
screwdriver | handle | handle, grip
screwdriver | shaft | shaft, shank
spoon | handle | handle
spray bottle | body | body
spray bottle | neck | neck
spray bottle | head | head, spray head
teapot | handle | handle, grip
toothbrush | handle | handle
wine glass | bowl | bowl
wine glass | stem | stem
"""

# What is held is named in place of the whole object: nobody holds a pot by its knob.
_HELD = """
bottle | cap | open | cap, cap of the bottle, bottle cap
jar | lid | open | lid, lid of the jar, jar lid
pot | knob | open | knob, knob on the lid of the pot, lid knob of the pot
kettle | lid | open | lid, lid of the kettle, kettle lid
teapot | lid | open | lid, lid of the teapot, teapot lid
"""

_DOING = """
drink | drink|drinking from {it}; take|taking a sip from {it}; have|having a drink from {it}; \
    raise|raising {it} for a drink
pour | pour|pouring from {it}; pour|pouring something out of {it}; tip|tipping {it} to pour; \
    empty|emptying {it}
carry | carry|carrying {it}; carry|carrying {it} around; carry|carrying {it} to the table; \
    take|taking {it} along; bring|bringing {it} over; carry|carrying {it} to the next room; \
    *bring|bringing me {obj}
move | move|moving {it}; move|moving {it} aside; put|putting {it} somewhere else; put|putting {it} aside; \
    set|setting {it} out of the way; shift|shifting {it} a little
hand over | hand|handing {it} over; pass|passing {it} to someone; give|giving {it} to somebody; \
    hand|handing {it} to a friend; offer|offering {it} to someone; *pass|passing {it} to me; \
    *hand|handing me {obj}; *give|giving me {obj}; *pass|passing me {obj}
open | open|opening {it}
cook | cook|cooking with {it}; heat|heating something in {it}; cook|cooking something in {it}
eat | eat|eating {it}; take|taking a bite of {it}; bite|biting into {it}
stir | stir|stirring with {it}; stir|stirring something with {it}; use|using {it} for stirring
cut | cut|cutting with {it}; cut|cutting something with {it}; slice|slicing bread with {it}; \
    cut|cutting vegetables with {it}; use|using {it} for cutting
spread | spread|spreading butter with {it}; butter|buttering bread with {it}; \
    spread|spreading jam with {it}; use|using {it} for spreading
hit | hit|hitting a nail with {it}; drive|driving in a nail with {it}; \
    strike|striking something with {it}; pound|pounding with {it}; swing|swinging {it}
turn | turn|turning a screw with {it}; tighten|tightening a screw with {it}; \
    loosen|loosening a screw with {it}; drive|driving in a screw with {it}; use|using {it}
drill | make|making a hole with {it}; bore|boring a hole with {it}; use|using {it}; work|working with {it}
light | light|lighting the way with {it}; shine|shining a light with {it}; look|looking around with {it}; \
    point|pointing {it} ahead
call | make|making a call with {it}; answer|answering {it}; talk|talking on {it}; \
    take|taking a call on {it}; phone|phoning someone with {it}
photograph | take|taking a picture with {it}; take|taking a photo with {it}; \
    photograph|photographing something with {it}; shoot|shooting a photo with {it}
press | use|using {it}; work|working with {it}
wear | put|putting {it} on; put|putting on {obj}; try|trying {it} on; try|trying on {obj}
brush | brush|brushing teeth with {it}; clean|cleaning teeth with {it}; use|using {it}; \
    start|starting to brush with {it}
write | write|writing with {it}; write|writing something down with {it}; take|taking notes with {it}; \
    sign|signing a letter with {it}; write|writing a note with {it}
read | read|reading {it}; look|looking at {it}; show|showing {it}; study|studying {it}
throw | throw|throwing {it}; toss|tossing {it}; throw|throwing {it} to someone; toss|tossing {it} away; \
    *throw|throwing {it} to me
spray | spray|spraying with {it}; spray|spraying water with {it}; use|using {it}; \
    spray|spraying the plants with {it}; mist|misting the plants with {it}
"""

_DOING_HERE = """
mug | drink | drink|drinking coffee from {it}; drink|drinking tea from {it}
wine glass | drink | drink|drinking wine from {it}; take|taking a sip of wine from {it}; \
    raise|raising {it} for a toast
wine glass | pour | pour|pouring wine from {it}
teapot | pour | pour|pouring tea from {it}; serve|serving tea from {it}
kettle | pour | pour|pouring hot water from {it}; fill|filling a cup from {it}
bottle | pour | fill|filling a glass from {it}
frying pan | cook | fry|frying something in {it}; fry|frying eggs in {it}
frying pan | pour | pour|pouring off the oil from {it}
pot | cook | boil|boiling something in {it}; cook|cooking soup in {it}
spoon | stir | stir|stirring tea with {it}; stir|stirring soup with {it}
fork | stir | stir|stirring sauce with {it}; beat|beating eggs with {it}
remote | press | change|changing the channel with {it}; switch|switching on the TV with {it}; \
    press|pressing a button on {it}
computer mouse | press | click|clicking with {it}; move|moving the cursor with {it}; \
    press|pressing a button of {it}
headphones | wear | listen|listening to music with {it}
"""

# In place of the general table, for a part where it is another matter ("*" for all parts).
_DOING_INSTEAD = """
fork | * | eat | eat|eating with {it}; take|taking a bite with {it}; eat|eating pasta with {it}; \
    eat|eating dinner with {it}
spoon | * | eat | eat|eating with {it}; eat|eating soup with {it}; take|taking a spoonful with {it}; \
    taste|tasting something with {it}
lemon | * | eat | bite|biting into {it}; taste|tasting {it}; smell|smelling {it}; eat|eating {it}
jar | body | open | keep|keeping {it} steady for opening; get|getting {it} open; \
    open|opening {it} with the other hand
jar | lid | open | open|opening the jar; unscrew|unscrewing {it}; twist|twisting {it} off; \
    get|getting the jar open
bottle | cap | open | open|opening the bottle; unscrew|unscrewing {it}; twist|twisting {it} off; \
    get|getting the bottle open
pot | knob | open | open|opening the pot; lift|lifting the lid; take|taking the lid off; \
    look|looking into the pot
kettle | lid | open | open|opening the kettle; lift|lifting {it}; take|taking {it} off; \
    fill|filling the kettle
teapot | lid | open | open|opening the teapot; lift|lifting {it}; take|taking {it} off; \
    look|looking into the teapot
door knob | knob | open | open|opening the door; turn|turning {it}; pull|pulling the door open; \
    go|going through the door; push|pushing the door open
hammer | head | hand over | *pass|passing me {obj}, handle first; \
    hand|handing {it} over with the handle first; offer|offering {it} to someone, handle first; \
    give|giving {it} to someone, handle first
screwdriver | shaft | hand over | *pass|passing me {obj}, handle first; \
    hand|handing {it} over with the handle first; offer|offering {it} to someone, handle first; \
    give|giving {it} to someone, handle first
"""

_HOW = """
power | with a firm grip; with {your} whole {side}hand; with {your} fingers wrapped around {held}; \
    with a power grasp; with {your} palm against {held}; firmly
sphere | with {your} fingers spread around {held}; with {your} whole {side}hand around {held}; \
    with spread fingers; with {your} {side}hand curved around {held}
index_extension | with {your} index finger stretched out along {held}; \
    with {your} index finger pointing along {held}; with an outstretched index finger
precision | with {your} fingertips; with the tips of {your} thumb and fingers; \
    between {your} thumb and fingertips; with a precision grip; with the pads of {your} fingers
pinch | with a pinch; between {your} thumb and index finger; between finger and thumb; in a pinch grip; \
    with {your} thumb and forefinger
tripod | with three fingers; with {your} thumb, index and middle finger; \
    between {your} thumb and two fingertips; in a tripod grip
lateral | between {your} thumb and the side of {your} index finger; with a key grip; \
    the way a key is held; with {your} thumb pressing against the side of {your} forefinger
writing | in a writing grip; the way one holds a pen; like a pen; \
    between {your} thumb, index and middle finger, as for writing
hook | with hooked fingers; with {your} fingers hooked around {held}; \
    with {your} fingers curled around {held} like a hook; in a hook grip
extension | with straight fingers; flat between {your} thumb and straight fingers; \
    between {your} thumb and outstretched fingers; with {your} fingers kept straight
palm | on the flat of {your} {side}hand; on {your} open {side}palm; with flat, open fingers
"""

NOUNS: dict[str, tuple[str, ...]] = {name: _words(words) for name, words in _lines(_NOUNS)}
"""What an object of a category is called."""

PARTS: dict[tuple[str, str], tuple[str, ...]] = {(a, b): _words(words) for a, b, words in _lines(_PARTS)}
"""What a part is called; a part without an entry is the whole object to a speaker."""

HELD: dict[tuple[str, str, str], tuple[str, ...]] = {
    (a, b, c): _words(words) for a, b, c, words in _lines(_HELD)
}
"""What is said to be held where it is not the object as a whole, by category, part and purpose; shortest first."""

DOING: dict[str, tuple[str, ...]] = {name: _ways(cell) for name, cell in _lines(_DOING)}
"""What one does for a purpose."""

DOING_HERE: dict[tuple[str, str], tuple[str, ...]] = {(a, b): _ways(c) for a, b, c in _lines(_DOING_HERE)}
"""What one also does with an object of this category."""

DOING_INSTEAD: dict[tuple[str, str, str], tuple[str, ...]] = {
    (a, b, c): _ways(d) for a, b, c, d in _lines(_DOING_INSTEAD)
}
"""What replaces the two, by category, part ("*": any) and purpose."""

HOW: dict[str, tuple[str, ...]] = {name: _ways(cell) for name, cell in _lines(_HOW)}
"""A grasp type in plain words; `{your}` is "your" or "the", `{held}` what the fingers close on, `{side}` "right " or
"left " or nothing."""

VERBS = (
    ("hold {}", "holding {}", "holds {}", "held"),
    ("take {}", "taking {}", "takes {}", "taken"),
    ("grab {}", "grabbing {}", "grabs {}", "grabbed"),
    ("grip {}", "gripping {}", "grips {}", "gripped"),
    ("grasp {}", "grasping {}", "grasps {}", "grasped"),
    ("take hold of {}", "taking hold of {}", "takes hold of {}", "held"),
    ("pick {} up", "picking {} up", "picks {} up", "picked up"),
    ("lift {}", "lifting {}", "lifts {}", "lifted"),
)
"""Ways to say "hold": the verb, in -ing, of a third person, its participle."""

FIRM = ("hold {}", "grip {}", "grasp {}", "take hold of {}", "grab {}")
"""Those that fit what does not come off its place, or a part named by itself."""

STILL = ("hold {}", "grip {}", "grasp {}")
"""Those that last while something is done."""
