#include <bits/stdc++.h>

int main() {
    int n;
    std::cin >> n;
    std::vector<std::array<int, 2>> trie(1);
    long long best = 0;
    for (int i = 0; i < n; ++i) {
        long long signal;
        std::cin >> signal;
        int node = 0;
        for (int bit = 30; bit >= 0; --bit) {
            int side = signal >> bit & 1;
            if (trie[node][side] == 0) {
                trie[node][side] = static_cast<int>(trie.size());
                trie.push_back({0, 0});
            }
            node = trie[node][side];
        }
        node = 0;
        long long apart = 0;
        for (int bit = 30; bit >= 0; --bit) {
            int side = signal >> bit & 1;
            if (trie[node][1 - side] != 0) {
                apart |= 1LL << bit;
                side = 1 - side;
            }
            node = trie[node][side];
        }
        best = std::max(best, apart);
    }
    std::cout << best << '\n';
}
