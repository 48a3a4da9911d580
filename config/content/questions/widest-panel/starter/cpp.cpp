// The Largest Poster on the Fence

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &heights) {
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> heights(n);
    for (auto &number : heights) std::cin >> number;
    std::cout << solve(n, heights) << '\n';
}
