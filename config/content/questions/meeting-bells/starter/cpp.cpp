// When All Bells Ring Together

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &periods) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> periods(n);
    for (auto &number : periods) std::cin >> number;
    std::cout << solve(n, periods) << '\n';
}
