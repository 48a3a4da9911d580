#include <stdio.h>

static int behind[5001];

/* The last wagon of the k wagons behind `before`, or 0 if there are fewer. */
static int end_of_group(int before, int k) {
    int end = before;
    for (int step = 0; step < k; step++) {
        end = behind[end];
        if (end == 0) return 0;
    }
    return end;
}

int main(void) {
    int n, k;
    if (scanf("%d %d %d", &n, &k, &behind[0]) != 3) return 1;
    for (int wagon = 1; wagon <= n; wagon++)
        if (scanf("%d", &behind[wagon]) != 1) return 1;
    int before = 0, end;
    while ((end = end_of_group(before, k)) != 0) {
        int front = behind[before], rest = behind[end], previous = rest;
        for (int wagon = front; wagon != rest;) {
            int following = behind[wagon];
            behind[wagon] = previous;
            previous = wagon;
            wagon = following;
        }
        behind[before] = end;
        before = front;
    }
    for (int wagon = behind[0]; wagon != 0; wagon = behind[wagon]) printf("%d ", wagon);
    putchar('\n');
    return 0;
}
