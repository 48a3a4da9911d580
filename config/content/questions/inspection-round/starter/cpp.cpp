// The Inspector's Round

#include <bits/stdc++.h>

long long solve(int n, const std::vector<long long> &minutes) {
    // minutes: row by row, from each depot to each depot
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    std::vector<long long> minutes(n * n);
    for (auto &number : minutes) std::cin >> number;
    std::cout << solve(n, minutes) << '\n';
}
