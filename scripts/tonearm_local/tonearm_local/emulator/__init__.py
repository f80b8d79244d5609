"""The embedded AWS emulator: ministack, pinned, with Tonearm's extensions.

`python -m tonearm_local.emulator --port 4566 --state-dir DIR --images-dir DIR` runs it in the foreground. Each
extension is one module with one `install()`; each closes one gap that was found by running, and the tests in
tests/unit/local fail when an upgrade of ministack closes the gap itself, so that the module can go.
"""
