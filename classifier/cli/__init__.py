"""The command line: options become objects, one call, an exit code."""
