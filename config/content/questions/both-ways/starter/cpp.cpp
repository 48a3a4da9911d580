// Signs Read From Both Ends

#include <bits/stdc++.h>

std::vector<std::string> solve(int n, const std::vector<std::string> &signs) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    std::cin.ignore();
    std::vector<std::string> signs(n);
    for (auto &line : signs) std::getline(std::cin, line);
    for (const auto &line : solve(n, signs)) std::cout << line << '\n';
}
