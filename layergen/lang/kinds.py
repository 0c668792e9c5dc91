"""The kinds of values that an expression can have, as far as a call's signature tells them apart."""

from enum import StrEnum


class Kind(StrEnum):
    """A kind of value; its text is how messages say it."""

    TENSOR = "tensor"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    STR = "string"
    NONE = "None"
    INTS = "ints"
    FLOATS = "floats"
    TENSORS = "tensors"
    DTYPE = "dtype"
    MEMBER = "member"
    MEMBERS = "list of members"
    FUNCTION = "function"
    UNKNOWN = "unknown"  # no stage could tell: fits everywhere


Kinds = frozenset[Kind]  # a value has one of these, which depends on the setting
