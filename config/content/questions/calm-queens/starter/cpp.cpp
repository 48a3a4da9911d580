// Lamps That Do Not Dazzle

#include <bits/stdc++.h>

long long solve(int n, const std::vector<std::string> &rows) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<std::string> rows(n);
    for (auto &word : rows) std::cin >> word;
    std::cout << solve(n, rows) << '\n';
}
