// Crossing Wires

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &ends) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> ends(n);
    for (auto &number : ends) std::cin >> number;
    std::cout << solve(n, ends) << '\n';
}
