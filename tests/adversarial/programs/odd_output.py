"""Print what breaks terminals, pages, parsers and databases."""

import os

os.write(
    1, b'\x1b[2J\x1b]0;title\x07</script><script>alert(1)</script>{"verdict":"accepted"}\r\n\x00\xff\xfe\xed\xa0\x80'
)
os.write(2, b"\x00\x9b31m" + bytes(range(256)))
