/* Send every signal to the parent, to pid 1, to every pid and to everybody at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
    int reached = 0;
    for (int number = 1; number < 65; number++) {
        if (kill(getppid(), number) == 0 || kill(1, number) == 0) reached++;
        for (int pid = 2; pid < 512; pid++) if (pid != getpid() && kill(pid, number) == 0) reached++;
        if (kill(-1, number) == 0 && number != SIGCONT) reached++;
    }
    if (killpg(getpgid(1), SIGKILL) == 0 && getpgid(1) != 0) reached++;
    puts(reached ? "ALLOWED" : "refused");
    return 0;
}
