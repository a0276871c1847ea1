"""Frames of sentences that tell how to hold something: tables for `handhold.data.instructions`.

Slots: `{hold}` is the verb with its object and how it is done, `{hold_it}` the same where the object was named before;
`{holding}` and `{holds}` likewise. `{do}` is what the grasp is for, with a pronoun,
`{do_obj}` with the name. `{thing}` is what is held, `{mods}` by which part, how and with which hand.
"""

from __future__ import annotations

import re

COMMANDS = (
    "{hold} to {do}", "{hold} and {do}", "{hold} so that you can {do}", "{hold} as if to {do}", "{hold} for {doing}",
    "{hold} in order to {do}", "{hold} as you would to {do}", "{hold}, then {do}", "{do_obj}, {holding_it}",
    "{do_obj} while {holding_it}", "{do_obj}", "{do_obj}{hand}", "{do_obj}{mods}", "use {your} {side} hand to {do_obj}",
)  # fmt: skip
"""What can be asked for: each begins with a verb."""
OPENINGS = (
    "to {do_obj}, {hold_it}", "when you {do_obj}, {hold_it}", "if you want to {do_obj}, {hold_it}",
    "get ready to {do_obj}: {hold_it}", "you are about to {do_obj}, so {hold_it}", "time to {do_obj}: {hold_it}",
    "with {your} {side} hand, {hold} to {do}", "with {your} {side} hand, {hold} and {do}",
    "for {doing_obj}, {hold_it}",
)  # fmt: skip
"""Commands that begin otherwise."""
REQUESTS = (
    "please {}", "{}, please", "can you {}?", "could you {}?", "would you {}?", "I want you to {}", "now {}",
    "I would like you to {}", "you should {}", "try to {}", "show me how to {}", "show me how you would {}", "just {}",
)  # fmt: skip
REPORTS = (
    "{a_hand} {holds} to {do}", "{a_hand} {holds}, ready to {do}", "{a_hand} {holding} to {do}",
    "{someone} {holds} to {do}", "{someone} {holds} for {doing}", "{someone} is about to {do_obj}, {holding_it}",
    "{someone} {holding}, about to {do}", "{someone} is {doing_obj}, {holding_it}", "{thing} {is_held} for {doing}",
    "{doing_obj}, {holding_it}", "{doing_obj}{hand}", "{thing} {is_held} to {do}", "ready for {doing_obj}",
    "{a_hand} about to {do_obj}", "{holding} for {doing}", "{holding} while {doing}",
)  # fmt: skip
PLAIN_COMMANDS = ("{hold}", "{hold} and wait", "{hold} without letting go")
PLAIN_REPORTS = (
    "{a_hand} {holds}", "{a_hand} {holding}", "{someone} {holds}", "{thing} {is_held}", "{someone} {holding}",
    "{noun} {participle}{mods}", "{holding}", "{a_hand} on {thing}",
)  # fmt: skip
DIRECT = {"carry", "move", "hand over", "pour"}
"""Purposes for which one can say "carry the mug by its handle", and not well "a grip for carrying it"."""
HANDLESS = {"wear", "read"}
"""Purposes that are not served by one hand alone: nobody reads with the right hand."""
FIXED = {"door knob"}
"""What is never picked up."""
HANDED = re.compile(r"\{side\} hand|\{a_hand\}")
"""Frames that name the hand themselves."""
FINGERS = re.compile(r"(finger|fingers|fingertips|forefinger|thumb)$")
"""Ways of holding after which "of the right hand" can follow."""
