/* A stopped process uses no CPU and answers nothing. */
#include <signal.h>
#include <unistd.h>

int main(void) {
    for (;;) kill(getpid(), SIGSTOP);
}
