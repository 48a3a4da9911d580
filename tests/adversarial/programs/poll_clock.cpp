// Stall by asking for the time.
#include <chrono>

int main() {
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(100);
    while (std::chrono::steady_clock::now() < end) {
    }
}
