"""The members of a layer that is set up: their tensors, and what a call of one computes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.inits import Initial
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Buffer, Parameter
from layergen.resolve.families import at_values, common_condition
from layergen.resolve.lacking import may_lack
from layergen.resolve.program import Child, Made, Member
from layergen.resolve.saved import is_constant
from layergen.resolve.torch_module import TorchModule
from layergen.rules.members import WrongTensorPath
from layergen.run.call import Called, bound_inputs, bound_values, penalty
from layergen.run.environment import CONSTANTS
from layergen.run.environment import shape_of as sizes_of
from layergen.run.fault import MemberFault
from layergen.run.given import given_arguments
from layergen.run.owned import Computes, Owned, State, known_tensors, tie
from layergen.run.paths import bracketed, dotted
from layergen.run.placement import Placement
from layergen.run.torch_member import torch_member

Terms = Callable[[], Iterable[Any]]  # gives the regularization terms of a layer


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
            self.run: Computes = torch_member(made.of, given, prefix, state, owned, placement)
            self.terms: Terms = tuple
        else:
            self.run, self.terms = _layer(made, made.of, given, prefix, state, owned, placement)

    @property
    def path(self) -> str:
        """Where it stands in its owner."""
        return self.prefix.removesuffix(".")

    def tensor(self, path: str) -> Tensor | None:
        """A tensor of it.

        Raises:
            LookupError: If it has none of that path.
        """
        if self.prefix + path not in self.state:
            known = known_tensors(self.prefix, self.state, path)
            raise LookupError(f"there is no tensor `{bracketed(path)}`: {known}")
        return self.state[self.prefix + path]

    def family(self, path: str) -> list[Tensor | None] | None:
        """The tensors of a family of it; None where there is none of that path."""
        found: list[Tensor | None] = []
        while (name := f"{self.prefix}{path}.{len(found)}") in self.state:
            found.append(self.state[name])
        return found or None

    def __call__(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        """What a call of it gives: a tensor, or a tuple of several.

        Raises:
            MemberFault: If it cannot be called so.
        """
        return self.run(node, arguments, keywords, training)


Assembled = Inner | list[Inner] | None


def penalties(members: Iterable[Assembled]) -> Iterator[Any]:
    """The regularization terms that members add, and those that they are made of.

    Raises:
        EvaluationFault: If one cannot be computed.
    """
    for member in members:
        for inner in member if isinstance(member, list) else [member] if member else []:
            yield from inner.terms()


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
            _restart(member, path, interpreter.values, state, owned)
            _freeze(member, path, interpreter, state, owned)
            _leave(member, path, owned)
            continue
        found: list[Inner] = []
        for made, inside in _listed(member, interpreter):
            given = _given(made.call, inside)
            own = f"{path}{len(found)}."
            found.append(Inner(made, given, own, state, owned, placement))
            _restart(member, own, inside.values, state, owned)
        if found:
            _freeze(member, path, interpreter, state, owned)
        _leave(member, path, owned)
        yield name, found


def _restart(
    member: Member, prefix: str, values: Mapping[str, Any], state: State, owned: MutableMapping[str, Owned]
) -> None:
    """Take in what a layer says of the initial values of a member.

    Raises:
        MemberFault: If the member has no such tensor.
    """
    for path, init in member.init.items():
        own = prefix + dotted(path)
        if own in state and state[own] is None and may_lack(member, path):
            continue  # at these values it is left out
        known = owned.get(own)
        if known is None or path != bracketed(path):
            help = known_tensors(prefix, state, path) if any(name.startswith(prefix) for name in owned) else None
            message = f"`{member.name}` has no tensor `{path}`"
            at = ("modules", member.name, "init", path)
            raise MemberFault(member.constructor, message, help=help, rule=WrongTensorPath, key=True, at=at)
        owned[own] = replace(known, init=Initial(init), values=dict(values), fresh=None)


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


def _leave(member: Member, prefix: str, owned: MutableMapping[str, Owned]) -> None:
    """Take in that the gradients of a member's parameters are not derivatives, for what comes behind it."""
    for name in [name for name in owned if name.startswith(prefix) and not member.gradient]:
        owned[name] = replace(owned[name], gradient=False)


def _listed(member: Member, interpreter: Interpreter) -> Iterator[tuple[Made, Interpreter]]:
    """The constructors of a list, each with the interpreter that knows the index."""
    match member.constructor:
        case ex.Comprehension(target=target, iterable=iterable):
            (made,) = member.made
            for index in interpreter.items(iterable):
                yield made, Interpreter({**interpreter.values, target.id: index}, interpreter.function)
        case _:
            yield from ((made, interpreter) for made in member.made)


def _given(call: ex.Call, interpreter: Interpreter) -> tuple[list[Any], dict[str, Any]]:
    arguments = [interpreter.evaluate(argument) for argument in call.arguments]
    return arguments, {keyword.name: interpreter.evaluate(keyword.value) for keyword in call.keywords}


def _layer(
    made: Made,
    child: Child,
    given: tuple[list[Any], dict[str, Any]],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    placement: Placement,
) -> tuple[Computes, Terms]:
    """Set up a layer of another spec: what computes a call of it, and what computes its regularization terms."""
    values = given_arguments(made, child, given)
    try:
        program = at_values(child.program, values)
        for name, tensor in program.tensors.items():
            there = tensor.when is None or Interpreter(values, placement.scalars).truth(tensor.when)
            state[prefix + name] = _made(tensor, values, placement) if there else None
        for name in program.initial_order:
            tensor = program.tensors[name]
            if state[prefix + name] is None:
                continue
            is_parameter = isinstance(tensor, Parameter)
            gradient = isinstance(tensor, Parameter) and tensor.gradient
            when = tensor.requires_grad if isinstance(tensor, Parameter) else None
            learned = when is None or Interpreter(values, placement.scalars).truth(when)
            owned[prefix + name] = Owned(
                *(is_parameter, gradient, prefix, tensor.init, values),
                kin=program.kin,
                learned=learned,
                constant=is_constant(program, name),
            )
        members = dict(assemble(program.members, values, prefix, state, owned, placement))
        tie(program.ties, members, prefix, state, owned, values, placement)
    except MemberFault as fault:
        raise MemberFault(made.call, fault.message, fault.labels) from None
    except EvaluationFault as fault:
        raise MemberFault(made.call, f"`{child.name}` cannot be made: {fault.message}") from None

    def called(given: Mapping[str, Any], inputs: Mapping[str, Tensor | None], training: bool) -> Called:
        own: dict[str, Any] = {name: state[prefix + name] for name in program.tensors}
        for name, several in program.kin.items():
            when = common_condition(child.program.tensors[name])
            there = when is None or Interpreter(values, placement.scalars).truth(when)
            own[name] = [own[part] for part in several] if there else None
        return Called(child, {**values, **given}, inputs, own, members, training, placement)

    def run(node: ex.Call, arguments: list[Any], keywords: dict[str, Any], training: bool) -> Any:
        inputs = bound_inputs(program, arguments, keywords)
        return called(bound_values(program, arguments, keywords), inputs, training).outputs(node)

    def terms() -> Iterator[Any]:
        if program.penalty is not None:
            yield penalty(called({}, {}, training=True))
        yield from penalties(members.values())

    return run, terms


def _made(tensor: Parameter | Buffer, values: Mapping[str, Any], placement: Placement) -> Tensor:
    interpreter = Interpreter(values, placement.scalars)
    dtype = getattr(torch, tensor.dtype) if tensor.dtype else placement.owned_dtype or placement.dtype
    made = torch.empty(sizes_of(tensor.shape, interpreter), device=placement.device, dtype=dtype)
    floats = made.is_floating_point() or made.is_complex()
    return made.requires_grad_(placement.gradients and floats and isinstance(tensor, Parameter))
