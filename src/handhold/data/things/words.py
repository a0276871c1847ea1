"""Kinds of things that are put together from plain solids, and what their parts are called: tables only.

They are no household objects and nobody holds them in a set: they teach that a word for a part means a shape in a
place, on whatever it may be. A line of a kind has its nouns, its body and what that is called; the lines below it have
a part each: the part it sits on, where, in what forms (one of them is drawn), how often it is there, and what it is
called. All wordings are ours. A word that ends in "+" is plural; one that begins with "~" is one of several.
`handhold.data.things.kinds` reads it.
"""

TABLE = r"""
# animal: toy animal, animal figure, dog, cat, horse, cow, sheep, lion, bear, fox, pig,  \
    rabbit | lying | body, trunk of the body, torso, flank
head | body, front top, ball, 1 | head, face
ears | head, top pair, ball plate cone, .6 | ears+, ~ears, left ear, right ear
legs | body, four below, column, .85 | legs+, ~legs, feet+, front legs+, hind legs+, ~paws
tail | body, back, rod cone, .7 | tail, tail end
snout | head, front, cap cone, .5 | snout, muzzle, nose
trunk | head, front, spout, .2 | trunk, proboscis
horns | head, top pair, cone rod, .2 | horns+, ~horns, antlers+
back | body, top, zone, .6 | back, upper back
belly | body, bottom, zone, .3 | belly, underbelly, stomach

# bird: bird, toy bird, duck, hen, chick, penguin, eagle, swan, owl | lying | body, breast
head | body, front top, ball, 1 | head
beak | head, front, cone cap, .8 | beak, bill
wings | body, sides, plate wing, .6 | wings+, ~wings, wing, left wing
tail | body, back, plate cone, .6 | tail, tail feathers+
legs | body, two below, rod column, .5 | legs+, feet+
crest | head, top, plate cone, .2 | crest, comb
back | body, top, zone, .5 | back

# fish: fish, toy fish, shark, whale, dolphin, dinosaur, dragon, lizard | lying | body, middle
tail | body, back, plate cone, .9 | tail, tail fin
fins | body, sides, plate, .6 | fins+, ~fins, flippers+, side fins+
back fin | body, top, plate, .6 | dorsal fin, back fin, top fin
nose | body, front, cone cap ball, .5 | nose, snout, head

# figure: doll, teddy bear, figurine, statue, robot, action figure, snowman, toy man,  \
    puppet | upright | body, torso, belly, chest
head | body, top, ball box, 1 | head, face
arms | body, sides, rod column, .8 | arms+, ~arms, left arm, right arm, hands+
legs | body, two below, column, .7 | legs+, ~legs, feet+
hat | head, top, cap cone, .4 | hat, cap
base | body, bottom, plate disc, .3 | base, pedestal, stand
ears | head, top pair, ball, .3 | ears+, ~ears
wings | body, back pair, plate, .1 | wings+, ~wings

# car: toy car, car, truck, van, bus, lorry, tractor, digger, race car | lying box | body, chassis, side
wheels | body, wheels, disc, 1 | wheels+, ~wheels, tyres+, front wheel
cab | body, front top, box, .5 | cab, cabin, driver's cab
roof | body, top, zone, .4 | roof, top
bumper | body, front, box cap, .3 | bumper, grille
exhaust | body, back top, rod column, .3 | exhaust, exhaust pipe
ladder | body, back, plate, .2 | ladder, ramp
shovel | body, front bottom, plate, .2 | shovel, blade, bucket

# train: train, locomotive, steam engine, toy train, wagon, tank | lying | boiler, body, side
chimney | body, front top, column cap, .8 | chimney, funnel, smokestack, stack
wheels | body, wheels, disc, .9 | wheels+, ~wheels
cab | body, back top, box, .7 | cab, driver's cab, cabin
dome | body, top, dome ball, .3 | dome, steam dome
coupling | body, back, loop rod, .2 | coupling, hook
gun | body, front top, rod, .2 | gun, cannon, gun barrel

# plane: airplane, plane, jet, toy plane, glider, aircraft, helicopter, drone | lying | fuselage, body, hull
wings | body, sides, wing, .95 | wings+, ~wings, wing, left wing, right wing
tail | body, back top, plate, .8 | tail, tail fin, rudder
tailplane | body, back sides, plate, .5 | tailplane, elevators+
nose | body, front, zone, .4 | nose, nose cone, front end
propeller | body, front, blades, .4 | propeller, propeller blades+
wheels | body, two below, disc, .3 | wheels+, landing gear
engines | wings, bottom, cap, .3 | engines+, ~engines
rotor | body, top, blades, .2 | rotor, rotor blades+

# boat: boat, ship, toy boat, sailing boat, yacht, submarine, ferry | lying | hull, body
mast | body, top, rod, .6 | mast, pole
sail | mast, back, plate, .5 | sail
funnel | body, top, column, .4 | funnel, chimney
cabin | body, back top, box, .4 | cabin, bridge, wheelhouse
keel | body, bottom, plate, .4 | keel, fin below
rudder | body, back, plate, .3 | rudder
bow | body, front, zone, .4 | bow, prow, front

# rocket: rocket, space shuttle, toy rocket, missile, bullet, dart | upright | body, tube, hull
fins | body, around below, plate, .9 | fins+, ~fins, wings+
nose | body, top, cone, .8 | nose, nose cone, tip, point
nozzle | body, bottom, cap cone, .4 | nozzle, engine

# pliers: pliers+, clamp, tongs+, nutcracker, wire cutters+, clip, clothes peg, spring clamp, pincers+,  \
    tweezers+ | hub | pivot, joint, hinge, spring
handles | body, back pair, stick, 1 | handles+, ~handles, grips+, levers+, handle end, arms+, ends that one squeezes+
jaws | body, front pair, jaw, 1 | jaws+, ~jaws, tips+, biting end, gripping end, mouth, nose

# clock: alarm clock, clock, kitchen timer, gauge, compass, meter, stopwatch | facing | case, housing, body, back
bells | body, top pair, dome ball, .6 | bells+, ~bells, bell, gongs+
feet | body, two below, column ball, .6 | feet+, ~feet, legs+
handle | body, top, loop, .4 | handle, carrying handle, bow
button | body, top, button cap, .4 | button, knob, snooze button, crown
dial | body, front, zone, .6 | dial, face, clock face, glass

# radio: radio, walkie-talkie, cordless phone, old phone, router, transmitter, baby monitor,  \
    loudspeaker | upright box | body, case, housing
antenna | body, top, rod column, .85 | antenna, aerial
knobs | body, front, button cap, .4 | knobs+, ~knobs, dial, tuning knob
handle | body, over, bow, .4 | handle, carrying handle
speaker | body, front, zone, .3 | speaker, grille, front
clip | body, back, plate, .3 | clip, belt clip
stand | body, bottom, disc plate, .3 | stand, base, foot

# lamp: lamp, desk lamp, table lamp, floor lamp, candlestick, microphone stand | flat | base, foot, stand
pole | body, top, column, 1 | pole, stem, column, post, neck
shade | pole, top, cone dome, .9 | shade, lampshade, lamp head, head, top
switch | body, front top, button, .3 | switch, button
cord | body, back, rod, .3 | cord, cable

# trophy: trophy, vase, urn, goblet, chalice, amphora | vessel | cup, bowl, body, belly
handles | body, sides, loop, .8 | handles+, ~handles, ears+, left handle
base | body, bottom, disc cap, .8 | base, foot, pedestal, plinth
rim | body, top, zone, .5 | rim, lip, brim, edge
stem | body, bottom, column, .3 | stem, neck

# watch: watch, wristwatch, smart watch, bracelet, medal, sports watch | facing | case, watch case, housing
strap | body, up and down, strip, 1 | strap, band, wristband, ~straps, bracelet, watch band
crown | body, side, button, .6 | crown, winder, button
dial | body, front, zone, .5 | dial, face, glass, display

# flute: flute, recorder, whistle, clarinet, trumpet, pipe, horn, oboe, saxophone | tube | body, tube, middle, barrel
mouthpiece | body, front, mouth cone cap, .9 | mouthpiece, beak, end that one blows, blowing end
bell | body, back, flare, .6 | bell, open end, wide end
keys | body, top row, button, .5 | keys+, ~keys, buttons+, valves+
ring | body, bottom, ring, .2 | ring, thumb hook

# basket: basket, bucket, pail, bag, handbag, shopping bag, tub, flowerpot | vessel | body, side, wall, outside
handle | body, over, bow, .6 | handle, carrying handle, bail
handles | body, sides, loop, .4 | handles+, ~handles, side handles+
strap | body, over, long-bow, .3 | strap, shoulder strap, carrying strap
rim | body, top, zone, .6 | rim, edge, brim, lip
base | body, bottom, zone, .5 | base, bottom, underside

# jug: jug, watering can, oil can, coffee pot, carafe, pitcher, jerrycan, canister, tankard,  \
    measuring jug | upright | body, belly, side, wall
handle | body, back, loop, .85 | handle, grip, side handle
spout | body, front, spout, .7 | spout, beak, pouring end
lid | body, top, cap disc, .5 | lid, cover, top
knob | lid, top, ball button, .3 | knob, lid knob
handle above | body, over, bow, .2 | top handle, handle above, bail
rose | spout, front, flare disc, .2 | rose, sprinkler, shower head
base | body, bottom, zone, .3 | base, bottom

# broom: broom, mop, rake, hoe, paint roller, squeegee, toilet brush, feather duster | bar | head, end, business end
handle | body, back, stick, 1 | handle, stick, pole, shaft, broomstick
bristles | body, front, box plate, .6 | bristles+, brush, teeth+, hairs+

# axe: axe, hatchet, mallet, pickaxe, gavel, tomahawk, sledgehammer, golf club, ice axe | bar | head,  \
    heavy end, hammer head
handle | body, bottom, stick, 1 | handle, shaft, haft, stick
blade | body, side, plate, .6 | blade, edge, cutting edge
spike | body, other side, cone, .4 | spike, point, pick

# shovel: shovel, spade, paddle, oar, racket, spatula, ladle, trowel, fly swatter, hand mirror, hairbrush,  \
    magnifier, whisk, lollipop, fan, ping pong bat | sheet | head, face, blade, wide part, flat part
handle | body, back, stick, 1 | handle, grip, shaft, stick
knob | handle, back, ball, .3 | knob, butt, pommel, end knob
loop | handle, back, ring, .2 | loop, hanging loop, ring
bristles | body, top, box, .2 | bristles+, hairs+

# sword: sword, dagger, saw, file, chisel, letter opener, machete, paintbrush, razor, peeler,  \
    awl | grip | handle, hilt, grip
blade | body, front, long-plate long-cone, 1 | blade, metal part, cutting part, long thin part
guard | body, front, bar, .6 | guard, crossguard, hilt guard, collar
pommel | body, back, ball, .4 | pommel, knob, butt

# driver: awl, ice pick, skewer, soldering iron, nut driver, hex driver, fencing foil, poker, branding iron,  \
    meat fork, sharpening steel | grip | handle, grip, thick end, hand grip, thick part
shaft | body, front, shank, 1 | shaft, shank, rod, metal rod, thin part, metal part, stem
tip | shaft, front, zone, .5 | tip, point, working end
collar | body, front, bar, .2 | collar, guard, ferrule
cap | body, back, cap ball, .2 | pommel, butt, end knob

# squeezer: mustard bottle, ketchup, syrup, dish soap, detergent, cleaner, honey bottle, oil bottle, canister,  \
    milk bottle, flask | upright | body, bottle, container, belly, side, wall, lower part
cap | body, top, wide-cap cap cone mouth, .9 | cap, lid, top, nozzle, closure, screw top
handle | body, back, loop, .3 | handle, grip, side handle
base | body, bottom, zone, .3 | base, bottom, underside

# cup: cup, beaker, tumbler, measuring cup, paper cup, planter, tin, tankard, tea bowl | vessel | body, wall, side,  \
    outside, belly
handle | body, side, loop, .4 | handle, ear, grip, loop
rim | body, top, zone, .8 | rim, lip, brim, upper edge, edge
base | body, bottom, zone, .7 | base, bottom, underside, foot

# dish: dish, tray, saucer, ashtray, pet bowl, pie dish, soap tray, baking dish, salad bowl, basin, platter,  \
    pan lid | dish | inside, body, middle
handles | body, sides, loop plate, .25 | handles+, ~handles, grips+, side handles+
rim | body, top, zone, .8 | rim, lip, border, edge, brim
base | body, bottom, zone, .8 | base, bottom, underside, foot

# dipper: ladle, dipper, scoop, saucepan, skillet, sieve, strainer, measuring spoon, wok  \
    | dish | bowl, cup, scoop, pan, body
handle | body, back, stick, .95 | handle, grip, stick, stem, panhandle
rim | body, top, zone, .4 | rim, lip, edge
spout | body, side, cap, .15 | spout, beak, lip for pouring

# bulb: light bulb, bulb, egg cup, balloon, christmas bauble, perfume bottle, decanter, gourd bottle,  \
    round flask | dropped | glass, globe, bulb, round part, belly
base | body, bottom, cap column, .8 | base, socket end, screw end, fitting, foot
cap | body, top, cap column, .5 | cap, neck, stopper, top

# plain: ball, cube, cylinder, cone, pyramid, ring, die, egg, stone, brick, marble, disc, block, bar of soap,  \
    sponge, carton, packet, shape | any | body, middle, surface, side
top | body, top, zone, .7 | top, upper part, upper end
bottom | body, bottom, zone, .7 | bottom, lower part, underside

# pistol: hair dryer, heat gun, glue gun, water pistol, toy gun, scanner, massage gun, electric screwdriver,  \
    leaf blower, gun | lying | barrel, body, housing
grip | body, back bottom, stick column, 1 | grip, handle, pistol grip, hand grip
trigger | grip, front, small-cap, .6 | trigger, lever, switch
nozzle | body, front, mouth cone cap, .6 | nozzle, muzzle, front, tip, mouth
cord | grip, bottom, rod, .4 | cord, cable, power cord
tank | body, top, ball dome, .3 | tank, reservoir

# binoculars: binoculars+, opera glasses+, telescope, microscope, projector, spyglass, video camera,  \
    webcam | lying box | body, barrels+, tube, housing
eyepieces | body, back pair, cap, .7 | eyepieces+, ~eyepieces, eyepiece, eyecups+, ocular
lenses | body, front pair, cap flare, .8 | lenses+, ~lenses, lens, objective, front lens, objectives+
strap | body, over, long-bow, .3 | strap, neck strap, carrying strap
legs | body, two below, rod, .3 | legs+, tripod, stand
wheel | body, top, disc cap, .3 | focus wheel, wheel, dial

# chair: chair, stool, toy chair, bench, armchair, sofa, table, toy table | flat | seat, top, board
legs | body, four below, column rod, .95 | legs+, ~legs, feet+, front leg
back | body, back top, tall-plate, .6 | backrest, back, back of the seat
arms | body, sides, loop, .3 | arms+, armrests+, ~arms

# pump: pump bottle, soap dispenser, lotion bottle, perfume, sanitizer, sprayer, shampoo | upright | body,  \
    bottle, container, belly
neck | body, top, cap column, 1 | neck, collar
pump | neck, top, cap box, .9 | pump, pump head, head, pusher, top, dispenser
spout | pump, front, spout rod, .7 | spout, nozzle, beak
base | body, bottom, zone, .3 | base, bottom

# tube: tube, lipstick, glue stick, pill bottle, thermos, vitamin jar, paint tube, deodorant, spice jar,  \
    lighter, highlighter, felt-tip, battery | upright | body, tube, barrel, lower part
cap | body, top, wide-cap, .9 | cap, lid, top, cover, screw top, closure
ring | body, side, ring loop, .2 | ring, clip, loop
base | body, bottom, zone, .3 | base, bottom, lower end

# suitcase: suitcase, toolbox, briefcase, lunch box, trunk, cash box, guitar case,  \
    cooler | upright box | body, case, box, side
handle | body, top, loop, .9 | handle, grip, carrying handle, top handle
wheels | body, four below, ball disc, .4 | wheels+, castors+
lid | body, top, zone, .3 | lid, top, cover
latch | body, front, button box, .4 | latch, lock, clasp, buckle

# machine: coffee grinder, pencil sharpener, music box, toaster, mixer, sewing machine, meat grinder,  \
    ice crusher, music player, printer | upright box | body, housing, case, box
crank | body, side, crank, .5 | crank, crank handle, winder, hand crank
lever | body, side, rod stick, .4 | lever, arm, switch arm
knobs | body, front, button cap, .5 | knobs+, ~knobs, knob, dial
feet | body, four below, ball column, .4 | feet+, ~feet
hopper | body, top, flare, .4 | hopper, funnel
spout | body, front, spout, .3 | spout, outlet, tap
cord | body, back, rod, .3 | cord, cable, plug

# padlock: padlock, lock, carabiner, kettlebell, purse, weight, shackle | facing | body, block, lower part
shackle | body, top, loop, 1 | shackle, bow, loop, ring, handle, hoop
keyhole | body, front, button, .3 | keyhole, dial, button

# key: key, can opener, bottle opener, corkscrew, wrench, spanner, tool, screw, bolt | tube | shaft, stem,  \
    shank, middle
bow | body, back, ring plate, .8 | bow, ring, head, key head
bit | body, front, plate cone box, .8 | bit, teeth, tip, business end, working end
cross bar | body, back, bar, .2 | cross handle, handle, cross bar

# bell: bell, hand bell, plunger, rubber stamp, honey dipper, spinning top, chess piece, bottle stopper,  \
    door stop, pestle | dome | body, bell, cup, wide part
handle | body, top, column stick, .9 | handle, grip, stem, stalk
knob | handle, top, ball button, .5 | knob, end knob, ball on top, head
rim | body, bottom, zone, .5 | rim, lower edge, mouth, edge
clapper | body, bottom, rod, .2 | clapper, tongue

# dumbbell: dumbbell, barbell, rolling pin, bone, axle, jump rope, spool | tube | bar, middle, shaft, grip
weights | body, ends, weight, 1 | weights+, ~weights, ends+, ~ends, plates+, handles+, heads+

# controller: game controller, gamepad, joystick, remote controller, steering wheel controller | flat | body,  \
    middle, housing
grips | body, back pair, stick column, .8 | grips+, ~grips, handles+, horns+
sticks | body, top pair, cap column, .7 | sticks+, ~sticks, thumb sticks+, joysticks+
buttons | body, top, button, .6 | buttons+, ~buttons
triggers | body, front pair, button, .4 | triggers+, shoulder buttons+, ~triggers

# plant: plant, mushroom, cactus, potted plant, flower, ice cream, candle, tree, toy tree | upright | pot, \
    body, lower part
stem | body, top, column rod, .8 | stem, stalk, trunk
cap | stem, top, dome ball, .8 | cap, top, crown, blossom, scoop, head, treetop
leaves | stem, sides, plate, .6 | leaves+, ~leaves, branches+
wick | body, top, rod, .2 | wick

# fruit: pineapple, strawberry, carrot, radish, turnip, pumpkin, cherry, eggplant, pepper, fig, avocado,  \
    gourd, pear | dropped | body, flesh, fruit, belly
stalk | body, top, rod column, .7 | stalk, stem
leaves | body, top pair, plate cone, .4 | leaves+, ~leaves, crown, green
neck | body, top, zone, .5 | neck, narrow part, narrow end, upper part, thin end
bottom | body, bottom, zone, .4 | bottom, thick end, base

# cap: cap, hat, helmet, bonnet, mask | dome | crown, shell, dome, top
visor | body, front, plate, .7 | visor, brim, peak, shield
strap | body, sides, strip, .4 | strap, chin strap, bands+
pompom | body, top, ball button, .3 | pompom, bobble, button

# iron: iron, stapler, hole punch, tape dispenser, wood plane, floor polisher, sander,  \
    bag sealer | lying box | body, housing, base
handle | body, lengthwise, bow, .8 | handle, grip, carrying handle
soleplate | body, bottom, zone, .5 | soleplate, bottom, underside, base plate
cord | body, back top, rod, .4 | cord, cable
nose | body, front, zone, .3 | nose, front, tip, front end
lever | body, top, stick, .3 | lever, arm, top arm

# knob: knob, drawer pull, door handle, tap, faucet, valve, hook, coat hook, bell push,  \
    gear knob | facing | plate, rosette, base plate, flange
neck | body, front, column, .7 | neck, shank, stem, post
knob | neck, front, ball cap, .8 | knob, handle, round end, head, ball
lever | body, front, crank spout, .3 | lever, spout, pipe

# shoe: shoe, boot, slipper, sandal, roller skate, ice skate | lying box | upper, body, side, instep
sole | body, bottom, zone, .7 | sole, underside, bottom
toe | body, front, zone, .6 | toe, tip, front, toe cap
heel | body, back bottom, box cap, .6 | heel, back
shaft | body, back top, cap column, .5 | shaft, leg, ankle
wheels | body, wheels, disc, .2 | wheels+, rollers+
blade | body, bottom, plate, .2 | blade, runner

# lantern: lantern, birdcage, snow globe, jar lamp, oil lamp, ornament, hourglass, perfume flask,  \
    snow dome | upright | body, glass, globe, cage
handle | body, top, loop ring, .6 | handle, ring, bail, loop, hanger
base | body, bottom, disc cap, .7 | base, foot, stand
cap | body, top, cap dome, .4 | cap, roof, lid, top
tap | body, side, button crank, .2 | wheel, knob, wick knob

# syringe: syringe, torch, penlight, flashlight, thermometer, air pump, kaleidoscope, pen light, vape,  \
    cigar, pipette | tube | barrel, body, tube
needle | body, front, rod mouth, .6 | needle, tip, point, nozzle
plunger | body, back, column, .5 | plunger, piston, push rod
flange | plunger, back, disc button, .6 | thumb rest, flange, end plate, push button
wings | body, back sides, plate, .3 | finger grips+, wings+, finger flange
head | body, front, flare, .4 | head, wide end, front

# headset: headset, ear defenders+, stethoscope, swimming goggles+, eye mask, hair band | arch | band,  \
    headband, bow, arch
cups | body, tips, disc ball weight, 1 | ear cups+, ~ear cups, cups+, ear cup, pads+, ear pads+, ear pieces+
microphone | cups, front bottom, rod, .4 | microphone, boom, mic

# gadget: thing, gadget, part, model, toy, block, piece, device, sculpture, tool, machine part,  \
    component | any | body, main part, block, bulk
stick | body, any, stick rod, .4 | stick, rod, pole, bar, arm, long thin part
handle | body, any, loop, .4 | handle, loop, bow, grip
knob | body, any, ball, .4 | knob, ball, round part, bulb
plate | body, any, plate, .3 | plate, fin, flap, flat part, wing
spike | body, any, cone, .3 | spike, cone, point, thorn, horn
ring | body, any, ring, .3 | ring, eyelet, hoop
peg | body, any, cap column, .3 | peg, stud, post, boss, cylinder
legs | body, four below, column rod, .2 | legs+, ~legs, feet+
wheels | body, wheels, disc, .2 | wheels+, ~wheels
handles | body, sides, loop, .2 | handles+, ~handles
button | body, any, button, .3 | button, push button, switch
"""

COMMON = frozenset({
    "handle", "handles", "lid", "strap", "spout", "trigger", "grip", "stem", "blade",
})  # fmt: skip
"""Words that are said most often, of things that have them and of things that have not."""
VAGUE = frozenset({
    "top", "bottom", "base", "back", "side", "front", "head", "body", "tip", "edge", "end", "middle", "cover",
    "cap", "neck", "lower part", "upper part", "point", "wide part", "thin part", "foot", "case", "housing",
    "part", "nose", "stand", "shell", "tube", "face", "handle end", "outside", "underside", "wall", "flat part",
    "open end", "wide end", "crown", "arm", "arms", "bar", "block", "ball", "box",
})  # fmt: skip
"""Words that may be said of almost anything: never told to be lacking."""
