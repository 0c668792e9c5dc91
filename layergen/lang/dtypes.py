"""The dtypes of torch that a spec may name. Quantized and sub-byte types have no arithmetic to speak of."""

FLOATING = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
INTEGRAL = ("uint8", "int8", "int16", "int32", "int64")
DTYPES = (*FLOATING, *COMPLEX, *INTEGRAL, "bool")
