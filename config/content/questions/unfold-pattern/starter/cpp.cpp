// Unfolding a Whistle Pattern

#include <bits/stdc++.h>

std::string solve(const std::string &pattern) {
    // Your code goes here.
    return "";
}

int main() {
    std::string pattern;
    std::cin >> pattern;
    std::cout << solve(pattern) << '\n';
}
