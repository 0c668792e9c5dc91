"""The calls of constructors in what makes a member."""

from layergen.lang import expression as ex


def constructor_calls(node: ex.Expression) -> tuple[ex.Call, ...]:
    """The calls of constructors in what makes a member."""
    match node:
        case ex.Comprehension(element=ex.Call() as call):
            return (call,)
        case ex.Sequence(items=items):
            return tuple(item for item in items if isinstance(item, ex.Call))
        case ex.Call():
            return (node,)
        case _:
            return ()
