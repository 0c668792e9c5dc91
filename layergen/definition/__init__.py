"""A layer's formula as a paper writes it, in index notation: read, given ranges, computed, and shown.

It is the second telling of a layer, beside its forward. So that the two stay independent, this room knows the language
alone: no op, no tensor, no forward.
"""
