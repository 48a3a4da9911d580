// Loading the Last Wagon

#include <bits/stdc++.h>

long long solve(int n, int capacity, const std::vector<long long> &crates) {
    // crates: two numbers weight, fee for each crate
    // Your code goes here.
    return 0;
}

int main() {
    int n;
    std::cin >> n;
    int capacity;
    std::cin >> capacity;
    std::vector<long long> crates(2 * n);
    for (auto &number : crates) std::cin >> number;
    std::cout << solve(n, capacity, crates) << '\n';
}
