// The Weakest Engine That Will Do

#include <bits/stdc++.h>

long long solve(int n, int days, const std::vector<long long> &wagons) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    int days;
    std::cin >> days;
    std::vector<long long> wagons(n);
    for (auto &number : wagons) std::cin >> number;
    std::cout << solve(n, days, wagons) << '\n';
}
