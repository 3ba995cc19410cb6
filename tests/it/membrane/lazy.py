def add(a, b):
    return 0


class Box:
    def __init__(self, v):
        self.v = v

    def double(self):
        return Box(0)


def items(n):
    return []


def check(n):
    pass


def greet(n):
    return ""


def mean(a, b):
    return 0.0


def call(f):
    return None
