/* Take names that would confuse a parser of /proc, from threads and children, and burn CPU under them. */
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    const char *names[] = {") R 1 (", "a b\nc", "agent) S 0 0 0 (", "\xff\xfe)"};
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            prctl(PR_SET_NAME, names[i]);
            for (;;) {}
        }
    }
    for (;;) pause();
}
