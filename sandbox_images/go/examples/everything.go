package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	io.Copy(os.Stdout, os.Stdin)
	for _, argument := range os.Args[1:] {
		fmt.Println(argument)
	}
	data, err := os.ReadFile("data.txt")
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(data)
	fmt.Fprintln(os.Stderr, "to stderr")
	os.Exit(3)
}
