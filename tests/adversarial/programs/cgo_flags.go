package main

// #cgo CFLAGS: -fplugin=/tmp/plugin.so
// #include <stdlib.h>
import "C"

func main() { C.system(C.CString("echo ALLOWED")) }
