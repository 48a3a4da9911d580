int main() { return text; }
