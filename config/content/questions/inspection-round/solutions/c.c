#include <stdio.h>

static long long best[1 << 12][12];
static long long minutes[12][12];

int main(void) {
    int n;
    if (scanf("%d", &n) != 1) return 1;
    for (int from = 0; from < n; from++)
        for (int to = 0; to < n; to++)
            if (scanf("%lld", &minutes[from][to]) != 1) return 1;
    for (int seen = 0; seen < 1 << n; seen++)
        for (int last = 0; last < n; last++) best[seen][last] = -1;
    best[1][0] = 0;
    for (int seen = 1; seen < 1 << n; seen++)
        for (int last = 0; last < n; last++) {
            if (best[seen][last] < 0) continue;
            for (int depot = 0; depot < n; depot++) {
                if (seen >> depot & 1) continue;
                long long *after = &best[seen | 1 << depot][depot];
                long long time = best[seen][last] + minutes[last][depot];
                if (*after < 0 || time < *after) *after = time;
            }
        }
    long long shortest = -1;
    for (int last = 0; last < n; last++) {
        long long time = best[(1 << n) - 1][last];
        if (time >= 0 && (shortest < 0 || time + minutes[last][0] < shortest)) shortest = time + minutes[last][0];
    }
    printf("%lld\n", shortest);
    return 0;
}
