import enum, functools, typing, dataclasses, heapq, contextlib, collections, multiprocessing


class Perm(enum.Flag):
    R = 1
    W = 2
    X = 4


class HasLen(typing.Protocol):
    def __len__(self) -> int: ...


@functools.lru_cache(None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def avg():
    total = 0
    n = 0
    x = None
    while True:
        x = yield (total / n if n else None)
        total += x
        n += 1


class Temp:
    count = 0

    def __init__(self, c):
        self._c = c
        type(self).count += 1

    @property
    def c(self):
        return self._c

    @c.setter
    def c(self, v):
        if v < -273:
            raise ValueError("cold")
        self._c = v

    @c.deleter
    def c(self):
        self._c = None


class Config(dict):
    def get2(self, k):
        return self.get(k)


class Dyn:
    def __getattr__(self, n):
        if n.startswith("f_"):
            return n[2:]
        raise AttributeError(n)


class Tree:
    class Node:
        def __init__(self, v):
            self.v = v
            self.kids = []

    def __init__(self):
        self.root = Tree.Node(1)
        self.root.kids.append(Tree.Node(2))

    def walk(self):
        yield self.root.v
        yield from (k.v for k in self.root.kids)


class Matrix:
    def __init__(self, r):
        self.r = r

    def __matmul__(self, o):
        return Matrix([[sum(a * b for a, b in zip(x, y)) for y in zip(*o.r)] for x in self.r])

    def __getitem__(self, ij):
        return self.r[ij[0]][ij[1]]

    def __eq__(self, o):
        return isinstance(o, Matrix) and self.r == o.r

    def __neg__(self):
        return Matrix([[-x for x in y] for y in self.r])

    def __abs__(self):
        return 5.0

    def __iadd__(self, o):
        self.r = [[a + o for a in x] for x in self.r]
        return self

    def __reversed__(self):
        return iter(self.r[::-1])

    def __call__(self, x):
        return x + 1

    def __int__(self):
        return 3

    def __round__(self, n=None):
        return 7


class Money:
    def __init__(self, c):
        self.c = c

    def __eq__(self, o):
        return isinstance(o, Money) and o.c == self.c

    def __sub__(self, o):
        return Money(self.c - (o.c if isinstance(o, Money) else o))

    def __lt__(self, o):
        return self.c < o.c

    def __hash__(self):
        return hash(self.c)


class Event:
    def __init__(self):
        self.h = []

    def on(self, f):
        self.h.append(f)
        return f

    def fire(self, *a):
        return [f(*a) for f in self.h]


class Obs:
    def update(self, s):
        s.seen.append(1)
        s.value = s.value + 1


def big():
    return list(range(20000))


def nested(n):
    x = []
    for _ in range(n):
        x = [x]
    return x


def retry(n):
    def deco(f):
        @functools.wraps(f)
        def inner(*a):
            for i in range(n):
                try:
                    return f(*a)
                except KeyError:
                    continue
            raise RuntimeError("gave up")

        return inner

    return deco


def sq(x):
    return x * x


def par():
    with multiprocessing.Pool(2) as p:
        return p.map(sq, [1, 2])


def ident(x):
    return x


class Ctx(contextlib.AbstractContextManager):
    def __exit__(self, *a):
        return isinstance(a[1], KeyError)


async def agen():
    for i in range(3):
        yield i


class AC:
    async def __aenter__(self):
        return 5

    async def __aexit__(self, *a):
        return False

    async def go(self, cb):
        return await cb(2)


def raiser(e):
    raise e
