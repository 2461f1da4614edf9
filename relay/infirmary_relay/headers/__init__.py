"""What stands before a body in the outbox, of either version of its contract, and what it becomes on either wire.

Version 2, and what the relay makes of a row's columns: sections of AMQP 1.0, as a log has them. Version 1: the payload
of an AMQP 0-9-1 content header, as a queue has it. Each goes as it is on its own wire, and is converted for the other.
"""
