/* The child prints the answer while the parent waits. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0) { puts("42"); return 0; }
    wait(NULL);
    return 0;
}
