"""The members of a layer that is set up: their tensors, and what a call of one computes."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from layergen.diagnostics import Label, Place
from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.inits import Initial
from layergen.lang.interpreter import EvaluationFault, Interpreter, first_line
from layergen.lang.model import Buffer, Parameter
from layergen.ops.modules import find_module
from layergen.resolve.families import at_values, common_condition
from layergen.resolve.program import Child, Made, Member
from layergen.resolve.torch_module import TorchModule
from layergen.rules.members import WrongTensorPath
from layergen.run.call import Called, bound_inputs, bound_values
from layergen.run.environment import CONSTANTS
from layergen.run.environment import shape_of as sizes_of
from layergen.run.fault import MemberFault
from layergen.run.paths import dotted, path_of
from layergen.run.placement import Placement
from layergen.run.said import plain
from layergen.settings.search import values_of
from layergen.suggest import nearest

State = MutableMapping[str, Tensor | None]  # by paths: ``weight``, ``blocks.0.norm.weight``


@dataclass(frozen=True)
class Owned:
    """A tensor of a member."""

    parameter: bool
    gradient: bool  # whether its gradient is the derivative
    prefix: str  # of the paths of all tensors that its initial value may ask for
    init: Initial | None  # None: a module of torch starts it
    values: Mapping[str, Any]  # of the names in it
    fresh: Callable[[], Mapping[str, Tensor]] | None = None  # gives the tensors of that module, as they start
    kin: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the families that the initial value may read
    learned: bool = True  # unless it is a parameter that is frozen


class Inner:
    """A member that is set up.

    Args:
        made: The call that constructs it, and what that is.
        given: What the call gives, positional and by keyword.
        prefix: Where its tensors stand in the state.
        state: Gets its tensors.
        owned: Gets what is said of them.
    """

    def __init__(
        self,
        made: Made,
        given: tuple[list[Any], dict[str, Any]],
        prefix: str,
        state: State,
        owned: MutableMapping[str, Owned],
        placement: Placement,
    ) -> None:
        self.made, self.prefix, self.state, self.placement = made, prefix, state, placement
        if isinstance(made.of, TorchModule):
            self.run: Run = _torch_module(made.of, given, prefix, state, owned, placement)
        else:
            self.run = _layer(made, made.of, given, prefix, state, owned, placement)

    def tensor(self, path: str) -> Tensor | None:
        """A tensor of it.

        Raises:
            KeyError: If it has none of that path.
        """
        if self.prefix + path not in self.state:
            raise KeyError(f"there is no tensor `{path}`: {_known(self.prefix, self.state, path)}")
        return self.state[self.prefix + path]

    def __call__(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        """What a call of it gives: a tensor, or a tuple of several.

        Raises:
            MemberFault: If it cannot be called so.
        """
        return self.run(node, arguments, keywords, training)


MOST_NAMES = 6  # of tensors that a message lists
SHAPED = frozenset({"nn.LayerNorm", "nn.RMSNorm"})  # whose first argument is a size or several
Run = Callable[[ex.Call, list[Any], dict[str, Any], bool], Any]
Assembled = Inner | list[Inner] | None


def assemble(
    members: Mapping[str, Member],
    values: Mapping[str, Any],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    placement: Placement,
) -> Iterator[tuple[str, Assembled]]:
    """Set up the members of a layer whose arguments have some values; None for one whose condition does not hold.

    Raises:
        EvaluationFault: If one cannot be constructed.
    """
    for name, member in members.items():
        interpreter = Interpreter({**CONSTANTS, **values}, placement.scalars)
        if member.when is not None and not interpreter.truth(member.when):
            yield name, None
            continue
        path = f"{prefix}{name}."
        if not member.listed:
            (made,) = member.made
            yield name, Inner(made, _given(made.call, interpreter), path, state, owned, placement)
            _restart(member, path, interpreter.values, owned)
            _freeze(member, path, interpreter, state, owned)
            continue
        found: list[Inner] = []
        for made, inside in _listed(member, interpreter):
            given = _given(made.call, inside)
            own = f"{path}{len(found)}."
            found.append(Inner(made, given, own, state, owned, placement))
            _restart(member, own, inside.values, owned)
        _freeze(member, path, interpreter, state, owned)
        yield name, found


def _restart(member: Member, prefix: str, values: Mapping[str, Any], owned: MutableMapping[str, Owned]) -> None:
    """Take in what a layer says of the initial values of a member.

    Raises:
        MemberFault: If the member has no such tensor.
    """
    for path, init in member.init.items():
        known = owned.get(prefix + path)
        if known is None:
            names = [f"`{name.removeprefix(prefix)}`" for name in owned if name.startswith(prefix)]
            help = f"there is {', '.join(names)}" if names else None
            message = f"`{member.name}` has no tensor `{path}`"
            raise MemberFault(member.constructor, message, help=help, rule=WrongTensorPath)
        owned[prefix + path] = replace(known, init=Initial(init), values=dict(values), fresh=None)


def _freeze(
    member: Member, prefix: str, interpreter: Interpreter, state: State, owned: MutableMapping[str, Owned]
) -> None:
    """Take in that a layer does not learn the parameters of a member.

    Raises:
        MemberFault: If the member has none.
    """
    if member.requires_grad is None:
        return
    names = [name for name, part in owned.items() if name.startswith(prefix) and part.parameter]
    if not names:
        message = f"`{member.name}` has no parameters that could be frozen"
        raise MemberFault(member.constructor, message, help="delete its `requires_grad`")
    if interpreter.truth(member.requires_grad):
        return
    for name in names:
        owned[name] = replace(owned[name], learned=False)
        tensor = state[name]
        if tensor is not None:
            state[name] = tensor.requires_grad_(False)


def _listed(member: Member, interpreter: Interpreter) -> Iterator[tuple[Made, Interpreter]]:
    """The constructors of a list, each with the interpreter that knows the index."""
    match member.constructor:
        case ex.Comprehension(target=target, iterable=iterable):
            (made,) = member.made
            for index in interpreter.items(iterable):
                yield made, Interpreter({**interpreter.values, target.id: index}, interpreter.call)
        case _:
            yield from ((made, interpreter) for made in member.made)


def _given(call: ex.Call, interpreter: Interpreter) -> tuple[list[Any], dict[str, Any]]:
    arguments = [interpreter.evaluate(argument) for argument in call.arguments]
    return arguments, {keyword.name: interpreter.evaluate(keyword.value) for keyword in call.keywords}


def settled(made: Made, child: Child, given: tuple[list[Any], dict[str, Any]]) -> dict[str, Any]:
    """All arguments of a child, and its derived values.

    Raises:
        MemberFault: If its constructor refuses an argument.
    """
    program, call = child.program, made.call
    by_name = dict(zip(program.arguments, given[0], strict=False)) | given[1]
    symbolic = any(isinstance(part, torch.SymInt) for value in by_name.values() for part in _parts(value))
    if symbolic:
        return _symbolic(child, by_name)
    for name, value in by_name.items():
        problem = refusal(name, program.arguments[name], value)
        if problem:
            label = Label(Place(("arguments", name), key=True), "declared here", child.file)
            raise MemberFault(_argument(call, child, name), f"`{child.name}` refuses it: {problem}", (label,))
    try:
        values = values_of(program, by_name)
        for index, constraint in enumerate(program.constraints):
            if ex.names(constraint) <= values.keys() and not Interpreter(values).truth(constraint):
                label = Label(Place(("constraints", index)), "demanded here", child.file)
                shown = ", ".join(f"{name}={values[name]}" for name in sorted(ex.names(constraint)))
                message = f"`{child.name}` refuses it: expected `{ex.show(constraint)}`, got {shown}"
                raise MemberFault(call, message, (label,))
    except MemberFault:
        raise
    except EvaluationFault as fault:
        raise MemberFault(call, f"`{child.name}` cannot be made: {fault.message}") from None
    return values


def _parts(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _symbolic(child: Child, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a child where they are symbols, which have been found to be allowed at their hints."""
    values: dict[str, Any] = {}
    for name, argument in child.program.decided.items():
        value = given.get(name)
        if name not in given and argument.default is not None:
            value = Interpreter({**CONSTANTS, **values}).evaluate(argument.default)
        if argument.type.listed and value is not None and not isinstance(value, str):
            value = tuple(value) if isinstance(value, list | tuple) else (value,) * (argument.type.count or 1)
        values[name] = value
    for name, expression in child.program.derived.items():
        values[name] = Interpreter({**CONSTANTS, **values}).evaluate(expression)
    return values


def _argument(call: ex.Call, child: Child, name: str) -> ex.Node:
    """The part of a constructor's call that gives an argument."""
    position = list(child.program.arguments).index(name)
    if position < len(call.arguments):
        return call.arguments[position]
    return next((keyword.value for keyword in call.keywords if keyword.name == name), call)


def _layer(
    made: Made,
    child: Child,
    given: tuple[list[Any], dict[str, Any]],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    placement: Placement,
) -> Run:
    """Set up a layer of another spec."""
    values = settled(made, child, given)
    try:
        program = at_values(child.program, values)
        for name, tensor in program.tensors.items():
            there = tensor.when is None or Interpreter(values, placement.scalars).truth(tensor.when)
            state[prefix + name] = _made(tensor, values, placement) if there else None
        for name in program.initial_order:
            tensor = program.tensors[name]
            is_parameter = isinstance(tensor, Parameter)
            gradient = isinstance(tensor, Parameter) and tensor.gradient
            when = tensor.requires_grad if isinstance(tensor, Parameter) else None
            learned = when is None or Interpreter(values, placement.scalars).truth(when)
            owned[prefix + name] = Owned(
                is_parameter, gradient, prefix, tensor.init, values, kin=program.kin, learned=learned
            )
        members = dict(assemble(program.members, values, prefix, state, owned, placement))
        tie(program.ties, prefix, state, owned, values, placement)
    except MemberFault as fault:
        raise MemberFault(made.call, fault.message, fault.labels) from None
    except EvaluationFault as fault:
        raise MemberFault(made.call, f"`{child.name}` cannot be made: {fault.message}") from None

    def run(node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        inputs = bound_inputs(program, arguments, keywords)
        own: dict[str, Any] = {name: state[prefix + name] for name in program.tensors}
        for name, several in program.kin.items():
            when = common_condition(child.program.tensors[name])
            there = when is None or Interpreter(values, placement.scalars).truth(when)
            own[name] = [own[part] for part in several] if there else None
        given = {**values, **bound_values(program, arguments, keywords)}
        called = Called(child, given, inputs, own, members, training, placement)
        return called.outputs(node)

    return run


def _made(tensor: Parameter | Buffer, values: Mapping[str, Any], placement: Placement) -> Tensor:
    interpreter = Interpreter(values, placement.scalars)
    dtype = getattr(torch, tensor.dtype) if tensor.dtype else placement.owned_dtype or placement.dtype
    made = torch.empty(sizes_of(tensor.shape, interpreter), device=placement.device, dtype=dtype)
    floats = made.is_floating_point() or made.is_complex()
    return made.requires_grad_(placement.gradients and floats and isinstance(tensor, Parameter))


def _torch_module(
    of: TorchModule,
    given: tuple[list[Any], dict[str, Any]],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    placement: Placement,
) -> Run:
    """Set up a module of torch."""
    options = {"device": placement.device, "dtype": placement.owned_dtype or placement.dtype}
    options = {name: value for name, value in options.items() if of.takes(name)}
    arguments, keywords = given
    if of.name in SHAPED and arguments and isinstance(arguments[0], torch.SymInt):
        arguments = [(arguments[0],), *arguments[1:]]  # torch asks whether it is an int, and a symbol is none
    try:
        module = _bare(of.name)(*arguments, **keywords, **options)
    except Exception as error:  # torch raises nearly everything
        raise EvaluationFault(ex.Literal(None), f"`{of.name}` cannot be made: {first_line(error)}") from None

    def fresh() -> Mapping[str, Tensor]:
        started = of.type(*given[0], **given[1])
        return {**dict(started.named_parameters()), **dict(started.named_buffers())}

    for parameter in (True, False):
        tensors = module.named_parameters() if parameter else module.named_buffers()
        for name, tensor in tensors:
            floats = tensor.is_floating_point() or tensor.is_complex()
            state[prefix + name] = tensor.detach().requires_grad_(placement.gradients and floats and parameter)
            owned[prefix + name] = Owned(parameter, parameter, prefix, None, {}, fresh)
    names = [name for name, _ in (*module.named_parameters(), *module.named_buffers())]
    buffers = {name for name, _ in module.named_buffers()}

    def run(node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        tensors = {name: state[prefix + name] for name in names}
        tensors |= {name: tensor.clone() for name in buffers if (tensor := tensors[name]) is not None}
        module.train(training)
        try:
            return torch.func.functional_call(module, tensors, tuple(arguments), keywords)  # type: ignore[arg-type]
        except Exception as error:
            raise MemberFault(node, f"`{node.function}` fails: {plain(first_line(error))}") from None

    return run


@cache
def _bare(name: str) -> type[nn.Module]:
    """A module whose tensors are left as they come: where there are no data, there are no initial values."""
    of = find_module(name)
    assert of is not None and isinstance(of.function, type)
    return type(of.function.__name__, (of.function,), {"reset_parameters": lambda self: None})


def tie(
    ties: Mapping[str, ex.Expression],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    values: Mapping[str, Any],
    placement: Placement,
) -> None:
    """Make tensors the same that are declared to be.

    Raises:
        MemberFault: If there is no tensor at a path, or the two are not alike.
    """
    for left, right in ((dotted(left), right) for left, right in ties.items()):
        source = path_of(right, values)
        for path in (left, source):
            if prefix + path not in state:
                raise MemberFault(
                    right, f"there is no tensor `{path}`", help=_known(prefix, state, path), rule=WrongTensorPath
                )
        one, other = state[prefix + left], state[prefix + source]
        if one is not None and other is not None and one.shape != other.shape:
            shapes = f"{placement.shown(tuple(one.shape))} and {placement.shown(tuple(other.shape))}"
            message = f"`{left}` and `{source}` cannot be one tensor: their shapes are {shapes}"
            raise MemberFault(right, message, rule=WrongTensorPath)
        state[prefix + left] = other
        owned.pop(prefix + left, None)  # it is told of once


def _known(prefix: str, state: State, path: str) -> str:
    """Which tensors there are: the nearest to what was written, or the first ones."""
    names = [name.removeprefix(prefix) for name in state if name.startswith(prefix)]
    meant = nearest(path, names)
    if meant is not None and len(names) > MOST_NAMES:
        return f"did you mean `{meant}`?"
    return f"there is {', '.join(f'`{name}`' for name in names[:MOST_NAMES])}{', …' * (len(names) > MOST_NAMES)}"
