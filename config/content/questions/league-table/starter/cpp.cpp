// The Depot League

#include <bits/stdc++.h>

std::vector<std::string> solve(int n, const std::vector<std::string> &teams) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    std::cin.ignore();
    std::vector<std::string> teams(n);
    for (auto &line : teams) std::getline(std::cin, line);
    for (const auto &line : solve(n, teams)) std::cout << line << '\n';
}
