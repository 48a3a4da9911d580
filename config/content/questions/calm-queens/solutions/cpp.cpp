#include <bits/stdc++.h>

static int n;
static std::vector<int> broken;

static long long count(int row, int columns, int left, int right) {
    if (row == n) return 1;
    int free = ((1 << n) - 1) & ~(columns | left | right | broken[row]);
    long long ways = 0;
    while (free) {
        int lamp = free & -free;
        free ^= lamp;
        ways += count(row + 1, columns | lamp, (left | lamp) << 1, (right | lamp) >> 1);
    }
    return ways;
}

int main() {
    std::cin >> n;
    broken.assign(n, 0);
    for (int &mask : broken) {
        std::string row;
        std::cin >> row;
        for (int place = 0; place < n; ++place)
            if (row[place] == '#') mask |= 1 << place;
    }
    std::cout << count(0, 0, 0, 0) << '\n';
}
