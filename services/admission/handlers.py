"""What admission does when a message arrives.

It handles no event and no command. Replies to its saga's commands go to the orchestrator in `saga.py`.
"""

from infirmary.handlers import Handlers

handlers = Handlers("admission")
