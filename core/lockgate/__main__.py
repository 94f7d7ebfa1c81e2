"""`python -m lockgate` is the command `lockgate`."""

import sys

from lockgate.cli import main

sys.exit(main())
