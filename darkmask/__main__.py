"""Run the command line as ``python -m darkmask``."""

import sys

from .cli import main

sys.exit(main())
