"""Forgets who came first, whether or not they asked since."""


def main():
    capacity, n = map(int, input().split())
    values = {}
    for _ in range(n):
        command, person, *value = input().split()
        if command == "get":
            print(values.get(person, "-"))
            continue
        if person not in values and len(values) == capacity:
            del values[next(iter(values))]
        values[person] = value[0]


main()
