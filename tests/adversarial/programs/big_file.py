"""Write 200 MB into one file."""

with open("beans.txt", "w") as file:
    for _ in range(200):
        file.write("beans" * 200_000)
        file.flush()
print("ALLOWED")
