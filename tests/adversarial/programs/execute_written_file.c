/* Copy this program to the places for data, and start the copies. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc > 1) { puts("ALLOWED"); return 0; }
    const char *places[] = {"/tmp/copy", "/dev/shm/copy", "/dev/mqueue/copy", "/run/lock/copy", "/var/tmp/copy"};
    for (int i = 0; i < 5; i++) {
        int from = open("/proc/self/exe", O_RDONLY), to = open(places[i], O_CREAT | O_WRONLY, 0755);
        sendfile(to, from, 0, 16 << 20);
        close(to);
        if (fork() == 0) { execl(places[i], argv[0], "again", (char *)0); _exit(0); }
        wait(0);
    }
    puts("refused");
    return 0;
}
