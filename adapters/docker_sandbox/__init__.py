"""Boxes that are Docker containers: the sandbox that is meant for programs of strangers.

Theory of operation
-------------------
Starting a container costs a few tenths of a second, starting a process in one that runs already costs nothing that
matters. So containers are made ahead (``adapters.box_pool``), and pid 1 of each is the agent, which starts, measures
and kills the programs. The worker talks to it over the container's own stdin and stdout: one attach connection per
container, opened before the container starts so that not a byte is missed, and never ``docker exec``, which is slow
and cannot be relied upon when the box is full of hostile processes.

The connection is also the leash. stdin is opened once: when the worker dies, however it dies, the kernel closes the
connection, the engine closes the container's stdin, the agent exits, the kernel kills the pid namespace, and the
engine removes the container by itself (AutoRemove). What that misses, a container that was created and never
started, or one whose engine was restarted in between, is found by its labels: see ``reaper``.

``options`` is the list of what a container is denied. ``engine`` is the only file that calls the Docker SDK.
``adapters.sandbox_self_test`` tries the forbidden things in a real container before the first program is let in.

Left out on purpose: pulling images, networks, volumes, logs. Nothing is ever copied into or out of a container but
through the agent, so no path that a program could have turned into a link is read outside its own box.
"""

from adapters.docker_sandbox.engine import DockerOptions
from adapters.docker_sandbox.sandbox import DockerSandbox

__all__ = ["DockerOptions", "DockerSandbox"]
