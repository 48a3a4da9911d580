// A Very Long Path of Slabs

#include <bits/stdc++.h>

long long solve(long long n, int k, const std::vector<long long> &lengths) {
    // Your code goes here.
    return 0;
}

int main() {
    long long n;
    std::cin >> n;
    int k;
    std::cin >> k;
    std::vector<long long> lengths(k);
    for (auto &number : lengths) std::cin >> number;
    std::cout << solve(n, k, lengths) << '\n';
}
