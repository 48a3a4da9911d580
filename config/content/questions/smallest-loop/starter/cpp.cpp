// The Shortest Printing Roller

#include <bits/stdc++.h>

long long solve(const std::string &text) {
    // Your code goes here.
    return 0;
}

int main() {
    std::string text;
    std::cin >> text;
    std::cout << solve(text) << '\n';
}
