"""``python -m clacks_events``."""

import sys

from clacks_events.cli import main

if __name__ == "__main__":
    sys.exit(main())
