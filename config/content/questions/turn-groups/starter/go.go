// Turning the Train in Groups
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, k int, head int, behind []int) []int {
	// Your code goes here.
	return nil
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	var k int
	fmt.Fscan(in, &k)
	var head int
	fmt.Fscan(in, &head)
	behind := make([]int, n)
	for i := range behind {
		fmt.Fscan(in, &behind[i])
	}
	for _, number := range solve(n, k, head, behind) {
		fmt.Print(number, " ")
	}
	fmt.Println()
}
