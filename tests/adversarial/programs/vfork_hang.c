/* The parent of a vfork sleeps in the kernel until its child ends, and this child does not. */
#include <unistd.h>

int main(void) {
    if (vfork() == 0) for (;;) pause();
    return 0;
}
