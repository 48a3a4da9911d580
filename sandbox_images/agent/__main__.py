"""Run the agent: ``python3 -I -S .../agent/__main__.py``, as pid 1 of a container or of a pid namespace.

Theory of operation
-------------------
One worker talks to one agent over the agent's stdin and stdout, in frames (``frames``): a request, then its answer.
``hello`` is sent unasked at start. ``load`` is the one request without an answer, so that it costs no round trip: its
failure answers the request that follows.

Processes. The agent is root, with just the capabilities that it needs to become another user, to kill other users'
processes and to remove their files. Each compilation and each case is a child forked from here (``steps``) or from an
interpreter kept for that (``zygote``), under a uid drawn at random that was never used in this box, with its own
session and resource limits. The agent is pid 1, so whatever a program leaves behind becomes the agent's child: when
there are no children left (but for the zygote), there are no processes left. That is the only test of "all dead" that
a fork bomb cannot win.

One thread. A single ``poll`` loop (``watch``) feeds stdin, takes the outputs up to their caps, wakes on the child's
pidfd and on a tick. At each tick the CPU time and the memory of the whole box are read (``gauges``) and held against
the request's limits. The box's cgroup, where there is one, is the hard bound behind these; its kills are read from
its event counters.

Order. fork, watch, kill everything, reap everything, drain the pipes, answer, and only then clean. Cleaning comes
after the answer because nobody waits for it, and before the next request because that one must find a clean box.
What cleaning finds wrong is reported with the next answer, and the worker then throws the box away.

Files. ``/box/src`` is where compilers work and ``/box/out`` where they leave what they make; regular files found
there afterwards move to ``/box/app`` with every write permission taken away. Programs work in ``/box/app``, which is
sticky: they may make files there but not change what they were given. Cleaning (``places``) touches files only when
no process but the agent exists, never follows a link, and never recurses, so no depth of nesting can stop it.

End of stdin means that the worker is gone: the agent exits at once, and the kernel kills all that is in a pid
namespace whose pid 1 ends. A dead worker therefore leaves no running program behind.

Left out on purpose: retries, queues, threads, languages, verdicts, and every import that costs memory or start time
(the agent is resident in each warm box, and each child starts as its copy).
"""

import gc
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from agent.serve import serve

if __name__ == "__main__":
    # Collections would only dirty pages that children share with the agent; the agent makes no cycles.
    gc.disable()
    gc.freeze()
    serve(0, 1)
