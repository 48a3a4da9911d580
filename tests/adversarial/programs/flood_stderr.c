#include <stdio.h>

int main(void) {
    puts("stdout is calm");
    fflush(stdout);
    for (;;) fputs("eeeeeeee", stderr);
}
