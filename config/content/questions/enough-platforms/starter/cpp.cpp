// Enough Platforms for Everyone

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &stays) {
    // stays: two numbers arrival, departure for each train
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> stays(2 * n);
    for (auto &number : stays) std::cin >> number;
    std::cout << solve(n, stays) << '\n';
}
