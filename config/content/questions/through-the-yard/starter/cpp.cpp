// On Foot Through the Yard

#include <bits/stdc++.h>

long long solve(int height, int width, const std::vector<std::string> &rows) {
    // Your code goes here.
    return 0;
}

int main() {
    int height;
    std::cin >> height;
    int width;
    std::cin >> width;
    std::vector<std::string> rows(height);
    for (auto &word : rows) std::cin >> word;
    std::cout << solve(height, width, rows) << '\n';
}
