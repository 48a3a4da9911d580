#include <stdio.h>

static void copy(FILE *from) {
    int byte;
    while ((byte = getc(from)) != EOF) {
        putchar(byte);
    }
}

int main(int argc, char **argv) {
    copy(stdin);
    for (int i = 1; i < argc; i++) {
        puts(argv[i]);
    }
    FILE *data = fopen("data.txt", "r");
    if (!data) {
        return 1;
    }
    copy(data);
    fputs("to stderr\n", stderr);
    return 3;
}
