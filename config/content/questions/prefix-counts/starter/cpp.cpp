// Stations That Begin Like This

#include <bits/stdc++.h>

std::vector<long long> solve(int n, int q, const std::vector<std::string> &stations, const std::vector<std::string> &beginnings) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    int q;
    std::cin >> q;
    std::vector<std::string> stations(n);
    for (auto &word : stations) std::cin >> word;
    std::vector<std::string> beginnings(q);
    for (auto &word : beginnings) std::cin >> word;
    for (long long number : solve(n, q, stations, beginnings)) std::cout << number << ' ';
    std::cout << '\n';
}
