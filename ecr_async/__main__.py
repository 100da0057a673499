"""`python -m ecr_async`: the command, where its script isn't on the path."""

from ecr_async.cli import main

main()
