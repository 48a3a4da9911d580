#include <stdio.h>
#include <string.h>

static char block[128 << 20];

int main(void) {
    memset(block, 1, sizeof block);
    printf("%d\n", block[12345]);
    return 0;
}
