"""The exit codes of every command."""

DONE = 0
FELL_SHORT = 1
"""Done, and something failed or fell short, which is named."""
WRONG_USAGE = 2
"""Wrong usage or configuration, before anything was sent."""
INTERRUPTED = 130
