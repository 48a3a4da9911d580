/* Four children that stay under the limit each and far above it together. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            char *block = malloc(40 << 20);
            memset(block, i + 1, 40 << 20);
            pause();
        }
    }
    for (;;) pause();
}
