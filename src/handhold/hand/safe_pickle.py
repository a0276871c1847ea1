"""Read a pickle as data, without running it.

A pickle is a program: loading it the usual way imports whatever it names and calls it. Here no class is
looked up, no function called, no attribute set. A global that stands in `ADMITTED` becomes a mere name and a
call of it a mere `Note`; every other global, and every opcode for which files of arrays have no use
(persistent ids, extensions, buffers, old-style instances), is refused by name. `pickled_arrays` makes arrays
of the notes.
"""

from __future__ import annotations

import codecs
import pickletools
import struct
from dataclasses import dataclass
from typing import Any

from handhold.errors import InputError

MAX_OPCODES = 50_000  # MANO's files hold about a thousand

_BUILTINS = ("__builtin__", "builtins")
_COPYREG = ("copy_reg", "copyreg")
ADMITTED = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "reconstruct" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): "frombuffer" for core in ("core", "_core")},
    **{
        (f"scipy.sparse.{module}", f"{layout}_{form}"): layout
        for layout in ("csc", "csr")
        for module in (layout, f"_{layout}")
        for form in ("matrix", "array")
    },
    ("chumpy.ch", "Ch"): "chumpy",
    ("chumpy.reordering", "Select"): "select",
    **{(module, "_reconstructor"): "reconstructor" for module in _COPYREG},
    ("collections", "OrderedDict"): "dict",
    ("_codecs", "encode"): "encode",
    **{(module, name): name for module in _BUILTINS for name in ("object", "set", "bytes", "bytearray")},
}
"""What a file may name, and what that means here."""


class Unreadable(Exception):
    """The data are not what is read here; the message says what they hold instead."""


@dataclass(frozen=True)
class Global:
    """An admitted name."""

    kind: str


@dataclass(eq=False)
class Note:
    """The note of a call that was not made, and of the state to set on its result."""

    kind: str
    args: tuple = ()
    state: Any = None


def read_pickle(data: bytes, *, where: object) -> Any:
    """What a pickle (protocols 0 to 5) holds: plain values, and notes of the calls it asks for.

    Strings of Python 2 are read as latin-1. Sets come empty.

    Args:
        data: the whole file.
        where: the file's name, for messages.

    Raises:
        InputError: a global that is not admitted; the message names it. Nothing was run.
        Unreadable: the data are no pickle, end early, or use opcodes that arrays do not need.
    """
    return _Reader(data, where).read()


_MARK = Global("mark")
_OPCODES = {o.code.encode("latin-1"): o for o in pickletools.opcodes}
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: (1, "<B"),
    pickletools.TAKEN_FROM_ARGUMENT4: (4, "<i"),
    pickletools.TAKEN_FROM_ARGUMENT4U: (4, "<I"),
    pickletools.TAKEN_FROM_ARGUMENT8U: (8, "<Q"),
}
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}


def _integer(text: bytes) -> int | bool:
    if len(text) > 22:  # no array has so many entries, and endless digits take endless time
        raise ValueError("an integer of too many digits")
    return {b"00": False, b"01": True}.get(text) if text in (b"00", b"01") else int(text.rstrip(b"L"))  # pyright: ignore


def _signed(argument: bytes) -> int:
    if len(argument) > 9:
        raise ValueError("an integer of too many bytes")
    return int.from_bytes(argument, "little", signed=True)


def _unsigned(argument: bytes) -> int:
    return int.from_bytes(argument, "little")


def _quoted(argument: bytes) -> str:
    if len(argument) < 2 or argument[:1] not in b"'\"" or argument[-1:] != argument[:1]:
        raise ValueError("a string without quotes")
    return codecs.escape_decode(argument[1:-1])[0].decode("latin-1")  # pyright: ignore[reportAttributeAccessIssue]


def _latin(argument: bytes) -> str:
    return argument.decode("latin-1")


def _utf8(argument: bytes) -> str:
    return argument.decode("utf-8", "surrogatepass")


_VALUES = {
    **dict.fromkeys(("INT", "LONG"), _integer),
    **dict.fromkeys(("BININT", "LONG1", "LONG4"), _signed),
    **dict.fromkeys(("BININT1", "BININT2"), _unsigned),
    "FLOAT": float,
    "BINFLOAT": lambda argument: struct.unpack(">d", argument)[0],
    "STRING": _quoted,
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), _latin),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), bytes),
    "UNICODE": lambda argument: argument.decode("raw-unicode-escape"),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _utf8),
}
"""Opcodes that push what their argument says."""


class _Reader:
    """A stack machine over pickle's opcodes that builds plain values and notes."""

    def __init__(self, data: bytes, where: object) -> None:
        self.data, self.where, self.at = data, where, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def read(self) -> Any:
        """Run to STOP; what then lies on top."""
        for _ in range(MAX_OPCODES):
            start = self.at
            opcode = _OPCODES.get(self.take(1))
            if opcode is None:
                raise Unreadable(f"no pickle opcode at byte {start}")
            if opcode.name == "STOP":
                return self.pop()
            try:
                self.step(opcode.name, self.argument(opcode))
            except InputError:
                raise
            except (ValueError, struct.error) as error:
                raise Unreadable(f"{opcode.name} at byte {start}: {printable(str(error))}") from None
        raise Unreadable(f"more than {MAX_OPCODES} opcodes")

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise Unreadable(f"a file that ends early, after {len(self.data)} bytes")
        self.at += count
        return self.data[self.at - count : self.at]

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        return self.take((len(self.data) if end < 0 else end) + 1 - self.at)[:-1]

    def argument(self, opcode: pickletools.OpcodeInfo) -> Any:
        """The opcode's raw argument: bytes; a pair of them for GLOBAL; None."""
        if opcode.arg is None:
            return None
        if opcode.name == "GLOBAL":
            return self.line(), self.line()
        size = opcode.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            return self.line()
        if size < 0:
            width, code = _LENGTHS[size]
            (size,) = struct.unpack(code, self.take(width))
        if size < 0:
            raise ValueError("a negative length")
        return self.take(size)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise Unreadable(f"a stack that is empty at byte {self.at}")
        return self.stack.pop()

    def pop_mark(self) -> list[Any]:
        for k in range(len(self.stack) - 1, -1, -1):
            if self.stack[k] is _MARK:
                items = self.stack[k + 1 :]
                del self.stack[k:]
                return items
        raise Unreadable(f"no mark on the stack at byte {self.at}")

    def top(self, kind: type) -> Any:
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise Unreadable(f"a change of what cannot be changed at byte {self.at}")
        return self.stack[-1]

    def step(self, name: str, argument: Any) -> None:
        """Do what an opcode says, if it is one of those that build plain values."""
        push = self.stack.append
        if name in _VALUES:
            push(_VALUES[name](argument))
        elif name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in _EMPTY:
            push(_EMPTY[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"):
            self.remember(name, argument)
        elif name in ("GLOBAL", "STACK_GLOBAL", "REDUCE", "NEWOBJ", "BUILD"):
            self.note(name, argument)
        else:
            self.collect(name, argument)

    def collect(self, name: str, argument: Any) -> None:
        """Marks, tuples, lists, dictionaries and sets."""
        match name:
            case "PROTO" if argument[0] <= 5:
                pass
            case "FRAME":
                pass
            case "MARK":
                self.stack.append(_MARK)
            case "POP_MARK":
                self.pop_mark()
            case "POP":
                self.pop()
            case "TUPLE":
                self.stack.append(tuple(self.pop_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self.stack.append(tuple([self.pop() for _ in range(int(name[-1]))][::-1]))
            case "LIST":
                self.stack.append(self.pop_mark())
            case "DICT":
                self.stack.append(_fill({}, self.pop_mark()))
            case "APPEND":
                item = self.pop()
                self.top(list).append(item)
            case "APPENDS":
                items = self.pop_mark()
                self.top(list).extend(items)
            case "SETITEM":
                value, key = self.pop(), self.pop()
                _fill(self.top(dict), [key, value])
            case "SETITEMS":
                items = self.pop_mark()
                _fill(self.top(dict), items)
            case "ADDITEMS":
                self.pop_mark()  # what chumpy keeps in sets is of no use here
                self.top(set)
            case _:
                raise Unreadable(f"the opcode {name}, for which a file of arrays has no use")

    def remember(self, name: str, argument: Any) -> None:
        """The memo."""
        if argument is None:
            index = len(self.memo)
        else:
            index = _integer(argument) if name in ("PUT", "GET") else _unsigned(argument)
        if name in ("GET", "BINGET", "LONG_BINGET"):
            if index not in self.memo:
                raise Unreadable(f"a reference to nothing at byte {self.at}")
            self.stack.append(self.memo[index])
        else:
            value = self.pop()
            self.memo[index] = value
            self.stack.append(value)

    def note(self, name: str, argument: Any) -> None:
        """Names and calls: they are written down; none is looked up or made."""
        if name == "GLOBAL":
            self.stack.append(self.admit(*(part.decode("utf-8", "replace") for part in argument)))
        elif name == "STACK_GLOBAL":
            attribute, module = self.pop(), self.pop()
            self.stack.append(self.admit(module, attribute))
        elif name == "BUILD":
            state = self.pop()
            self.top(Note).state = state
        else:
            args, called = self.pop(), self.pop()
            if not (isinstance(called, Global) and isinstance(args, tuple)):
                raise Unreadable(f"a call of a {kind_of(called)}")
            self.stack.append(_called(called.kind, args))

    def admit(self, module: Any, attribute: Any) -> Global:
        if not (isinstance(module, str) and isinstance(attribute, str)):
            raise Unreadable("a global without a name")
        kind = ADMITTED.get((module, attribute))
        if kind is None:
            raise InputError(
                "refused: it asks for code that is no part of a hand model; nothing was run",
                where=self.where,
                expected="numpy arrays, scipy csc or csr matrices, chumpy's Ch and Select",
                got=printable(f"{module}.{attribute}"),
                remedy="Use MANO_RIGHT.pkl or MANO_LEFT.pkl from https://mano.is.tue.mpg.de.",
            )
        return Global(kind)


def _fill(into: dict, items: list[Any]) -> dict:
    """Set keys and values that alternate. Keys are plain: hashing nested tuples can take for ever."""
    if len(items) % 2:
        raise Unreadable("a dictionary key without a value")
    for key, value in zip(items[::2], items[1::2]):
        if not isinstance(key, str | bytes | int):
            raise Unreadable(f"a dictionary key that is a {kind_of(key)}")
        into[key] = value
    return into


def _called(kind: str, args: tuple) -> Any:
    """What a call of an admitted global stands for."""
    match kind, args:
        case "reconstruct", (Global("ndarray"), *_):
            return Note("array")
        case (("dtype" | "scalar" | "frombuffer"), _):
            return Note(kind, args)
        case (("csc" | "csr" | "chumpy" | "select"), _):
            return Note(kind)
        case "reconstructor", (Global("csc" | "csr" | "chumpy" | "select"), Global("object"), None):
            return Note(args[0].kind)
        case "dict", () | ([],):
            return {}
        case "dict", (list(pairs),) if all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
            return _fill({}, [item for pair in pairs for item in pair])
        case "set", _:
            return set()
        case (("bytes" | "bytearray"), ()):
            return b""
        case "bytearray", (bytes(content),):
            return content
        case "encode", (str(text), "latin1" | "latin-1"):
            return text.encode("latin-1")
    raise Unreadable(f"a call of '{kind}' with arguments that no file of arrays has")


def kind_of(value: Any) -> str:
    return value.kind if isinstance(value, Note | Global) else type(value).__name__


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:100])
