// The Median So Far

#include <bits/stdc++.h>

std::vector<long long> solve(int n, const std::vector<long long> &delays) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> delays(n);
    for (auto &number : delays) std::cin >> number;
    for (long long number : solve(n, delays)) std::cout << number << ' ';
    std::cout << '\n';
}
