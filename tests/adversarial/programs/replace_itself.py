"""Print a wrong answer, after trying to make the next run of this program print a right one."""

import os
import shutil
import sys

program = os.path.abspath(sys.argv[0])
folder = os.path.dirname(program)
better = "print(42)\n"


def overwrite():
    with open(program, "w") as file:
        file.write(better)


def replace():
    with open(f"{folder}/better.py", "w") as file:
        file.write(better)
    os.replace(f"{folder}/better.py", program)


def swap_folder():
    os.rename(folder, f"{folder}.old")
    shutil.copytree(f"{folder}.old", folder)


def shadow():
    for name in ("os.py", "sys.py", "sitecustomize.py", "usercustomize.py", "encodings/__init__.py"):
        os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
        with open(f"{folder}/{name}", "w") as file:
            file.write("import os\nos.write(1, b'42\\n')\nos._exit(0)\n")


for attempt in (
    lambda: os.chmod(program, 0o777),
    overwrite,
    lambda: os.unlink(program),
    replace,
    swap_folder,
    shadow,
):
    try:
        attempt()
    except OSError:
        continue
print("wrong")
