class Broken { static void Main() { int number = "text"; } }
