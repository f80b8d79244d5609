"""The command as people call it."""

import sys
from pathlib import Path

TONEARM = str(Path(sys.executable).with_name("tonearm"))
"""As it is installed beside the interpreter that runs the tests."""
