#include <stdio.h>
#include <stdlib.h>

int main(void) {
    int limit, primes = 0;
    if (scanf("%d", &limit) != 1) return 1;
    char *composite = calloc((size_t)limit + 1, 1);
    if (!composite) return 1;
    for (int number = 2; number <= limit; number++) {
        if (composite[number]) continue;
        primes++;
        for (long long multiple = (long long)number * number; multiple <= limit; multiple += number) composite[multiple] = 1;
    }
    printf("%d primes up to %d\n", primes, limit);
    free(composite);
    return 0;
}
