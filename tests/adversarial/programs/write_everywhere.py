"""Find every directory that takes a new file, and every file that can be opened for writing."""

import os

KNOWN = ("/box/src", "/box/out", "/box/app", "/tmp", "/dev/shm", "/dev/mqueue")
faults = []
for parent, folders, names in os.walk("/"):
    if parent == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys")]
    if not parent.startswith(KNOWN):
        try:
            os.close(os.open(f"{parent}/planted", os.O_CREAT | os.O_WRONLY))
            faults.append(parent)
        except OSError:
            pass
        for name in names:
            path = os.path.join(parent, name)
            if os.access(path, os.W_OK, follow_symlinks=False) and not path.startswith("/dev/"):
                faults.append(path)
print("ALLOWED" if faults else "refused", *faults)
