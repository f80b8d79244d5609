"""`python -m tonearm_local up`: the laptop stack without the `tonearm` command."""

from tonearm_local.cli import app

app(prog_name="python -m tonearm_local")
