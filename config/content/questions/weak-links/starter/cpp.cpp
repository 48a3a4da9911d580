// Cables That Must Not Break

#include <bits/stdc++.h>

std::vector<std::string> solve(int n, int m, const std::vector<long long> &cables) {
    // cables: two numbers a, b for each cable
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    int m;
    std::cin >> m;
    std::vector<long long> cables(2 * m);
    for (auto &number : cables) std::cin >> number;
    for (const auto &line : solve(n, m, cables)) std::cout << line << '\n';
}
