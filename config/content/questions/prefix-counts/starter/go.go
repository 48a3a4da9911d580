// Stations That Begin Like This
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, q int, stations []string, beginnings []string) []int {
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var q int
	fmt.Fscan(in, &q)
	stations := make([]string, n)
	for i := range stations {
		fmt.Fscan(in, &stations[i])
	}
	beginnings := make([]string, q)
	for i := range beginnings {
		fmt.Fscan(in, &beginnings[i])
	}
	for _, number := range solve(n, q, stations, beginnings) {
		fmt.Print(number, " ")
	}
	fmt.Println()
}
