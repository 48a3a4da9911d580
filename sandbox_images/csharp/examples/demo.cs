using System;
using System.Collections;

static class Example
{
    static void Main()
    {
        int limit = int.Parse(Console.ReadLine());
        var composite = new BitArray(limit + 1);
        int primes = 0;
        for (int number = 2; number <= limit; number++)
        {
            if (composite[number]) continue;
            primes++;
            for (long multiple = (long)number * number; multiple <= limit; multiple += number) composite[(int)multiple] = true;
        }
        Console.WriteLine("{0} primes up to {1}", primes, limit);
    }
}
