"""A solution to: Lockers for Those Who Come Often."""


def main():
    capacity, n = map(int, input().split())
    values = {}
    behind, before = {None: None}, {None: None}  # A ring through None: behind it waits the longest.

    def unhook(person):
        a, b = before.pop(person), behind.pop(person)
        behind[a], before[b] = b, a

    def hook(person):
        last = before[None]
        behind[last], before[person] = person, last
        behind[person], before[None] = None, person

    for _ in range(n):
        command, person, *value = input().split()
        is_known = person in values
        if command == "get":
            print(values.get(person, "-"))
            if not is_known:
                continue
        elif not is_known and len(values) == capacity:
            longest = behind[None]
            unhook(longest)
            del values[longest]
        if is_known:
            unhook(person)
        hook(person)
        if value:
            values[person] = value[0]


main()
