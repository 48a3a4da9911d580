"""Hello in every language, each copy different, so that no two need the same artefact."""

from __future__ import annotations

from itertools import count

HELLO = {
    "bash": "echo hello",
    "c": '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }',
    "cpp": '#include <bits/stdc++.h>\nint main() { std::cout << "hello" << std::endl; }',
    "csharp": 'class Program { static void Main() { System.Console.WriteLine("hello"); } }',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("hello") }',
    "java": 'public class Main { public static void main(String[] a) { System.out.println("hello"); } }',
    "javascript": "console.log('hello')",
    "php": '<?php echo "hello\\n";',
    "python": "print('hello')",
    "ruby": "puts 'hello'",
    "rust": 'fn main() { println!("hello"); }',
    "typescript": "const word: string = 'hello'; console.log(word)",
}

_HASH_COMMENTS = ("bash", "python", "ruby")
_numbers = count()


def hello(language: str) -> str:
    """Return the language's hello as nobody has compiled it yet."""
    mark = "#" if language in _HASH_COMMENTS else "//"
    return f"{HELLO[language]}\n{mark} {next(_numbers)}\n"
