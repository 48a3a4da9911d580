// Couplings in Order

#include <bits/stdc++.h>

std::string solve(const std::string &text) {
    // Your code goes here.
    return "";
}

int main() {
    std::string text;
    std::cin >> text;
    std::cout << solve(text) << '\n';
}
