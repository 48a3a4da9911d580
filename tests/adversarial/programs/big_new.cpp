// Half a GiB in one expression.
#include <cstdio>
#include <cstring>

int main() {
    auto *cube = new int[512][512][512];
    asm volatile("" : "+r"(cube)); // Or the compiler sees that nobody needs it.
    std::memset(cube, 1, sizeof(int) * 512 * 512 * 512);
    std::printf("%d\n", cube[1][2][3]);
}
