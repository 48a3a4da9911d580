// The Two Stations Farthest Apart

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &tracks) {
    // tracks: three numbers a, b, length for each track
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> tracks(3 * n - 3);
    for (auto &number : tracks) std::cin >> number;
    std::cout << solve(n, tracks) << '\n';
}
