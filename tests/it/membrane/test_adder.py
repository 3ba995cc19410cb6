import copy
import pytest, unittest, datetime, decimal, fractions, math, collections, io, asyncio, enum
from unittest import mock
import adder as w
from adder import (
    Color,
    Level,
    Point,
    Money,
    Pair,
    BankError,
    Deep,
    NotFound,
    Stack,
    Square,
    Shape,
    Managed,
)
from adder import *
from support import expected


def test_consts():
    assert w.VERSION == "1.2" and w.LIMITS == {"a": [1, 2]}
    assert w.__doc__ == "Wide."
    assert VERSION == "1.2"


def test_enum():
    assert Color.RED is Color.RED and Color.RED == Color.RED and Color.RED != Color.GREEN
    assert Color("g") is Color.GREEN and Color["RED"] is Color.RED
    assert [c.name for c in Color] == ["RED", "GREEN"] and len(Color) == 2
    assert Color.RED.value == 1 and isinstance(Color.RED, Color)
    assert Color.RED in Color
    assert {Color.RED: 1}[Color.RED] == 1
    with pytest.raises(ValueError):
        Color(5)


def test_intenum():
    assert Level.HIGH == 2 and Level.LOW < Level.HIGH


def test_point():
    p = Point(1, 2)
    assert p == Point(1, 2) and p != Point(2, 2) and not p == Point(1, 3)
    assert p.move(3) is p and p.x == 4 and p.norm == 6
    p.x = 10
    assert p.x == 10
    assert Point.origin() == Point(0) and Point.twice(4) == 8
    assert repr(p) == "Point(x=10, y=2)"
    assert isinstance(p, Point) and not isinstance(p, Money)
    assert p != 5 and not (p == 5)
    with pytest.raises(AttributeError):
        p.zzz
    assert not hasattr(p, "zzz") and hasattr(p, "norm")
    with pytest.raises(TypeError):
        Point()


def test_money():
    assert Money(1) + Money(2) == Money(3) and Money(2) * 3 == Money(6) and 3 * Money(2) == Money(6)
    assert str(Money(250)) == "$2.50" and f"{Money(250)}" == "$2.50"
    assert Money(1) < Money(2) and sorted([Money(3), Money(1)])[0] == Money(1)
    assert hash(Money(1)) == hash(Money(1)) and len({Money(1), Money(1), Money(2)}) == 2
    assert not Money(0) and Money(1)
    with pytest.raises(AttributeError):
        Money(1).cents = 2
    assert max([Money(1), Money(5)]).cents == 5
    with pytest.raises(TypeError):
        Money(1) < 5


def test_pair():
    p = w.echo(Pair(1, "a"))
    assert p == (1, "a") and p.left == 1 and p.right == "a"


def test_errors():
    with pytest.raises(BankError) as e:
        w.fail(1)
    assert e.value.code == 7 and str(e.value) == "poor" and e.value.args == ("poor",)
    with pytest.raises(BankError, match="deep") as e:
        w.fail(2)
    assert isinstance(e.value, Deep) and e.type is Deep
    with pytest.raises(KeyError):
        w.fail(3)
    with pytest.raises(KeyError) as e:
        w.fail(4)
    assert e.value.args == ("x",)
    with pytest.raises(ValueError) as e:
        w.fail(5)
    assert e.value.args == ("a", 2)
    with pytest.raises(decimal.InvalidOperation):
        w.fail(6)
    with pytest.raises(SystemExit) as e:
        w.fail(7)
    assert e.value.code == 3
    with pytest.raises(UnicodeEncodeError):
        w.fail(8)
    with pytest.raises(AttributeError):
        w.fail(9)
    with pytest.raises(FileNotFoundError) as e:
        w.fail(10)
    assert e.value.errno == 2
    try:
        w.fail(2)
    except BankError as x:
        assert x.code == 8
    assert issubclass(Deep, BankError) and issubclass(BankError, Exception)
    err = BankError("m", 1)
    assert err.code == 1 and str(err) == "m"


def test_stack():
    s = Stack([1, 2])
    s.push(3)
    assert (
        len(s) == 3 and list(s) == [1, 2, 3] and 2 in s and 9 not in s and s[0] == 1 and s[-1] == 3
    )
    s[0] = 7
    assert s[0] == 7 and s[0:2] == [7, 2] and s == Stack([7, 2, 3]) and s != Stack()
    assert s.pop() == 3 and repr(s) == "Stack([7, 2])"
    with pytest.raises(IndexError, match="empty"):
        Stack().pop()
    with pytest.raises(TypeError):
        hash(s)
    a, b = s
    assert (a, b) == (7, 2)
    assert bool(s) and not Stack()


def test_abc():
    assert Square(3).area() == 9 and isinstance(Square(1), Shape)
    with pytest.raises(TypeError):
        Shape()


def test_managed():
    m = Managed()
    with m as x:
        assert x is m
    with m:
        raise ValueError("q")
    assert m.log == ["in", "out", "in", "ValueError"]
    with pytest.raises(KeyError):
        with m:
            raise KeyError("z")


def test_gen():
    g = w.count(3)
    assert next(g) == 0 and list(g) == [1, 2]
    with pytest.raises(StopIteration):
        next(g)
    assert sum(w.count(4)) == 6 and iter(g) is g
    assert [x for x in w.count(2)] == [0, 1]


def test_mutation():
    xs = [3, 1, 2]
    ys = xs
    assert w.sort(xs) is None and xs == [1, 2, 3] and ys is xs
    d = {}
    w.add_to(d, "k", 1)
    w.add_to(d, "k", 2)
    assert d == {"k": [1, 2]}


def test_callbacks():
    seen = []

    def f(x):
        seen.append(x)
        return x * 2

    assert w.apply(f, [1, 2]) == [2, 4] and seen == [1, 2]
    assert w.apply(lambda x: x, ["a"]) == ["a"] and w.apply(len, ["abc"]) == [3]
    assert w.each(x for x in [1, 2]) == 3 and w.each(iter([4])) == 4
    m = mock.Mock(return_value=9)
    assert w.apply(m, [1]) == [9]
    m.assert_called_once_with(1)

    def bad():
        raise RuntimeError("no")

    assert w.catching(bad) == "caught"
    with pytest.raises(ZeroDivisionError):
        w.apply(lambda x: 1 // x, [0])
    assert w.decorate(f)(4) == ("wrapped", 8)

    class Own(Exception):
        pass

    def own(x):
        raise Own("mine")

    with pytest.raises(Own, match="mine"):
        w.apply(own, [1])
    assert w.make_adder(2)(3) == 5
    assert w.apply(w.make_adder(1), [1, 2]) == [2, 3]
    assert w.make_adder(2).__name__ == "<lambda>" and w.apply.__name__ == "apply"


def test_print(capsys):
    w.say("bob")
    assert capsys.readouterr().out == "hello bob\nx"


def test_input(monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda *a: "ann")
    assert w.ask() == "got ann"


def test_async():
    assert asyncio.run(w.slow(1)) == 2

    async def both():
        return await asyncio.gather(w.slow(1), w.slow(2))

    assert asyncio.run(both()) == [2, 3]


def test_scope():
    log = []
    with w.scope(log) as v:
        assert v == "v"


def test_kw():
    assert w.kw(1, 2) == (1, 2, (), 3, {}) and w.kw(1, 2, 4, c=5, d=6) == (1, 2, (4,), 5, {"d": 6})
    with pytest.raises(TypeError):
        w.kw()


def test_values():
    assert w.types_() is int
    dt, d, td, t = w.when()
    assert (
        dt == datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
        and d == datetime.date(2020, 1, 2)
        and td == datetime.timedelta(1)
        and t == datetime.time(1, 2)
    )
    dec, fr, a, inf, nan, neg, big, c = w.nums()
    assert (
        dec == decimal.Decimal("1.10")
        and fr == fractions.Fraction(1, 3)
        and a == pytest.approx(1.5)
        and inf == math.inf
        and math.isnan(nan)
        and math.copysign(1, neg) == -1
        and big == 10**30
        and c == 1 + 2j
    )
    s, f, t, d, b, ba, r, n, tr, cn, od, dd, dq = w.colls()
    assert (
        s == {1, 2}
        and f == frozenset([3])
        and t == (1, (2,))
        and d == {"a": {1: [2]}}
        and b == b"\x00\xff"
        and ba == bytearray(b"x")
        and r == range(3)
        and n is None
        and tr is True
        and cn == {"a": 2, "b": 1}
        and od == {"a": 1}
        and dd == {"k": [1]}
        and list(dq) == [1, 2]
    )
    assert w.echo("\ud800é\n\0") == "\ud800é\n\0" and w.echo(...) is ...
    assert w.is_it(3, int) and w.is_it(ValueError("x"), ValueError) and w.is_it(Point(1), Point)
    assert w.echo([Point(1), {"p": Money(2)}]) == [Point(1), {"p": Money(2)}]
    p = Point(1)
    assert w.echo(p) is p and w.echo(Point) is Point


def test_foreign(tmp_path):
    class Thing:
        name = "bob"

    t = Thing()
    assert w.attr(t) == "BOB" and w.echo(t) is t
    assert w.compare(t, t) and not w.compare(t, Thing())
    assert w.read(io.StringIO("a\nb\n")) == ["a", "b"]
    assert w.read(["a ", "b"]) == ["a", "b"]


def test_copies():
    p = Point(1)
    q, r = copy.copy(p), copy.deepcopy(p)
    q.x = 2
    assert (p.x, q.x, r) == (1, 2, Point(1))


def test_node():
    n = w.chain(3)
    assert n.value == 2 and n.next.next.value == 0 and n.next.next.next is None


def test_fixture(point):
    assert point.x == expected()


@pytest.mark.parametrize("c", [Color.RED, Color.GREEN])
def test_param_enum(c):
    assert w.echo(c).name in ("RED", "GREEN") and w.kw(1, 2)[0] == 1


class TestU(unittest.TestCase):
    def setUp(self):
        self.s = Stack([1])

    def test_u(self):
        self.assertEqual(len(self.s), 1)
        self.assertIn(1, self.s)
        self.assertIsInstance(self.s, Stack)
        self.assertEqual(self.s, Stack([1]))
        self.assertNotEqual(self.s, Stack())
        with self.assertRaises(IndexError):
            Stack().pop()
        with self.assertRaisesRegex(BankError, "poor"):
            w.fail(1)
        self.assertDictEqual(w.echo({"a": 1}), {"a": 1})
        self.assertTrue(w.compare(1, 1))
        with self.subTest(1):
            self.assertAlmostEqual(w.echo(1.00000001), 1.0)
