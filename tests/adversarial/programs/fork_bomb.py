"""Fork without end; each copy dies of the first refusal."""

import os

while True:
    os.fork()
