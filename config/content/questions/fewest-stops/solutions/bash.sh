read -r _ distance reach
read -r -a towers
count=0 filled_at=0 before=0
for place in "${towers[@]}" "$distance"; do
  if ((place - filled_at > reach)); then
    count=$((count + 1))
    filled_at=$before
    if ((place - filled_at > reach)); then
      echo -1
      exit
    fi
  fi
  before=$place
done
echo "$count"
