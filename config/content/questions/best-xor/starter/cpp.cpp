// The Most Different Signals

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &signals) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> signals(n);
    for (auto &number : signals) std::cin >> number;
    std::cout << solve(n, signals) << '\n';
}
