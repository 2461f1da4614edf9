"""`python -m services <name> <role>`: every process names its service and its role in its command line."""

from importlib import import_module
from importlib.util import find_spec

from infirmary.command import commands

cli = commands()
if find_spec("contracts") is not None:  # in a checkout; no service's image has it
    cli.add_command(import_module("contracts.commands").contracts)

if __name__ == "__main__":
    cli()
