using System;
using System.IO;

class Everything
{
    static int Main(string[] args)
    {
        Console.Write(Console.In.ReadToEnd());
        foreach (var argument in args)
        {
            Console.WriteLine(argument);
        }
        Console.Write(File.ReadAllText("data.txt"));
        Console.Error.WriteLine("to stderr");
        return 3;
    }
}
