using System;

class Greeting
{
    static void Main()
    {
        Console.WriteLine("hello");
    }
}
