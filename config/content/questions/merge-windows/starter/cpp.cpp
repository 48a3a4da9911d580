// When Is the Track Closed?

#include <bits/stdc++.h>

std::vector<std::string> solve(int n, const std::vector<long long> &windows) {
    // windows: two numbers from, to for each window
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> windows(2 * n);
    for (auto &number : windows) std::cin >> number;
    for (const auto &line : solve(n, windows)) std::cout << line << '\n';
}
