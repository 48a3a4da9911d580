/* The first process sleeps while a grandchild in another session spins. */
#include <unistd.h>

int main(void) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) for (;;) {}
        _exit(0);
    }
    for (;;) pause();
}
