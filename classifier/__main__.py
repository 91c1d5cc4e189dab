"""`python -m classifier`."""

from classifier.cli.main import main

main()
