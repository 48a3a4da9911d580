/* Close all three streams and stay: the end of the outputs is not the end of the program. */
#include <unistd.h>

int main(void) {
    close(0);
    close(1);
    close(2);
    for (;;) pause();
}
