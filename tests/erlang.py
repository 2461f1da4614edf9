"""What an operator's tools do at a node of RabbitMQ, without the seconds that these take to start."""

import subprocess
from pathlib import Path

from local.servers.rabbitmq import RabbitMQServer
from local.servers.sources import find_program

CLOSE_CONNECTIONS = """begin
    rabbit_networking:close_all_connections(<<"an operator">>),
    [catch gen_server:call(Each, {shutdown, <<"an operator">>}, 5000)
        || Each <- rabbit_networking:local_non_amqp_connections()],
    ok
end"""
"""What `rabbitmqctl close_all_connections` does to AMQP's, and the page of streams to each of theirs."""

DEADLINE_S = 60
_ERL_CALL = Path("/usr/lib/erlang/lib")
_DEBIAN_TOOL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")  # the one in /usr/sbin would change to the system's user


def evaluate(node: RabbitMQServer, expression: str) -> str:
    """Has a node evaluate an Erlang expression, and returns what comes of it.

    Raises:
        RuntimeError: It will not.
    """
    environment = node.processes[-1].environment or {}
    quick = find_program("erl_call") or next(map(str, _ERL_CALL.glob("erl_interface-*/bin/erl_call")), None)
    if quick is not None:
        command, said = [quick, "-sname", environment["RABBITMQ_NODENAME"], "-e"], f"{expression}.\n"
    else:  # starts an Erlang of its own, which takes seconds
        tool = str(_DEBIAN_TOOL) if _DEBIAN_TOOL.exists() else find_program("rabbitmqctl") or "rabbitmqctl"
        command, said = [tool, "--quiet", "eval", f"{{ok, {expression}}}."], ""
    done = subprocess.run(
        command, input=said, env=environment, check=False, capture_output=True, text=True, timeout=DEADLINE_S
    )
    if done.returncode != 0 or not done.stdout.startswith("{ok"):
        raise RuntimeError(f"RabbitMQ will not {expression}: {done.stdout}{done.stderr}")
    return done.stdout
