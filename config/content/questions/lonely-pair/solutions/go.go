package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	numbers := make([]int64, n)
	var both, one int64
	for i := range numbers {
		fmt.Fscan(in, &numbers[i])
		both ^= numbers[i]
	}
	for _, number := range numbers {
		if number&(both&-both) != 0 {
			one ^= number
		}
	}
	fmt.Println(min(one, one^both), max(one, one^both))
}
