cat
[ $# -eq 0 ] || printf '%s\n' "$@"
cat data.txt
echo "to stderr" >&2
exit 3
