"""The faults of a spec's file before its contents mean anything: LG101 to LG110."""

from layergen.diagnostics import Rule


class UnreadableFile(Rule):
    """A file that cannot be opened, or that is not a file.

    The file is missing, may not be read, or is a folder, a pipe or a device. For links, what they point to counts.

    Example: `layergen check specs/norm/rsm_norm.yaml` where the file is `rms_norm.yaml`.

    Fix: correct the path or the permissions.
    """

    code = "LG101"


class InvalidEncoding(Rule):
    """A file that is not UTF-8 text.

    UTF-8 is the one encoding of specs, so that the same file gives the same code on every computer. A byte order
    mark at the start of the file is allowed.

    Example: `doc: Größe` saved by an editor as Latin-1.

    Fix: save the file as UTF-8, or convert it: `iconv -f latin1 -t utf-8 old.yaml > new.yaml`.
    """

    code = "LG102"


class FileTooLarge(Rule):
    """A file of more than 256 KiB, or of more than 20,000 values.

    A spec is about a page. The limit keeps a wrong or hostile file from taking time and memory.

    Example: a data set or a checkpoint's metadata under `specs/`.

    Fix: move what is not a spec out of the folder, or split the layer.
    """

    code = "LG103"


class InvalidYaml(Rule):
    """Text that is not YAML, or not the YAML of specs.

    A spec is one YAML 1.2 document whose keys are all text. Besides errors of syntax, this reports a second
    document, a key such as `1` or `null`, and a number of more than 40 characters.

        summary: Scale: the input.
                      ^ a second `:` on the line

    Fix: correct the text at the mark. Most often it lacks quotes, which text needs if it has `: ` or ` #` in it or
    begins with one of ``[ ] { } , & * ! | > @ ` % ' "``: write `summary: "Scale: the input."`.
    """

    code = "LG104"


class NestingTooDeep(Rule):
    """Mappings and lists within each other at more than 64 levels.

    A spec needs about five. The limit keeps a wrong or hostile file from taking time and memory.

        shape: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[N]]]]…

    Fix: remove the brackets that are too many.
    """

    code = "LG105"


class DuplicateKey(Rule):
    """A key that a mapping has already.

    YAML forbids it; most readers keep the last value and drop the first without a word.

        inputs:
          x: [N, C]
          x: [N, D]
          ^ given twice

    Fix: rename or delete one of the two.
    """

    code = "LG106"


class Alias(Rule):
    """An anchor (`&name`) or an alias (`*name`).

    Specs do without them: a value stands where it is used, and a few lines cannot unfold into gigabytes.

        inputs: {x: &shape [N, C]}
        outputs: {y: *shape}
                     ^^^^^^ an alias

    Fix: write the value twice. If a text shall begin with `*` or `&`, put it in quotes.
    """

    code = "LG107"


class ForeignTag(Rule):
    """A tag other than those of YAML's core schema.

    Allowed are `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq`. Tags of other kinds make objects
    of a program's own types; reading a spec never does.

        default: !!python/name:os.system
                 ^^^^^^^^^^^^^^^^^^^^^^^

    Fix: remove the tag. If a text shall begin with `!`, put it in quotes.
    """

    code = "LG108"


class NotAMapping(Rule):
    """A file whose top level is not a mapping of keys to values.

    The file is empty, holds comments alone, or is a list or a single value.

        - layer: RMSNorm
        ^ a list

    Fix: begin at the left margin with `layer: …`. `layergen new NAME` writes a starter spec.
    """

    code = "LG109"


class ForbiddenCharacter(Rule):
    """A character that cannot be seen, or that changes how the text around it is shown.

    These are control characters, marks that reverse the direction of writing, characters without width, the line
    separators of Unicode, and code points that are no characters. With them a spec can read differently from what
    it says, in an editor as in a review. A double-quoted text may not produce them either: `"\\u202e"`.

    Fix: delete the character. Written text of right-to-left languages needs none of them.
    """

    code = "LG110"
