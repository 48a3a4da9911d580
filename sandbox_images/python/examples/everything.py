import sys
from pathlib import Path

sys.stdout.write(sys.stdin.read())
for argument in sys.argv[1:]:
    print(argument)
sys.stdout.write(Path("data.txt").read_text())
print("to stderr", file=sys.stderr)
sys.exit(3)
