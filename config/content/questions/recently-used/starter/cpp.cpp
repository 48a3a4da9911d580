// Lockers for Those Who Come Often

#include <bits/stdc++.h>

std::vector<std::string> solve(int capacity, int n, const std::vector<std::string> &commands) {
    // Your code goes here.
    return {};
}

int main() {
    int capacity, n;
    std::cin >> capacity >> n >> std::ws;
    std::vector<std::string> commands(n);
    for (auto &line : commands) std::getline(std::cin, line);
    for (const auto &line : solve(capacity, n, commands)) std::cout << line << '\n';
}
