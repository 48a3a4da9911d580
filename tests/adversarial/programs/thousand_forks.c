/* Start a thousand children that spin; the parent counts those that it got and ends without waiting. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int started = 0;
    for (int i = 0; i < 1000; i++) {
        pid_t child = fork();
        if (child == 0) for (;;) {}
        if (child > 0) started++;
    }
    puts(started >= 6 && started <= 20 ? "OK" : "the limit did not hold");
    return 0;
}
