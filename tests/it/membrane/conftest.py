import pytest

from adder import Point


@pytest.fixture
def point():
    return Point(5)
