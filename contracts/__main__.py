"""`python -m contracts`: writes or checks the schemas of all messages."""

from contracts.commands import contracts

contracts(prog_name="python -m contracts")
