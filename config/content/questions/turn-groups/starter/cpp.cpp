// Turning the Train in Groups

#include <bits/stdc++.h>

std::vector<long long> solve(int n, int k, int head, const std::vector<long long> &behind) {
    // Your code goes here.
    return {};
}

int main() {
    int n;
    std::cin >> n;
    int k;
    std::cin >> k;
    int head;
    std::cin >> head;
    std::vector<long long> behind(n);
    for (auto &number : behind) std::cin >> number;
    for (long long number : solve(n, k, head, behind)) std::cout << number << ' ';
    std::cout << '\n';
}
