// Water for the Steam Engine

#include <bits/stdc++.h>

long long solve(int n, int distance, int reach, const std::vector<long long> &towers) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    int distance;
    std::cin >> distance;
    int reach;
    std::cin >> reach;
    std::vector<long long> towers(n);
    for (auto &number : towers) std::cin >> number;
    std::cout << solve(n, distance, reach, towers) << '\n';
}
