import pytest, asyncio, functools
import adder as w
from adder import Perm, Temp, Matrix, Money


def test_flag():
    assert (
        Perm.R | Perm.W == Perm.W | Perm.R
        and Perm.R in (Perm.R | Perm.W)
        and Perm.X not in (Perm.R | Perm.W)
    )
    assert (Perm.R | Perm.W).value == 3


def test_cache():
    assert w.fib(20) == 6765 and w.fib.cache_info().hits > 0
    w.fib.cache_clear()


def test_send():
    g = w.avg()
    next(g)
    assert g.send(2) == 2.0 and g.send(4) == 3.0
    g.close()


def test_prop():
    t = Temp(3)
    t.c = 5
    assert t.c == 5 and Temp.count >= 1
    with pytest.raises(ValueError, match="cold"):
        t.c = -300
    del t.c
    assert t.c is None


def test_dyn():
    d = w.Dyn()
    assert d.f_x == "x" and not hasattr(d, "g") and getattr(d, "g", 4) == 4


def test_tree():
    t = w.Tree()
    assert list(t.walk()) == [1, 2] and t.root.kids[0].v == 2 and isinstance(t.root, w.Tree.Node)


def test_matrix():
    a = Matrix([[1, 2], [3, 4]])
    assert (
        a @ Matrix([[1, 0], [0, 1]]) == a
        and a[1, 0] == 3
        and (-a)[0, 0] == -1
        and abs(a) == 5.0
        and list(reversed(a)) == [[3, 4], [1, 2]]
        and a(1) == 2
        and int(a) == 3
        and round(a) == 7
    )
    a += 1
    assert a[0, 0] == 2


def test_money():
    assert (
        Money(5) - Money(2) == Money(3)
        and Money(5) - 2 == Money(3)
        and min(Money(3), Money(1)) == Money(1)
    )
    assert (
        sorted([Money(2), Money(1)]) == [Money(1), Money(2)]
        and {Money(1): 2}[Money(1)] == 2
        and Money(1) in [Money(2), Money(1)]
    )


def test_event():
    e = w.Event()
    log = []

    @e.on
    def f(x):
        log.append(x)
        return x + 1

    assert e.fire(3) == [4] and log == [3]


def test_obs():
    class S:
        def __init__(self):
            self.seen = []
            self.value = 1

    s = S()
    w.Obs().update(s)
    assert s.value == 2


def test_big():
    assert w.big() == list(range(20000)) and len(w.ident("x" * 10**6)) == 10**6


def test_nested():
    assert w.nested(200)


def test_retry():
    n = []

    @w.retry(3)
    def f(x):
        n.append(1)
        if len(n) < 2:
            raise KeyError(x)
        return x

    assert f(9) == 9 and len(n) == 2

    @w.retry(2)
    def g():
        raise KeyError

    with pytest.raises(RuntimeError, match="gave up"):
        g()


def test_par():
    assert w.par() == [1, 4]


def test_ctx():
    with w.Ctx():
        raise KeyError("a")
    with pytest.raises(ValueError):
        with w.Ctx():
            raise ValueError


def test_agen():
    async def go():
        return [x async for x in w.agen()]

    assert asyncio.run(go()) == [0, 1, 2]


def test_actx():
    async def go():
        async with w.AC() as x:
            return x

    assert asyncio.run(go()) == 5


def test_acb():
    async def cb(x):
        return x + 1

    assert asyncio.run(w.AC().go(cb)) == 3


def test_raiser():
    class E(Exception):
        pass

    e = E("a")
    with pytest.raises(E) as x:
        w.raiser(e)
    assert x.value is e
    with pytest.raises(ValueError, match="v"):
        w.raiser(ValueError("v"))


def test_partial():
    assert (
        functools.partial(w.ident, 3)() == 3
        and list(map(w.sq, [1, 2])) == [1, 4]
        and functools.reduce(lambda a, b: a + w.sq(b), [1, 2], 0) == 5
    )


def test_vars():
    assert w.Config(a=1) == {"a": 1}


def test_doc():
    assert w.fib.__name__ == "fib" and w.ident.__doc__ is None
