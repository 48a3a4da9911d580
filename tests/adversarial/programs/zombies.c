/* Keep as many dead children as the limit allows, and never collect them. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    while (fork() > 0) {}
    pause();
    return 0;
}
