read -r _
while read -r name points scored conceded; do
  [[ $name ]] && echo "$points $((scored - conceded)) $name"
done | LC_ALL=C sort -k1,1nr -k2,2nr -k3,3 | cut -d " " -f 3
