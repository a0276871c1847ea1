"""The `handhold` command: finds the subcommand, and turns errors into a message and an exit code.

Nothing heavy is imported here, so that help and version come at once.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from handhold.errors import HandholdError, InputError
from handhold.version import __version__

COMMANDS = {
    "demo": "make a scene, refine it, and show what comes out",
    "refine": "mend the grasps of a scene, or of a folder of scenes",
    "synthesize": "make grasps for a mesh or a household object",
    "contact": "tell where a sentence has a hand touch an object",
    "train": "train a model on a grasp set of your own",
    "evaluate": "score grasps by the metrics of the field",
    "bench": "measure the methods on scenes of your own",
    "data": "make and look at sets of grasps; disturb grasps with named noise",
    "check": "say what is wrong with a mesh or a scene, and mend the mesh",
    "view": "look at a mesh, a scene or a result, or save a picture of it",
}
OK, BUG, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: those after `handhold`; None takes the process's own.

    Returns:
        Exit code: 0 success, 1 an error of handhold's own, 2 bad input, 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [argument for argument in given if argument != "--debug"]
    try:
        with warnings.catch_warnings():
            if not debug:
                warnings.simplefilter("ignore")  # those of libraries; ours are printed as notes
            code = _dispatch(given)
        sys.stdout.flush()
        return code
    except HandholdError as error:
        return _fail(str(error), BAD_INPUT, debug)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, debug)
    except BrokenPipeError:
        # Who read our output has had enough, as `head` does; files are written before anything is printed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except SystemExit as end:  # the option parser has printed help, or what is wrong
        return end.code if isinstance(end.code, int) else BAD_INPUT
    except Exception as error:
        what = f"internal error ({type(error).__name__}: {error}); please report it"
        return _fail(what if debug else f"{what}. --debug shows where.", BUG, debug)


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        print(_help())
        return OK if given else BAD_INPUT
    if given[0] in ("-V", "--version"):
        print(f"handhold {__version__}")
        return OK
    name, *rest = given
    if name not in COMMANDS:
        return _unknown(name)
    import tyro

    command = importlib.import_module(f"handhold.cli.{name}")
    options = tyro.cli(
        command.Options,
        prog=f"handhold {name}",
        description=command.__doc__,
        args=rest,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.AvoidSubcommands),
    )
    if getattr(options, "seed", 0) < 0:
        raise InputError(
            "is negative", where="--seed", expected="0 or a positive whole number", got=options.seed
        )
    return command.run(options)


def _help() -> str:
    lines = "\n".join(f"  {name:<11}{what}" for name, what in COMMANDS.items())
    return (
        "handhold makes virtual hands hold things.\n\n"
        f"usage: handhold COMMAND ...\n\n{lines}\n\n"
        "handhold COMMAND --help lists a command's options. --version says which handhold this is,\n"
        "--debug shows where an error came from."
    )


def _unknown(name: str) -> int:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    print(f"handhold: no command '{name}'; there are {', '.join(COMMANDS)}.{hint}", file=sys.stderr)
    return BAD_INPUT


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print("handhold: " + " ".join(message.split()), file=sys.stderr)
    return code
