// A Pair That Fills the Crane

#include <bits/stdc++.h>

std::string solve(int n, int target, const std::vector<long long> &weights) {
    // Your code goes here.
    return "";
}

int main() {
    int n;
    std::cin >> n;
    int target;
    std::cin >> target;
    std::vector<long long> weights(n);
    for (auto &number : weights) std::cin >> number;
    std::cout << solve(n, target, weights) << '\n';
}
