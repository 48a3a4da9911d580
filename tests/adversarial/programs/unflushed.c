/* What stdio still holds when SIGKILL comes is lost. */
#include <signal.h>
#include <stdio.h>

int main(void) {
    printf("held back");
    return raise(SIGKILL);
}
