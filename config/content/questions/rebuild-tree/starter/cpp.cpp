// Two Lists, One Tree

#include <bits/stdc++.h>

std::vector<long long> solve(int n, const std::vector<long long> &first, const std::vector<long long> &second) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> first(n);
    for (auto &number : first) std::cin >> number;
    std::vector<long long> second(n);
    for (auto &number : second) std::cin >> number;
    for (long long number : solve(n, first, second)) std::cout << number << ' ';
    std::cout << '\n';
}
