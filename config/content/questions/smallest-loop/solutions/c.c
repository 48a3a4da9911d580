#include <stdio.h>
#include <string.h>

static char text[20001];
static int borders[20001];

int main(void) {
    if (scanf("%20000s", text) != 1) return 1;
    int length = (int)strlen(text), border = 0;
    for (int end = 1; end < length; end++) {
        while (border > 0 && text[border] != text[end]) border = borders[border - 1];
        if (text[border] == text[end]) border++;
        borders[end] = border;
    }
    printf("%d\n", length - borders[length - 1]);
    return 0;
}
