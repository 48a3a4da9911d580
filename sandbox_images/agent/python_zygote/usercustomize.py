"""Make the interpreter that imports this a zygote (``agent/births.py``).

Python imports a module of this name as the last thing before it opens its script
(https://docs.python.org/3/library/site.html#module-usercustomize), and ``PYTHONPATH`` makes it find this one.
"""

import os
import sys

modules = frozenset(sys.modules)
try:
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from agent.births import wait_to_be_born

    wait_to_be_born(modules)
except BaseException:
    # Going on would run a user's file as root.
    os._exit(1)

# Python goes on as if there were no such module, and there is none in its list for the program to find.
raise ImportError("this is a program now", name=__name__)
