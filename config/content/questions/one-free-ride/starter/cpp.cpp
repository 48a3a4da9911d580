// One Ride Is Free

#include <bits/stdc++.h>

long long solve(int n, int m, const std::vector<long long> &rides) {
    // rides: three numbers a, b, fare for each line
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    int m;
    std::cin >> m;
    std::vector<long long> rides(3 * m);
    for (auto &number : rides) std::cin >> number;
    std::cout << solve(n, m, rides) << '\n';
}
