read -r _
read -r -a periods
together=1
for period in "${periods[@]}"; do
  a=$together b=$period
  while ((b)); do
    ((rest = a % b, a = b, b = rest)) || true
  done
  together=$((together / a * period))
done
echo "$together"
