// Two Gloves Without a Partner

#include <bits/stdc++.h>

std::vector<long long> solve(int n, const std::vector<long long> &numbers) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> numbers(n);
    for (auto &number : numbers) std::cin >> number;
    for (long long number : solve(n, numbers)) std::cout << number << ' ';
    std::cout << '\n';
}
