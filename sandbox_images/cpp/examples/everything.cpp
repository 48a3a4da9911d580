#include <fstream>
#include <iostream>
#include <string>

void copy(std::istream &from) {
    for (std::string line; std::getline(from, line);) {
        std::cout << line << '\n';
    }
}

int main(int argc, char **argv) {
    copy(std::cin);
    for (int i = 1; i < argc; i++) {
        std::cout << argv[i] << '\n';
    }
    std::ifstream data("data.txt");
    copy(data);
    std::cerr << "to stderr" << std::endl;
    return 3;
}
