#include <signal.h>

int main(void) {
    volatile int zero = 0, one = 1;
    one /= zero;
    return raise(SIGFPE); /* Some processors do not trap. */
}
