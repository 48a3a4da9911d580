"""Print without end."""

while True:
    print("a" * 99)
