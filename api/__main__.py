"""`python -m api`: the command line without an installed script."""

from api.commands import main

main()
