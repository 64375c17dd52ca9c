"""`python -m edgeseg` is `edgeseg`."""

from edgeseg.cli import main

main()
