"""The faults of building, LG5xx: where a spec lies, and what stands where its files go."""

from layergen.diagnostics import Rule


class DuplicateOutput(Rule):
    """Two specs would write the same file or export the same class.

    Only one of them could win, and which one would depend on the order in which they are read; so neither is
    written. Names that differ in case alone count as the same, because many file systems treat them so.

    Example: ``specs/norm/rms_norm.yaml`` beside ``specs/norm/rms_norm.yml``, or a class ``RMSNorm`` in two
    categories, of which ``from generated import RMSNorm`` could give but one.

    Fix: rename one of the layers, or delete one of the specs.
    """

    code = "LG501"


class HandEditedFile(Rule):
    """A file that layergen would write or remove was not written by layergen, or was edited since.

    Each generated file carries a hash of its contents. Where the hash does not agree, somebody's work would be lost
    without a question; so the file stays as it is.

    Example: a fix made in ``generated/norm/rms_norm.py`` instead of in ``specs/norm/rms_norm.yaml``.

    Fix: make the change in the spec and build with ``--force``, which overwrites the file. To keep the file as your
    own, delete the spec and the file's first two lines.
    """

    code = "LG502"


class UnsafePath(Rule):
    """A file's path could not become the path of a Python module inside the output folder.

    ``specs/<category>/<layer_name>.yaml`` becomes ``generated/<category>/<layer_name>.py``, so each part must be a
    module name: lower-case letters, digits and underscores, a letter first, no keyword. ``tests`` is taken by the
    generated tests. Links are not followed, neither to folders of specs nor anywhere in the output folder: what
    they point to may lie outside of the project.

    Example: ``specs/my-layers/class.yaml``.

    Fix: rename the file or the folder, or put the real one in the link's place.
    """

    code = "LG503"


class Unwritable(Rule):
    """The operating system refuses to write or to remove a generated file.

    Example: a full disk, a folder without write permission, or a folder that stands where the file should.

    Fix: remove the cause and build again. What was written before is whole, and what was not is as it was.
    """

    code = "LG504"


class MisnamedFile(Rule):
    """The name of a spec's file does not fit the layer that it defines.

    The module has the file's name, so that ``CustomConv2d`` is found in ``custom_conv2d``. Without its underscores
    the file's name must equal the class name in lower case; where the underscores stand is free.

    Example: ``layer: RMSNorm`` in ``specs/norm/layer_norm.yaml``.

    Fix: rename the file to ``rms_norm.yaml``, or correct ``layer``.
    """

    code = "LG505"
