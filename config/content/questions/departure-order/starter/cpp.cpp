// Who Departs First?

#include <bits/stdc++.h>

std::vector<std::string> solve(int n, int m, const std::vector<long long> &rules) {
    // rules: two numbers a, b for each rule, a departs before b
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    int m;
    std::cin >> m;
    std::vector<long long> rules(2 * m);
    for (auto &number : rules) std::cin >> number;
    for (const auto &line : solve(n, m, rules)) std::cout << line << '\n';
}
