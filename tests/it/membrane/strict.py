def add(a, b):
    return a + b


class Box:
    def __init__(self, v):
        self.v = v

    def __eq__(self, o):
        return isinstance(o, Box) and o.v == self.v

    def double(self):
        return Box(self.v * 2)


def items(n):
    return list(range(n))


def check(n):
    if n < 0:
        raise ValueError("negative")


def greet(n):
    return "hello " + n


def mean(a, b):
    return (a + b) / 2


def call(f):
    return f(4)
