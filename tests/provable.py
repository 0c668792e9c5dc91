"""Small layers whose shapes are proven or cannot be, for the tests of proofs."""

SMALL = {
    "conv1d": """
arguments: {width: {type: int, min: 1, doc: Width.}, stride: {type: size1, min: 1, doc: Step.}}
parameters: {weight: {shape: [2, 3, width], init: ones}}
inputs: {x: [N, 3, L]}
outputs: {y: [N, 2, "(L - width) // stride[0] + 1"]}
forward: y = conv1d(x, weight, stride=stride)
""",
    "linear": """
arguments: {dim: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [2 * dim, dim], init: xavier_uniform}}
inputs: {x: [..., dim]}
outputs: {y: [..., 2 * dim]}
forward: y = linear(x, weight)
""",
    "bilinear": """
arguments: {dim: {type: int, min: 1, doc: Size.}, out: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [out, dim, dim], init: normal}}
inputs: {a: [N, dim], b: [N, dim]}
outputs: {y: [N, out]}
forward: y = einsum('ni,oij,nj->no', a, weight, b)
""",
    "pooling": """
arguments: {kernel_size: {type: size2, min: 1, doc: Window.}, stride: {type: size2, min: 1, doc: Step.}}
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C, "(H - kernel_size[0]) // stride[0] + 1", "(W - kernel_size[1]) // stride[1] + 1"]}
forward: y = max_pool2d(x, kernel_size, stride)
""",
    "embedding": """
arguments: {count: {type: int, min: 1, doc: Rows.}, dim: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [count, dim], init: normal}}
inputs: {index: {shape: [..., L], dtype: int64, range: [0, count]}}
outputs: {y: [..., L, dim]}
forward: y = embedding(index, weight)
""",
    "attention": """
inputs: {q: [N, L, D], k: [N, S, D], v: [N, S, E]}
outputs: {y: [N, L, E]}
forward: y = softmax(q @ transpose(k, 1, 2) / sqrt(D), dim=-1) @ v
""",
    "transposed": """
arguments: {channels: {type: int, min: 1, doc: Channels.}, stride: {type: int, min: 1, doc: Step.}}
parameters: {weight: {shape: [2 * channels, channels, 3], init: normal}}
inputs: {x: [N, 2 * channels, L]}
outputs: {y: [N, channels, (L - 1) * stride + 3]}
forward: y = conv_transpose1d(x, weight, stride=stride)
""",
    "patches": """
arguments: {size: {type: int, min: 1, doc: Size of a patch.}}
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C * size * size, "(H // size) * (W // size)"]}
forward: y = unfold(x, size, stride=size)
""",
    "joined": """
inputs: {x: [..., A], y: [..., B]}
outputs: {z: [..., A + B]}
forward: z = cat([x, y], dim=-1)
""",
    "padded": """
arguments: {before: {type: int, min: 0, doc: Zeros.}, after: {type: int, min: 0, doc: Zeros.}}
inputs: {x: [N, L]}
outputs: {y: [N, before + L + after]}
forward: y = pad(x, [before, after])
""",
    "heads": """
arguments: {heads: {type: int, min: 1, doc: Heads.}, head_dim: {type: int, min: 1, doc: Size of a head.}}
inputs: {x: [N, L, heads * head_dim]}
outputs: {y: [N, heads, L, head_dim]}
forward: y = transpose(reshape(x, [N, L, heads, head_dim]), 1, 2)
""",
    "resized": """
arguments: {size: {type: size2, min: 1, doc: Size.}}
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C, "size[0]", "size[1]"]}
forward: y = adaptive_avg_pool2d(x, size)
""",
    "spliced": """
arguments: {dim: {type: int, min: 1, doc: Size.}}
inputs: {x: [..., dim]}
outputs: {y: [..., 2, dim]}
forward: y = expand(x[..., None, :], [..., 2, dim])
""",
    "unbound": """
inputs: {x: [N, L, D]}
outputs: {y: [N, L, D]}
forward: y = cat(split(x, 1, dim=1), dim=1)
""",
    "windowed": """
arguments: {window: {type: int, min: 1, doc: Window.}}
parameters: {weight: {shape: [2, 2, 3], init: normal}}
inputs: {x: [N, 2, L]}
outputs: {y: [N, 2, (L - 2) // window]}
forward: y = max_pool1d(conv1d(x, weight), window)
""",
    "tied": """
arguments: {width: {type: int, min: 1, doc: Width.}, window: {type: int, min: 1, doc: Window.}}
parameters: {weight: {shape: [2, 2, width], init: normal}}
inputs: {x: [N, 2, L]}
outputs: {y: [N, 2, (L - width + 1) // window]}
forward: y = max_pool1d(conv1d(x, weight), window)
cases: [{width: 3, window: 2, L: 12}]
""",
    "one_hot": """
arguments: {count: {type: int, min: 1, doc: Classes.}}
inputs: {label: {shape: [N], dtype: int64, range: [0, count]}}
outputs: {y: {shape: [N, count], dtype: int64}}
forward: y = one_hot(label, count)
""",
}

# Of the small layers, those of which some argument has to be a number, and those that cannot be run at symbols.
CONCRETE = {"pooling": {"kernel_size", "stride"}, "patches": {"size"}, "one_hot": {"count"}}
TRIED = {"unbound": "torch takes `L` as a number", "windowed": "torch takes `L`, `window` as a number"}
