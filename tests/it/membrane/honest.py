"""Wide."""

from __future__ import annotations
import enum, dataclasses, datetime, decimal, fractions, collections, contextlib, abc, typing
from typing import NamedTuple, Iterator

VERSION = "1.2"
LIMITS = {"a": [1, 2]}


class Color(enum.Enum):
    RED = 1
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0

    def move(self, dx):
        self.x += dx
        return self

    @property
    def norm(self):
        return abs(self.x) + abs(self.y)

    @classmethod
    def origin(cls):
        return cls(0, 0)

    @staticmethod
    def twice(n):
        return 2 * n


@dataclasses.dataclass(frozen=True, order=True)
class Money:
    cents: int

    def __add__(self, other):
        return Money(self.cents + other.cents)

    def __mul__(self, n):
        return Money(self.cents * n)

    def __rmul__(self, n):
        return Money(self.cents * n)

    def __str__(self):
        return f"${self.cents / 100:.2f}"

    def __bool__(self):
        return self.cents != 0


class Pair(NamedTuple):
    left: int
    right: str


class BankError(Exception):
    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


class Deep(BankError):
    pass


class NotFound(KeyError):
    pass


class Stack:
    def __init__(self, items=()):
        self._items = list(items)

    def push(self, x):
        self._items.append(x)
        return self

    def pop(self):
        if not self._items:
            raise IndexError("pop from empty stack")
        return self._items.pop()

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def __contains__(self, x):
        return x in self._items

    def __getitem__(self, i):
        return self._items[i]

    def __setitem__(self, i, v):
        self._items[i] = v

    def __eq__(self, o):
        return isinstance(o, Stack) and self._items == o._items

    def __repr__(self):
        return f"Stack({self._items})"


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


class Square(Shape):
    def __init__(self, s):
        self.s = s

    def area(self):
        return self.s**2


class Managed:
    def __init__(self):
        self.log = []

    def __enter__(self):
        self.log.append("in")
        return self

    def __exit__(self, t, v, tb):
        self.log.append(t.__name__ if t else "out")
        return t is ValueError


def fail(n):
    if n == 1:
        raise BankError("poor", 7)
    if n == 2:
        raise Deep("deep", 8)
    if n == 3:
        raise NotFound("k")
    if n == 4:
        return {}["x"]
    if n == 5:
        raise ValueError("a", 2)
    if n == 6:
        raise decimal.InvalidOperation("dec")
    if n == 7:
        raise SystemExit(3)
    if n == 8:
        "é".encode("ascii")
    if n == 9:
        raise dataclasses.FrozenInstanceError("f")
    if n == 10:
        raise OSError(2, "no such")


def echo(v):
    return v


def count(n):
    for i in range(n):
        yield i


def sort(xs):
    xs.sort()


def add_to(d, k, v):
    d.setdefault(k, []).append(v)


def apply(f, xs):
    return [f(x) for x in xs]


def each(it):
    return sum(it)


def catching(f):
    try:
        f()
    except Exception:
        return "caught"
    return "none"


def say(name):
    print("hello", name)
    print("x", end="")


def ask():
    return "got " + input("name? ")


def decorate(f):
    def inner(*a, **k):
        return ("wrapped", f(*a, **k))

    return inner


async def slow(n):
    return n + 1


@contextlib.contextmanager
def scope(log):
    log.append("a")
    yield "v"
    log.append("b")


def kw(a, /, b, *args, c=3, **rest):
    return (a, b, args, c, rest)


def types_():
    return int


def make_adder(n):
    return lambda x: x + n


def when():
    return (
        datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        datetime.date(2020, 1, 2),
        datetime.timedelta(days=1),
        datetime.time(1, 2),
    )


def nums():
    return (
        decimal.Decimal("1.10"),
        fractions.Fraction(1, 3),
        1.5,
        float("inf"),
        float("nan"),
        -0.0,
        10**30,
        1 + 2j,
    )


def colls():
    return (
        {1, 2},
        frozenset([3]),
        (1, (2,)),
        {"a": {1: [2]}},
        b"\x00\xff",
        bytearray(b"x"),
        range(3),
        None,
        True,
        collections.Counter("aab"),
        collections.OrderedDict(a=1),
        collections.defaultdict(list, {"k": [1]}),
        collections.deque([1, 2], maxlen=5),
    )


def read(f):
    return [line.strip() for line in f]


def is_it(x, t):
    return isinstance(x, t)


def attr(o):
    return o.name.upper()


def compare(a, b):
    return a == b


class Node:
    def __init__(self, v, nxt=None):
        self.value, self.next = v, nxt


def chain(n):
    node = None
    for i in range(n):
        node = Node(i, node)
    return node
