"""``python -m layergen``."""

import sys

from layergen.cli import main

if __name__ == "__main__":
    sys.exit(main())
