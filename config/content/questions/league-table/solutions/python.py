"""A solution to: The Depot League."""


def main():
    teams = [input().split() for _ in range(int(input()))]
    teams.sort(key=lambda team: (-int(team[1]), int(team[3]) - int(team[2]), team[0]))
    for name, *_ in teams:
        print(name)


main()
