"""`python -m geometry` is the command `geometry`."""

import sys

from geometry.cli import main

sys.exit(main())
