volatile int depth;

int deeper(int n) {
    volatile char frame[1024];
    frame[n % 1024] = (char)n;
    depth = n;
    return deeper(n + 1) + frame[(n + 1) % 1024];
}

int main(void) { return deeper(0); }
