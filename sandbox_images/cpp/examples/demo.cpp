#include <bits/stdc++.h>

int main() {
    int limit;
    std::cin >> limit;
    std::vector<bool> composite(limit + 1);
    int primes = 0;
    for (int number = 2; number <= limit; ++number) {
        if (composite[number]) continue;
        ++primes;
        for (long long multiple = 1LL * number * number; multiple <= limit; multiple += number) composite[multiple] = true;
    }
    std::cout << primes << " primes up to " << limit << '\n';
}
