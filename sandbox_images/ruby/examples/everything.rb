print $stdin.read
puts ARGV
print File.read("data.txt")
warn "to stderr"
exit 3
