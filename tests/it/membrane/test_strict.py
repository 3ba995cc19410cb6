import unittest

import pytest

from adder import Box, Context, add, call, check, greet, items, mean


def test_add():
    assert add(2, 3) == 5


def test_check():
    with pytest.raises(ValueError, match="negative"):
        check(-1)


def test_call():
    seen = []
    call(lambda x: seen.append(x))
    assert seen == [4]


def test_box():
    assert Box(2).double() == Box(4)
    assert Box(2).double().v == 4


def test_items():
    assert items(3) == [0, 1, 2]


def test_contains():
    assert 2 in items(3)
    assert "bob" in greet("bob")


def test_check_passes():
    check(1)
    with pytest.raises(ValueError):
        check(-1)


def test_greet():
    assert greet("bob").startswith("hello")


def test_mean():
    assert abs(mean(1, 2) - 1.5) < 1e-9


def test_call_asserts():
    def is_four(x):
        assert x == 4

    assert call(is_four) is None
    test_add()


def test_context():
    with Context():
        assert add(2, 3) == 5


def test_length():
    assert len(items(3)) == 3


class TestOld(unittest.TestCase):
    def test_mean_old(self):
        self.assertAlmostEqual(mean(1, 2), 1.5)

    def test_add_old(self):
        self.assertEqual(add(20, 30), 50)
