"""Lets an input itself carry what a forward does to it, as one writes it: ``for block in blocks: x = block(x)``.

A spec says ``h = x`` first, or ``y = x``, for which there is no need where nothing reads ``x`` afterwards.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.visitor import Block, assigned, mapped, mentioned, statements
from layergen.resolve.method import Method
from layergen.resolve.program import Program


def carried(program: Program) -> Program:
    """A layer whose forward gives an input no second name that it does not need."""
    block = tuple(program.forward.statements)
    found = next(_second_names(program, block), None)
    if found is None:
        return program
    index, name, source = found
    rest = tuple(_renamed(statement, name.id, source) for statement in block[index + 1 :])
    whole = (*block[:index], *rest)
    if name.id in program.outputs:
        whole = (*whole, ex.Assign((name,), source, span=block[-1].span))
    return replace(program, forward=Method(whole))


def _second_names(program: Program, block: Block) -> Iterator[tuple[int, ex.Name, ex.Name]]:
    """Where an input is given another name, this name, and the input, of which nothing more is heard."""
    for index, statement in enumerate(block):
        match statement:
            case ex.Assign(targets=(target,), value=ex.Name(id=name) as source) if _is_given(program, name):
                before, after = block[:index], block[index + 1 :]
                heard = mentioned(after) | assigned(block)
                known = mentioned(before) | assigned(before) | set(program.buffers)
                told = any(_says(after, word) for word in (target.id, name))
                if name not in heard and target.id not in known and target.id in assigned(after) and not told:
                    yield index, target, source


def _is_given(program: Program, name: str) -> bool:
    """Whether a name is that of an input whose place may be taken: nothing but its value is asked of it later."""
    part = program.inputs.get(name)
    if part is None or part.optional or name in program.kept or len(program.shapes[name]) > 1:
        return False
    asks = program.forward.splices or any(map(_takes_after_input, program.forward.calls))
    return not asks and not any(output.when is not None for output in program.outputs.values())


def _takes_after_input(call: ex.Call) -> bool:
    """Whether a call makes a tensor from nothing, which takes after an input as it was given."""
    op = ops.called(call)
    return op is not None and op.factory


def _says(block: Block, word: str) -> bool:
    """Whether a comment speaks of a name."""
    comments = (part.text for part in statements(block) if isinstance(part, ex.Comment))
    return any(re.search(rf"\b{word}\b", text) for text in comments)


def _renamed(statement: ex.Statement, old: str, new: ex.Name) -> ex.Statement:
    """A statement in which one name has become another."""

    def change(part: ex.Expression) -> ex.Expression | None:
        return replace(part, id=new.id, role=new.role) if isinstance(part, ex.Name) and part.id == old else None

    def target(name: ex.Name) -> ex.Name:
        return replace(name, id=new.id) if name.id == old else name

    (read,) = mapped([statement], lambda node: ex.transform(node, change))
    match read:
        case ex.Assign(targets=targets):
            return replace(read, targets=tuple(map(target, targets)))
        case ex.If(body=body, orelse=orelse):
            inner = (tuple(_renamed(part, old, new) for part in block) for block in (body, orelse))
            return replace(read, body=next(inner), orelse=next(inner))
        case ex.For(targets=targets, body=body):
            found = tuple(_renamed(part, old, new) for part in body)
            return replace(read, targets=tuple(map(target, targets)), body=found)
        case _:
            return read
