/* The parent ends at once; an orphan keeps stdout and stderr open and would print much later. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0) { setsid(); sleep(60); puts("late"); return 0; }
    return 0;
}
